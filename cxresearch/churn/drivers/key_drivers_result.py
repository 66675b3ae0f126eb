"""What goes with a score, and how well the company does at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from cxresearch.churn.risk.feature_words import feature_words
from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KeyDrivers(Result):
    """Importance of drivers for a score.

    Attributes
    ----------
    outcome : str
    table : DataFrame
        One row for each driver, most important first. Columns ``driver``; ``importance, low, high`` (share of
        the outcome's variance, points of R squared); ``p_adjusted`` (of an importance as large by chance,
        over all drivers); ``share`` (of the explained variance); ``direction`` (+1 or -1, of the coefficient
        beside the other drivers), ``direction_sure`` (share of bootstrap runs with that direction);
        ``correlation`` with the outcome, ``coefficient`` (standardised); ``how_often`` (mean of a driver
        that is 0 or 1, NaN of another);
        ``performance, performance_low, performance_high`` (mean, 0 to 100 on the driver's own scale, 100
        good; NaN where no scale says which end is good); ``quadrant`` (``"not placed"`` without performance)
        and ``quadrant_sure`` (share of bootstrap runs in it).
    penalty_reward : DataFrame
        Columns ``driver, low_group, high_group, penalty, penalty_low, penalty_high, reward, reward_low,
        reward_high, kind``: the outcome's change among those low and those high on the driver (the outer
        thirds; below and above the median answer of a scale with at most 11 answers) against the middle, the
        other drivers' groups being equal; NaN where a group has fewer than 10 rows. ``kind`` is ``"basic"``
        (missing it costs more than having it gains), ``"excitement"`` (the reverse), ``"even"``,
        ``"not clear"``, or ``"too few"``.
    alike : tuple of str
        Drivers too alike to tell apart.
    r_squared, r_squared_low, r_squared_high : float
    method : str
    n, n_missing : int
        Rows used, and left out for a missing value.
    level : float
    labels : Mapping of str to str
        What pictures and sentences call a column, where that is not its name.
    outcome_good : int
        1 where a high outcome is good, -1 where it is bad, 0 where nobody said.
    left_out : tuple of str
        Drivers that stand in too few rows to be judged.
    """

    outcome: str
    table: pd.DataFrame
    penalty_reward: pd.DataFrame
    alike: tuple[str, ...]
    r_squared: float
    r_squared_low: float
    r_squared_high: float
    method: str
    n: int
    n_missing: int
    level: float
    labels: Mapping[str, str] = field(default_factory=dict)
    outcome_good: int = 0
    left_out: tuple[str, ...] = ()
    caveat: str = (
        "Importance says how much of the differences in the outcome goes with a driver; it does not say that "
        "changing the driver would change the outcome."
    )
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Drivers of {outcome_label}; {n:,} rows, {n_missing:,} left out for a missing value",
            columns=(
                Column(name="driver", label="driver", meaning="score or feature"),
                Column(
                    name="importance",
                    label="importance",
                    meaning="share of the variance that goes with it",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(
                    name="direction",
                    label="higher goes with",
                    meaning="sign of the coefficient",
                    words={1: "more", -1: "less"},
                ),
                Column(
                    name="direction_sure",
                    label="how sure",
                    meaning="share of resamples with this sign",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="of an importance as large by chance, over all drivers",
                    unit=Unit.P_VALUE,
                ),
                Column(name="correlation", label="correlation", meaning="with the outcome"),
                Column(name="quadrant", label="field", meaning="importance against performance"),
            ),
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of the table, with drivers in words."""
        words = {driver: self.label(driver) for driver in self.table["driver"]}
        return super().spec(name).change("driver", words=words)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        if not self.left_out:
            return (*self.alike, self.caveat)
        few = f"Not judged, in too few answers: {', '.join(self.left_out)}."
        return (*self.alike, few, self.caveat)

    @property
    def n_rows(self) -> int:
        """Rows looked at, with and without missing values."""
        return self.n + self.n_missing

    @property
    def outcome_label(self) -> str:
        """What a reader sees in place of the outcome's name."""
        return self.label(self.outcome)

    def label(self, column: str) -> str:
        """Return what a reader sees in place of a column's name."""
        return self.labels.get(column) or feature_words(column)

    def estimate(self, driver: str = "") -> Estimate:
        """Return the importance of one driver, or what all explain together, with its interval."""
        name = "explained by all drivers"
        if driver:
            name = f"importance of {self.label(driver)}"
            rows = self.table[self.table["driver"] == driver]
            if not len(rows):
                raise ArgumentError(
                    f"there is no driver {driver!r}", wanted="one of " + ", ".join(self.table["driver"])
                )
            value, low, high = (float(rows[part].iloc[0]) for part in ("importance", "low", "high"))
        else:
            value, low, high = self.r_squared, self.r_squared_low, self.r_squared_high
        return Estimate(
            name=name,
            value=value,
            low=low,
            high=high,
            level=self.level,
            se=float("nan"),
            n=self.n,
            n_missing=self.n_missing,
            unit=Unit.SHARE,
            method=f"{self.method}, bootstrap over clusters",
        )

    @property
    def beyond_chance(self) -> pd.DataFrame:
        """Rows of the table whose importance is more than chance brings, over all drivers."""
        return self.table[self.table["p_adjusted"] < 1 - self.level]

    @property
    def look_first(self) -> str:
        """The driver to look at first, empty where nothing stands out.

        The most important beyond chance that could be done better; what only delights (a praise, a group
        that is happier) comes after all others.
        """
        sure = self.beyond_chance
        if not len(sure):
            return ""
        delights = sure["how_often"].notna() & (sure["direction"] * self.outcome_good > 0)
        first = sure[~delights] if (~delights).any() else sure
        return str(first["driver"].iloc[0])

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        outcome = self.label(self.outcome)
        if not self.look_first:
            largest = format_value(float(self.table["high"].max()), Unit.SHARE)
            nothing = f"Nothing stands out: no driver goes with more than {largest} of the differences"
            return f"{nothing} in {outcome}."
        row = self.table[self.table["driver"] == self.look_first].iloc[0]
        figure = format_estimate(float(row["importance"]), float(row["low"]), float(row["high"]), Unit.SHARE)
        first = f"Look first at {self.label(self.look_first)}"
        text = (
            f"{first}: {figure} of the differences in {outcome} go with it{self._rivals(float(row['low']))}"
        )
        urgent = self.beyond_chance
        urgent = urgent[(urgent["quadrant"] == "improve first") & (urgent["quadrant_sure"] >= 0.9)]
        if urgent.empty:
            return f"{text}."
        names = ", ".join(self.label(str(driver)) for driver in urgent["driver"])
        return f"{text}. Important and below the average performance: {names}."

    def _rivals(self, low: float) -> str:
        """Which other drivers may matter as much, or matter too, in the words of a sentence."""
        others = self.beyond_chance[self.beyond_chance["driver"] != self.look_first]
        if not len(others):
            return ", and with nothing else beyond chance"
        rival = self.label(str(others["driver"].iloc[0]))
        # Intervals that do not overlap: a stricter rule than a test, for the pair was chosen by looking.
        if low <= float(others["high"].iloc[0]):
            return f", though {rival} may matter as much"
        further = ", ".join(self.label(str(driver)) for driver in others["driver"].iloc[:4])
        return f", before {further}"

    def __str__(self) -> str:
        total = format_value(self.r_squared, Unit.SHARE)
        ends = format_interval(self.r_squared_low, self.r_squared_high, Unit.SHARE)
        lines = [
            f"Drivers of {self.label(self.outcome)}: together {total} {ends} of its variance, n {self.n:,} "
            f"({self.n_missing:,} rows left out for a missing value)"
        ]
        for row in self.table.to_dict("records"):
            value = format_value(row["importance"], Unit.SHARE)
            interval = format_interval(row["low"], row["high"], Unit.SHARE)
            sign = {1: "more", -1: "less"}.get(row["direction"], "less")
            figure = f"{self.label(row['driver'])}: {value} {interval}"
            lines.append(f"  {figure}, higher goes with {sign}; {row['quadrant']}")
        lines += [f"  Warning: {text}" for text in self.alike]
        return "\n".join([*lines, f"  {self.caveat}"])

    __repr__ = __str__
