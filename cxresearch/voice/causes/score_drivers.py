"""``score_drivers``: what goes most with a score among themes, categories and facts of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.churn.drivers.key_drivers import key_drivers
from cxresearch.churn.drivers.key_drivers_result import KeyDrivers
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.scales import Scale
from cxresearch.stats.models.exchanged_customers import CustomerExchange
from cxresearch.stats.models.relative_importance import MOST_FOR_LMG, lmg, relative_weights
from cxresearch.voice.why.study_texts import collect_columns, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study
    from cxresearch.voice.why.themes import Themes

#: A level of a category, or a theme, needs so many rows with it and without.
LEAST_ROWS = 30
#: Exchanges of customers behind the largest importance that chance brings.
DRAWS = 499
#: Facts of tickets: column, and how it becomes a number.
TICKET_FACTS = ("first_reply_hours", "resolution_hours", "reopened", "handed_off")
_MOMENTS = {"first_reply_hours": "first_replied_at", "resolution_hours": "resolved_at"}
_COUNTS = {"reopened": "reopens", "handed_off": "handoffs"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreDrivers(Result):
    """What goes with a score.

    Attributes
    ----------
    table : DataFrame
        One row a driver, most important first.
    instrument : str
    drivers : KeyDrivers
        Importance against performance, penalty and reward; `plot` draws it.
    n, n_missing : int
        Answers used, and left out for a missing value.
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    instrument: str
    drivers: KeyDrivers = field(repr=False)
    n: int
    n_missing: int
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="driver", label="driver", meaning="theme, level of a category, fact, or product"),
                Column(
                    name="importance",
                    label="share of the differences",
                    meaning="of the score's variance (Shapley value of R squared)",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="direction", label="direction", meaning="'lowers' or 'raises' the score"),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="of an importance as large by chance, over all drivers",
                    unit=Unit.P_VALUE,
                ),
                Column(
                    name="share",
                    label="how often",
                    meaning="mean of the driver, where it is 0 or 1",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="kind",
                    label="penalty or reward",
                    meaning="what hurts when bad, what delights when good",
                ),
            ),
            title="Drivers of the score, {level} intervals; {n:,} answers",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        sure = self.table[self.table["p_adjusted"] < 1 - self.level]
        if not len(sure):
            largest = format_value(float(self.table["high"].max()), Unit.SHARE)
            nothing = f"Nothing stands out: no driver goes with more than {largest} of the differences"
            return f"{nothing} in {self.instrument}."
        lowering = sure[sure["direction"] == "lowers"]
        first = (lowering if len(lowering) else sure).iloc[0]
        figure = format_estimate(first["importance"], first["low"], first["high"], Unit.SHARE)
        does = f"it {first['direction']} {self.instrument} and goes with {figure}"
        lead = f"Look first at {first['driver']}: {does}"
        others = [row["driver"] for row in sure.to_dict("records") if row["driver"] != first["driver"]]
        more = (
            f" Beyond chance too: {', '.join(others[:4])}." if others else " Nothing else is beyond chance."
        )
        return f"{lead} of its differences.{more}"


def score_drivers(
    study: Study,
    instrument: str | None = None,
    *,
    themes: Themes | None = None,
    by: Sequence[str] = (),
    tickets: Sequence[str] = (),
    together: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
    seed: int = 0,
) -> ScoreDrivers:
    """Say what goes most with a score: themes, categories, facts of tickets, numbers, and pairs of them.

    Parameters
    ----------
    study : Study
    instrument : str, optional
        The question whose score is to be explained; by default the first.
    themes : Themes, optional
        Of comments: each theme is a driver, mentioned or not; answers without a comment mention none.
    by : sequence of str
        Columns of responses or customers: numbers as they are, each level of a text against all others
        (levels of 30 answers or more but the most frequent, with which the others are compared).
    tickets : sequence of str
        Columns of tickets, or ``"first_reply_hours"``, ``"resolution_hours"`` (their logarithm),
        ``"reopened"``, ``"handed_off"``; needs ``ticket_id`` in responses. Answers without a ticket are then
        left out.
    together : sequence of pairs of str
        Drivers, by their names in the table, whose product is a driver too.
    level, seed

    Returns
    -------
    ScoreDrivers

    Raises
    ------
    ArgumentError
        If the question or a column is not there, or fewer than two drivers are left.
    DataError
        If there are fewer than ten answers for each driver.

    Notes
    -----
    Importance is `key_drivers`': each driver's share of R squared averaged over all orders. Its chance law
    comes from letting whole customers change places, the largest importance of each of 499 exchanges the
    yardstick. Reasons for leaving and other outcomes are refused as drivers. Guide: ``docs/why.md``.
    """
    check_level(level)
    if not study.instruments:
        raise ArgumentError("the study declares no question", next_step="declare [instruments]")
    name = instrument or next(iter(study.instruments))
    check_choice("instrument", name, tuple(study.instruments))
    rows = _answers(study, name, by, tickets)
    columns = _columns(rows, themes, by, tickets)
    for first, second in together:
        columns[f"{first} x {second}"] = _product(columns, first, second)
    columns = {label: values for label, values in columns.items() if _varies(values)}
    if len(columns) < 2:
        raise ArgumentError(
            f"{len(columns)} drivers vary enough to explain {name!r}",
            wanted="two or more",
            next_step="name further ones",
        )
    frame = pd.DataFrame(columns)
    frame["_score"], frame["_who"] = rows["score"].to_numpy(), rows["who"].to_numpy()
    frame = frame.dropna(ignore_index=True)
    if len(frame) < 10 * len(columns):
        raise DataError(
            f"{len(frame):,} answers have all {len(columns)} drivers", wanted=f"{10 * len(columns)} or more"
        )
    scales = {label: _bad_when_said(label) for label in _said(themes, columns)}
    found = key_drivers(
        frame, "_score", list(columns), scales=scales, clusters="_who", level=level, seed=seed
    )
    good = 1 if study.instruments[name].risk_sign < 0 else -1
    return ScoreDrivers(
        table=_table(frame, found, good, seed),
        instrument=study.instruments[name].label,
        drivers=found,
        n=len(frame),
        n_missing=len(rows) - len(frame),
        level=level,
        notes=found.notes,
    )


def _answers(study: Study, instrument: str, by: Sequence[str], tickets: Sequence[str]) -> pd.DataFrame:
    """Answers with a score, with the columns asked for of their customer and their ticket."""
    outcomes = {"reason", "ended_at", "end_kind", "notice_at"}
    wrong = [column for column in (*by, *tickets) if column in outcomes]
    if wrong:
        raise ArgumentError(
            f"{wrong[0]!r} is an outcome, known only afterwards", wanted="what was known before"
        )
    rows = collect_columns(study, "responses", tuple(columns_of(study, "responses")))
    rows = rows[(rows["instrument"] == instrument) & rows["score"].notna()]
    if tickets:
        if "ticket_id" not in rows or "tickets" not in study.tables:
            raise ArgumentError(
                "answers do not say which ticket they are about", wanted="ticket_id in responses"
            )
        facts = collect_columns(study, "tickets", tuple(columns_of(study, "tickets")))
        facts = facts.add_prefix("ticket_").rename(columns={"ticket_ticket_id": "ticket_id"})
        rows = rows.merge(facts, on="ticket_id")
    joined = [column for column in by if column not in rows]
    if joined:
        lost = [column for column in joined if column not in columns_of(study, "customers")]
        if lost:
            raise ArgumentError(f"column {lost[0]!r} is in neither responses nor customers")
        people = collect_columns(study, "customers", ("customer_id", *joined))
        rows = rows.merge(people, on="customer_id", how="left")
    return rows.assign(who=pd.factorize(rows["customer_id"])[0]).reset_index(drop=True)


def _columns(
    rows: pd.DataFrame, themes: Themes | None, by: Sequence[str], tickets: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """All drivers as numbers, by the names they have in the table."""
    columns: dict[str, NDArray[np.float64]] = {}
    if themes is not None:
        if themes.marks.table != "responses":
            raise ArgumentError(f"the themes are of {themes.text}", wanted="themes of comments")
        flags = themes.marks.mark(rows[themes.marks.column].fillna("").to_numpy(dtype=object))
        for at, label in enumerate(themes.marks.labels.values()):
            columns[label] = flags[:, at].astype(np.float64)
    for column in by:
        columns |= _one(rows[column], column)
    for fact in tickets:
        columns |= _fact(rows, fact)
    return columns


def _one(values: pd.Series[Any], name: str) -> dict[str, NDArray[np.float64]]:
    """A number as it is; each frequent level of a category but the most frequent, against all others."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return {name: values.to_numpy(dtype=np.float64)}
    text = values.astype("string")
    levels = text.value_counts()
    frequent = sorted(levels.index[levels >= LEAST_ROWS][1:])
    known = text.notna().to_numpy()
    return {
        f"{name}: {level}": np.where(known, (text == level).fillna(False).to_numpy(dtype=np.float64), np.nan)
        for level in frequent
    }


def _fact(rows: pd.DataFrame, fact: str) -> dict[str, NDArray[np.float64]]:
    source = f"ticket_{_MOMENTS.get(fact) or _COUNTS.get(fact) or fact}"
    if source not in rows:
        raise ArgumentError(
            f"tickets have no {source.removeprefix('ticket_')!r}",
            wanted="a column of tickets or one of " + ", ".join(TICKET_FACTS),
        )
    if fact in _MOMENTS:
        hours = (rows[source] - rows["ticket_created_at"]).dt.total_seconds().to_numpy() / 3_600
        return {fact.replace("_", " "): np.log2(np.maximum(hours, 1 / 60))}
    if fact in _COUNTS:
        count = rows[source].to_numpy(dtype=np.float64)
        return {fact.replace("_", " "): np.where(np.isnan(count), np.nan, count > 0)}
    return _one(rows[source], fact)


def _product(columns: dict[str, NDArray[np.float64]], first: str, second: str) -> NDArray[np.float64]:
    for name in (first, second):
        if name not in columns:
            raise ArgumentError(f"there is no driver {name!r}", wanted="one of " + ", ".join(columns))
    both = columns[first], columns[second]
    # centred where it is no mark, so that the product does not repeat its parts
    centres = [0.0 if _is_mark(each) else float(np.nanmean(each)) for each in both]
    return (both[0] - centres[0]) * (both[1] - centres[1])


def _is_mark(values: NDArray[np.float64]) -> bool:
    return set(np.unique(values[~np.isnan(values)])) <= {0.0, 1.0}


def _varies(values: NDArray[np.float64]) -> bool:
    known = values[~np.isnan(values)]
    if _is_mark(known):
        return bool(min(known.sum(), len(known) - known.sum()) >= LEAST_ROWS)
    return bool(len(known) > LEAST_ROWS and known.std() > 0)


def _said(themes: Themes | None, columns: Mapping[str, Any]) -> list[str]:
    return [] if themes is None else [label for label in themes.marks.labels.values() if label in columns]


def _bad_when_said(label: str) -> Scale:
    """Performance of a theme: 100 where nobody complains of it."""
    return Scale(name="theme", label=label, low=0, high=1, direction="low_is_good")


def _table(frame: pd.DataFrame, found: KeyDrivers, good: int, seed: int) -> pd.DataFrame:
    """Importance of each driver, its chance law, and what being low or high on it goes with."""
    names = [str(name) for name in found.table["driver"]]
    table = found.table[["driver", "importance", "low", "high"]].copy()
    raises = (found.table["direction"].to_numpy() * good) > 0
    table["direction"] = np.where(raises, "raises", "lowers")
    largest = _largest_by_chance(frame, names, seed)
    reached = largest[None, :] >= table["importance"].to_numpy()[:, None] - 1e-12
    table["p_adjusted"] = (1 + reached.sum(axis=1)) / (1 + len(largest))
    marks = frame[names].isin([0.0, 1.0]).all()
    table["share"] = [float(frame[name].mean()) if marks[name] else float("nan") for name in names]
    kinds = found.penalty_reward.set_index("driver")["kind"]
    table["kind"] = [str(kinds.get(name, "")) for name in names]
    return table


def _largest_by_chance(frame: pd.DataFrame, names: list[str], seed: int) -> NDArray[np.float64]:
    """Largest importance of each exchange of whole customers."""
    split = lmg if len(names) <= MOST_FOR_LMG else relative_weights
    x = frame[names].to_numpy(dtype=np.float64)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = frame["_score"].to_numpy(dtype=np.float64)
    y = (y - y.mean()) / y.std()
    among = x.T @ x / len(x)
    exchange = CustomerExchange(frame["_who"].to_numpy(dtype=np.int64))
    rng = np.random.default_rng(seed)
    return np.array([split(among, x.T @ y[exchange.draw(rng)] / len(x)).max() for _ in range(DRAWS)])
