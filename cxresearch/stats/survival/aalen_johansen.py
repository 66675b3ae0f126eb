"""Cumulative incidence of competing kinds of event: exact under ties, R's standard errors, linear time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.stats.survival.jackknife import jackknife_variance
from cxresearch.stats.survival.kaplan_meier import curve_of, log_survival_influence, survival_of
from cxresearch.stats.survival.limits import SCALES, probability_limits
from cxresearch.stats.survival.risk_table import RiskTable, SurvivalRows, risk_table, survival_rows
from cxresearch.stats.survival.survival_curve import KaplanMeier, read_at, step_values

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CumulativeIncidence(Result):
    """Probability of each kind of event by each time, in the presence of the others.

    Attributes
    ----------
    kinds : tuple of str, length k
        Names of the kinds of event.
    time : ndarray, shape (t,)
        Distinct times at which anybody leaves, in ``unit``, rising.
    at_risk : ndarray, shape (t,)
        Weight at risk just before each time.
    events, incidence, se, low, high : ndarray, shape (t, k)
        Weight of events, probability of having had the event, standard error and pointwise limits. Where
        nothing has happened yet se is 0 and both limits are 0.
    event_free : KaplanMeier
        Probability of no event of any kind; with the incidences it adds up to 1.
    level : float
        Confidence level.
    ci : str
        Scale of the limits.
    n : int
        People behind it.
    unit : Unit
        Unit of time.
    """

    kinds: tuple[str, ...]
    time: Floats
    at_risk: Floats
    events: Floats
    incidence: Floats
    se: Floats
    low: Floats
    high: Floats
    event_free: KaplanMeier
    level: float
    ci: str
    n: int
    unit: Unit = Unit.DAYS

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Cumulative incidence with {level} limits; {n:,} people",
            columns=(
                Column(name="kind", label="kind", meaning="kind of event"),
                Column(name="time", label="time", meaning="at which somebody leaves"),
                Column(name="at_risk", label="at risk", meaning="weight at risk just before the time"),
                Column(name="events", label="events", meaning="weight having this kind of event"),
                Column(
                    name="incidence",
                    label="incidence",
                    meaning="probability of having had this kind of event",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="se", label="SE", meaning="standard error of the incidence"),
            ),
        )
    }

    @property
    def table(self) -> pd.DataFrame:
        """One row a kind and time, long."""
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "kind": kind,
                        "time": self.time,
                        "at_risk": self.at_risk,
                        "events": self.events[:, k],
                        "incidence": self.incidence[:, k],
                        "se": self.se[:, k],
                        "low": self.low[:, k],
                        "high": self.high[:, k],
                    }
                )
                for k, kind in enumerate(self.kinds)
            ],
            ignore_index=True,
        )

    def incidence_at(self, times: ArrayLike, *, extend: bool = False) -> pd.DataFrame:
        """Incidence of each kind at chosen times.

        Parameters
        ----------
        times : array-like, shape (m,)
            Times in ``unit``, 0 or more.
        extend : bool
            Carry the last value beyond the follow-up.

        Returns
        -------
        DataFrame
            Columns kind, time, at_risk (just before the time), incidence, se, low, high, note. Beyond the
            follow-up the values are NaN and ``note`` says so, unless nobody was left or ``extend`` was
            asked for.
        """
        at, beyond, note = read_at(self.event_free, times)
        if extend:
            note = f"carried {note}"
        parts = []
        for k, kind in enumerate(self.kinds):
            part = pd.DataFrame({"kind": kind, "time": at, "at_risk": self.event_free.at_risk_at(at)})
            for name in ("incidence", "se", "low", "high"):
                part[name] = step_values(self.time, getattr(self, name)[:, k], at, 0.0)
            if not extend:
                part.loc[beyond, ["incidence", "se", "low", "high"]] = np.nan
            part["note"] = np.where(beyond, note, "")
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @property
    def finding(self) -> str:
        """Incidence of each kind at the end of the follow-up."""
        end = self.event_free.follow_up
        parts = [
            f"{kind} {format_value(float(self.incidence[-1, k]), Unit.SHARE)} "
            f"{format_interval(float(self.low[-1, k]), float(self.high[-1, k]), Unit.SHARE)}"
            for k, kind in enumerate(self.kinds)
        ]
        by = format_value(end, self.unit)
        return f"Cumulative incidence by {by}: {', '.join(parts)}, n {self.n:,}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the event-free curve."""
        return self.event_free.notes


def aalen_johansen(  # noqa: PLR0913 - what R's survfit takes
    duration: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    kinds: Mapping[int, str] | None = None,
    level: float = 0.95,
    ci: str = "log-log",
    unit: Unit = Unit.DAYS,
) -> CumulativeIncidence:
    """Aalen-Johansen estimate of the probability of each kind of event by each time.

    Own code: lifelines' ``AalenJohansenFitter`` jitters tied times at random, which moves the incidence by
    up to half where ties are many.

    Parameters
    ----------
    duration, event, entry, weights, clusters, counts
        As in :func:`cxresearch.stats.survival.kaplan_meier.kaplan_meier`; ``event`` is 0 where
        censored and otherwise the code of the kind.
    kinds : mapping of int to str, optional
        Names of the event codes. A code that is not named but occurs is refused.
    level : float
        Confidence level.
    ci : {"log-log", "plain", "log", "logit"}
        Scale of the limits; log-log is the scale of R's ``survfit`` with ``conf.type="log-log"``.
    unit : Unit
        Unit of time, for display.

    Returns
    -------
    CumulativeIncidence
        Incidences and event-free probability add up to 1 at each time. Standard errors are the infinitesimal
        jackknife, as ``survfit`` gives for competing risks (cmprsk's Aalen-type SE differs in the third
        digit), computed for all times in one pass.

    Raises
    ------
    ArgumentError, DataError
        See :func:`cxresearch.stats.survival.risk_table.survival_rows`.

    References
    ----------
    Aalen and Johansen 1978, Scand. J. Statist. 5, 141-150.

    Examples
    --------
    >>> both = aalen_johansen([1, 2, 3, 4], [1, 2, 0, 1], kinds={1: "voluntary", 2: "involuntary"})
    >>> both.incidence[:, 0]
    array([0.25, 0.25, 0.25, 0.75])
    """
    check_choice("ci", ci, SCALES)
    check_level(level)
    rows = survival_rows(duration, event, entry=entry, weights=weights, clusters=clusters, counts=counts)
    return incidence_of(rows, kinds=kinds, level=level, ci=ci, unit=unit)


def incidence_of(
    rows: SurvivalRows,
    *,
    kinds: Mapping[int, str] | None = None,
    level: float = 0.95,
    ci: str = "log-log",
    unit: Unit = Unit.DAYS,
) -> CumulativeIncidence:
    """Cumulative incidence of rows that have been checked; arguments as :func:`aalen_johansen`."""
    names = _names(rows, kinds)
    table = risk_table(rows, kinds=tuple(names))
    before = np.concatenate([[1.0], survival_of(table)[:-1]])
    # Aalen and Johansen (1978): dF_k(t) = S(t-) d_k / n.
    steps = before[:, None] * table.events / table.at_risk[:, None]
    incidence = np.cumsum(steps, axis=0)
    se = np.sqrt(_variance(rows, table, before, steps))
    limits = [probability_limits(incidence[:, k], se[:, k], level=level, ci=ci) for k in range(len(names))]
    return CumulativeIncidence(
        kinds=tuple(names.values()),
        time=table.time,
        at_risk=table.at_risk,
        events=table.events,
        incidence=incidence,
        se=se,
        low=np.stack([low for low, _ in limits], axis=1),
        high=np.stack([high for _, high in limits], axis=1),
        event_free=curve_of(rows, level=level, ci=ci, unit=unit, jackknife=rows.entry is not None),
        level=level,
        ci=ci,
        n=rows.n,
        unit=unit,
    )


def _names(rows: SurvivalRows, kinds: Mapping[int, str] | None) -> dict[int, str]:
    present = [int(code) for code in np.unique(rows.event) if code > 0]
    if kinds is None:
        return {code: f"kind {code}" for code in present or [1]}
    unnamed = sorted(set(present) - set(kinds))
    if unnamed:
        raise ArgumentError(
            f"event code {unnamed[0]} occurs but has no name",
            where=f"kinds names {sorted(kinds)}",
            next_step="name every kind that competes, or code it 0 if it is censoring",
        )
    return {int(code): str(kinds[code]) for code in sorted(kinds)}


def _variance(
    rows: SurvivalRows,
    table: RiskTable,
    before: Floats,
    steps: Floats,
) -> Floats:
    """Variance of each incidence by the infinitesimal jackknife, shape (t, k).

    While a row is at risk its influence on F_k(t) is the sum over its times s of
    ``S(s-) dH_k(s) (C(s-) - C(entry)) - S(s-) dH_k(s) / n(s)``; after its exit F_k moves by its final
    influence on log S times dF_k. Both are linear in 1, F_k(t) and B(t) with
    ``dB = dF_k C(s-) - dF_k / n``.
    """
    scale = rows.scale[:, None]
    variance = np.empty_like(steps)
    for k in range(len(table.kinds)):
        basis, present, settled = _influence_coordinates(rows, table, before, steps, k)
        variance[:, k] = jackknife_variance(
            basis,
            enter=table.entry_index,
            leave=table.exit_index,
            present=scale * present,
            settled=scale * settled,
            cluster=rows.cluster,
        )
    return variance


def _influence_coordinates(
    rows: SurvivalRows, table: RiskTable, before: Floats, steps: Floats, k: int
) -> tuple[Floats, Floats, Floats]:
    """Functions of time 1, F_k, B, shape (t, 3), and each row's coordinates in them, shape (n, 3).

    The coordinates are those while the row is at risk, and those from its exit on.
    """
    level, start, final = log_survival_influence(rows, table)
    leave = table.exit_index
    enter = table.entry_index
    f = np.concatenate([[0.0], np.cumsum(steps[:, k])])
    b = np.concatenate([[0.0], np.cumsum(steps[:, k] * (level[:-1] - 1 / table.at_risk))])
    # A row's event of this kind adds S(s-) / n(s) at its own time.
    event = (rows.event == table.kinds[k]) * before[leave] / table.at_risk[leave]
    at_exit = b[leave + 1] - b[enter] - start * (f[leave + 1] - f[enter]) + event
    # B(t) - B(entry) - C(entry) (F(t) - F(entry)) while at risk, ...
    present = np.stack([start * f[enter] - b[enter], -start, np.ones_like(start)], axis=1)
    # ... and the value at the exit plus final (F(t) - F(exit)) from then on.
    settled = np.stack([at_exit - final * f[leave + 1], final, np.zeros_like(final)], axis=1)
    return np.stack([np.ones(table.time.size), f[1:], b[1:]], axis=1), present, settled


def lost_time_influence(rows: SurvivalRows, horizon: float, *, kind: int) -> tuple[float, Floats]:
    """Area under the incidence of one kind up to the horizon, and each row's influence on it, shape (n,).

    Parameters
    ----------
    rows : SurvivalRows
        Checked rows; ``kind`` occurs, and the horizon lies within the follow-up.
    horizon : float
        In the unit of the durations.
    kind : int
        Event code.
    """
    others = [int(code) for code in np.unique(rows.event) if code not in (0, kind)]
    table = risk_table(rows, kinds=(kind, *others))
    before = np.concatenate([[1.0], survival_of(table)[:-1]])
    steps = before[:, None] * table.events / table.at_risk[:, None]
    basis, present, settled = _influence_coordinates(rows, table, before, steps, 0)
    # Time from each step to the next, capped at the horizon; the functions are constant in between.
    edges = np.minimum(np.append(table.time, np.inf), horizon)
    areas = np.zeros((len(basis) + 1, 3))
    areas[1:] = np.cumsum(np.diff(edges)[:, None] * basis, axis=0)
    at_risk = areas[table.exit_index] - areas[table.entry_index]
    gone = areas[-1] - areas[table.exit_index]
    influence = (present * at_risk).sum(axis=1) + (settled * gone).sum(axis=1)
    return float(areas[-1, 1]), np.asarray(influence)
