"""Survival after an experience against customers of the same tenure who have not had it yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level, check_number
from cxresearch.churn.churn_kinds import KIND_NAMES, Kind, check_kind
from cxresearch.churn.curves.churn_curve import curve_from
from cxresearch.churn.curves.churn_curve_result import ChurnCurve
from cxresearch.churn.curves.compare_curves import CurveComparison, compare_curves
from cxresearch.churn.curves.experiences import experiences
from cxresearch.churn.curves.survival_input import SurvivalInput
from cxresearch.churn.curves.timeline import carried, timeline
from cxresearch.data.engine import collect
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.survival.risk_table import survival_rows
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Ints


AFTER = "after the event"
MATCHED = "matched customers"


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AfterEvent(Result):
    """What follows an event, beside customers of the same tenure who have not had it yet.

    Attributes
    ----------
    event : str
        What the event is.
    curve : ChurnCurve
        Two curves from the event (and its match) on: ``"after the event"`` and ``"matched customers"``.
    comparison : CurveComparison
        Their difference, robust to customers who appear more than once.
    hazard : CoxFit
        Hazard ratio (Cox regression within groups of ``matched_on``, robust by customer).
    n_events, n_matched, n_controls : int
        Customers with the event while at risk, those for whom a match was sample, and matched rows.
    matches : int
        Controls sought for each.
    matched_on : tuple of str
        Columns on which controls agree, besides tenure.
    balance : DataFrame
        Columns column, value, after_event, matched: shares of the matched columns and of the other segments
        in both groups. Columns not matched on may differ, and then so may churn.
    notes : tuple of str
        What the reader must know.
    """

    event: str
    curve: ChurnCurve
    comparison: CurveComparison
    hazard: CoxFit
    n_events: int
    n_matched: int
    n_controls: int
    matches: int
    matched_on: tuple[str, ...]
    balance: pd.DataFrame
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="After {event}, against others of the same tenure who had not had it",
            columns=(
                Column(name="figure", label="figure", meaning="what is compared"),
                Column(
                    name="value",
                    label="after the event",
                    meaning="figure",
                    low="low",
                    high="high",
                    unit_from="unit",
                ),
                Column(name="p_value", label="p", meaning="of no difference", unit=Unit.P_VALUE),
            ),
        ),
        "balance": TableSpec(
            title="Who they are; columns that are not matched on may differ, and then so may churn",
            columns=(
                Column(name="column", label="column", meaning="a column of customers"),
                Column(name="value", label="value", meaning="its value"),
                Column(name="after_event", label="after the event", meaning="share", unit=Unit.SHARE),
                Column(name="matched", label="matched", meaning="share", unit=Unit.SHARE),
            ),
        ),
    }

    @property
    def table(self) -> pd.DataFrame:
        """Hazard ratio, and differences of the mean time kept and of the share still there."""
        ratio = self.hazard_ratio
        row = self.comparison.table.iloc[0]
        at = f"{self.comparison.at:.3g} {self.comparison.unit}"
        ends = ("low", "high")
        lines = [
            (
                "hazard ratio",
                ratio["hazard_ratio"],
                *(ratio[end] for end in ends),
                ratio["p_value"],
                Unit.RATIO,
            ),
            (
                f"mean time kept within {self.comparison.horizon:.3g} {self.comparison.unit}, difference",
                row["rmst_difference"],
                *(row[f"rmst_{end}"] for end in ends),
                row["rmst_p"],
                self.comparison.unit,
            ),
            (
                f"still there after {at}, difference",
                row["survival_difference"],
                *(row[f"survival_{end}"] for end in ends),
                row["survival_p"],
                Unit.SHARE_DIFFERENCE,
            ),
        ]
        return pd.DataFrame(lines, columns=["figure", "value", "low", "high", "p_value", "unit"])

    @property
    def finding(self) -> str:
        """How much more often customers leave after the event."""
        ratio = self.hazard_ratio
        figure = format_estimate(ratio["hazard_ratio"], ratio["low"], ratio["high"], Unit.RATIO)
        if ratio["low"] > 1:
            return f"After {self.event} customers leave more often than matched ones: hazard ratio {figure}."
        if ratio["high"] < 1:
            return f"After {self.event} customers leave less often than matched ones: hazard ratio {figure}."
        return f"That customers leave more often after {self.event} cannot be shown: hazard ratio {figure}."

    @property
    def hazard_ratio(self) -> dict[str, float]:
        """Hazard ratio after the event with low, high and p_value."""
        row = self.hazard.table.iloc[0]
        return {name: float(row[name]) for name in ("hazard_ratio", "low", "high", "p_value")}

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values."""
        return {
            "event": self.event,
            "curve": self.curve.to_dict(),
            "comparison": self.comparison.to_dict(),
            "hazard_ratio": self.hazard_ratio,
            "n_events": self.n_events,
            "n_matched": self.n_matched,
            "n_controls": self.n_controls,
            "matched_on": list(self.matched_on),
            "balance": as_plain(self.balance),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        ratio = self.hazard_ratio
        on = " and ".join(("tenure", *self.matched_on))
        lines = [
            f"After {self.event}: {self.n_matched:,} of {self.n_events:,} customers with "
            f"{self.n_controls:,} others of the same {on}",
            f"  hazard ratio {ratio['hazard_ratio']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}], "
            f"{format_p_value(ratio['p_value'])}",
            f"  {str(self.comparison).splitlines()[1].strip()}",
        ]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__


_ROUNDS = 12


def after_event(  # noqa: PLR0913 - each option is one the reader of the result must know
    study: Study,
    *,
    event: Any,
    kind: Kind = "any",
    matches: int = 5,
    match_on: str | Sequence[str] | None = None,
    open_days: float = 7,
    horizon: float | None = None,
    unit: str = "days",
    level: float = 0.95,
    seed: int = 0,
) -> AfterEvent:
    """Follow customers from a bad experience on, beside matched customers without it.

    Each customer counts from the first time it happens to them. For each, ``matches`` others are drawn who
    were customers at the same tenure, agree on ``match_on``, and had not had the event by that tenure
    (balanced risk-set matching); they are followed from that tenure on, whatever happens to them later. So
    both groups have stayed equally long, and nobody is chosen by what came afterwards.

    This describes; it does not prove that the event is the cause. Who has a bad experience may differ in
    other ways: look at ``balance``, and match on what matters.

    Parameters
    ----------
    study : Study
        Needs customers, and the table the event comes from. Churn is dated at the notice, where known.
    event : str or frame
        ``"detractor"``, ``"unresolved_ticket"``, ``"low_<instrument>"``, a kind of the events table, or a
        frame with customer_id and occurred_at.
    kind : {"any", "voluntary", "involuntary"}
        What counts as churn; ``"any"`` unless asked otherwise, as everywhere.
    matches : int
        Others for each customer with the event; fewer where fewer are eligible.
    match_on : str or sequence of str, optional
        Columns of customers that must agree.
    open_days : float
        For ``"unresolved_ticket"``: days a ticket is open before it counts; the event is that day.
    horizon : float, optional
        Time after the event at which the groups are compared, in ``unit``; by default as far as both were
        followed.
    unit : {"days", "months"}
        Unit of time.
    level : float
        Confidence level.
    seed : int
        Of the draw.

    Returns
    -------
    AfterEvent

    Raises
    ------
    ArgumentError
        If the event or a column is not known.
    DataError
        If it happens to nobody while a customer, or nobody can be matched.

    Notes
    -----
    The hazard ratio compares the two groups as wholes (within the groups of ``match_on``), with errors robust
    to customers who appear more than once. A Cox regression within matched sets is not used: its robust
    errors are a fifth too small in sets of four (simulated), because a risk mean over four people is itself
    a guess.

    References
    ----------
    Li, Propert and Rosenbaum 2001, doi:10.1198/016214501753208573; Austin 2014, doi:10.1002/sim.5984.

    Examples
    --------
    >>> import cxresearch as cx
    >>> result = cx.curves.after_event(
    ...     cx.synthetic.synthetic_study(customers=2000), event="detractor", horizon=180
    ... )
    >>> result.n_matched <= result.n_events
    True
    """
    check_level(level)
    check_choice("unit", unit, ("days", "months"))
    check_kind(kind)
    if not isinstance(study, Study):
        raise ArgumentError(f"study is {type(study).__name__}", wanted="a Study")
    if isinstance(matches, bool) or int(matches) != matches or matches < 1:
        raise ArgumentError(f"matches is {matches!r}", wanted="a whole number from 1")
    check_number("open_days", open_days, at_least=0)
    label, moments = experiences(study, event, open_days=open_days)
    matched_on = check_columns("match_on", match_on)
    people = _people(study, moments, matched_on)
    drawn = _draw(people, int(matches), np.random.default_rng(seed))
    # Time counts from the event; for a control from the tenure at which it happened to its case.
    rows = _rows(people, drawn, DAYS_A_MONTH if unit == "months" else 1.0)
    sample = SurvivalInput(
        rows=survival_rows(rows["duration"], rows["event"], clusters=rows["person"]),
        group=(1 - rows["exposed"]).to_numpy(dtype=np.int64),
        groups=(AFTER, MATCHED),
        strata=None,
        unit=Unit(unit),
        by="event",
        axis="event",
        name=study.name,
        kinds=KIND_NAMES,
    )
    curve = curve_from(sample, kind=kind, level=level)
    # Ends of another kind are censoring.
    churned = sample.of_kind(kind).rows.event
    # Strata are the groups of `match_on`, not the matched sets: see Notes.
    data = cox_data(
        rows["duration"], churned, rows[["exposed"]], strata=rows["stratum"], clusters=rows["person"]
    )
    exposed = int(people.exposed.sum())
    notes = ["matched on tenure only"]
    if matched_on:
        notes = [f"matched on tenure and {', '.join(matched_on)}"]
    if exposed > drawn.case_count:
        notes.append(f"{exposed - drawn.case_count:,} customers found no match and are left out")
    if label.endswith("answer"):
        notes.append("matched customers may have answered otherwise, or not at all")
    return AfterEvent(
        event=label,
        curve=curve,
        # Customers who appear more than once are clusters.
        comparison=compare_curves(curve, horizon=horizon, level=level),
        hazard=fit_of(data, level=level),
        n_events=exposed,
        n_matched=drawn.case_count,
        n_controls=int(drawn.control.size),
        matches=int(matches),
        matched_on=matched_on,
        balance=_balance(people, drawn),
        notes=tuple(notes),
    )


@dataclass(frozen=True, kw_only=True)
class _People:
    """Customers as arrays, n of them."""

    duration: Floats
    event: Ints
    # Never before the start and never at or after the end of the stay.
    happened: Floats  # tenure at the first event while a customer; infinite if never
    stratum: Ints
    frame: pd.DataFrame

    @property
    def exposed(self) -> Bools:
        return np.isfinite(self.happened)


def _people(study: Study, moments: pd.DataFrame, match_on: tuple[str, ...]) -> _People:
    columns = list(dict.fromkeys((*match_on, *study.segments)))
    stays = collect(timeline(study, dated="notice", carry=columns).drop("left_at"))
    # Engines order rows as they like; draws must not depend on it.
    stays = stays.sort_values("customer_id", ignore_index=True)
    first = _first_tenure(stays, moments)
    if not np.isfinite(first).any():
        raise DataError("the event happens to nobody while a customer", next_step="choose another event")
    frame = stays[[carried(place) for place in range(len(columns))]]
    frame.columns = pd.Index(columns)
    stratum = np.zeros(len(frame), dtype=np.int64)
    if match_on:
        # Groups that agree on all columns.
        codes = frame.groupby(list(match_on), dropna=False).ngroup()
        stratum = np.asarray(codes, dtype=np.int64)
    return _People(
        duration=stays["duration"].to_numpy(dtype=np.float64),
        event=stays["event"].to_numpy(dtype=np.int64),
        happened=first,
        stratum=stratum,
        frame=frame,
    )


def _first_tenure(stays: pd.DataFrame, moments: pd.DataFrame) -> Floats:
    """Tenure in days at the first event while a customer, shape (n,); infinite if there is none."""
    personal = moments[moments["customer_id"].notna()].merge(
        stays[["customer_id", "started_at", "duration"]], on="customer_id", how="inner"
    )
    personal["tenure"] = _days(personal["occurred_at"] - personal["started_at"])
    personal = personal[(personal["tenure"] >= 0) & (personal["tenure"] < personal["duration"])]
    earliest = personal.groupby("customer_id")["tenure"].min()
    first = stays["customer_id"].map(earliest).fillna(np.inf).to_numpy(dtype=np.float64)
    duration = stays["duration"].to_numpy(dtype=np.float64)
    # Events without a customer happen to everybody who is one at the time.
    for moment in moments.loc[moments["customer_id"].isna(), "occurred_at"]:
        tenure = _days(moment - stays["started_at"]).to_numpy(dtype=np.float64)
        # On the day of an event for all only those count who are customers on it.
        customer_then = (tenure >= 0) & (tenure < duration)
        first = np.where(customer_then, np.minimum(first, tenure), first)
    return np.asarray(first)


def _days(span: pd.Series[Any]) -> pd.Series[float]:
    days: pd.Series[float] = span.dt.total_seconds() / 86_400
    return days


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Matched rows: controls with the case of their set, as positions among the customers."""

    case: Ints
    control: Ints

    @property
    def cases(self) -> Ints:
        return np.unique(self.case)

    @property
    def case_count(self) -> int:
        return int(self.cases.size)


def _draw(people: _People, matches: int, rng: np.random.Generator) -> _Drawn:
    """Draw controls still customers, and without the event, at the tenure of each case."""
    cases, controls = [], []
    for stratum in np.unique(people.stratum[people.exposed]):
        member = np.flatnonzero(people.stratum == stratum)
        # By duration, so that whoever stays longer stands behind.
        member = member[np.argsort(people.duration[member], kind="stable")]
        case = member[np.isfinite(people.happened[member])]
        for matched_case, control in _draw_within(people, member, case, matches, rng):
            cases.append(matched_case)
            controls.append(control)
    if not cases or not sum(part.size for part in cases):
        raise DataError(
            "no customer of the same tenure is without the event",
            next_step="match on fewer columns, or choose a rarer event",
        )
    return _Drawn(case=np.concatenate(cases), control=np.concatenate(controls))


def _draw_within(
    people: _People, member: Ints, case: Ints, matches: int, rng: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """Draw controls for the cases of one stratum: many at once, then one by one for those left short.

    Risk sets: the controls of a case are members who stay longer than the tenure at which it happened to the
    case, and had not had it by then (Li, Propert and Rosenbaum 2001).

    Parameters
    ----------
    people : _People
    member : array of int
        Customers of the stratum, by rising duration.
    case : array of int
        Those of them to whom it happened.
    matches : int
        Controls wanted for each case.
    rng : Generator

    Yields
    ------
    (array of int, array of int)
        Cases, repeated, and their controls.
    """
    tenure = people.happened[case]
    # Members from `first` on stay longer than the tenure of the case.
    first = np.searchsorted(people.duration[member], tenure, side="right")
    has_longer = first < member.size
    case, tenure, first = case[has_longer], tenure[has_longer], first[has_longer]
    if not case.size:
        return
    # Draw more than are wanted, and take the first `matches` that are eligible and not drawn before.
    tries = rng.integers(first[:, None], member.size, size=(case.size, matches * _ROUNDS))
    drawn = member[tries]
    eligible = (people.happened[drawn] > tenure[:, None]) & ~_repeated(drawn)
    accepted = eligible & (np.cumsum(eligible, axis=1) <= matches)
    count = accepted.sum(axis=1)
    yield np.repeat(case, count), drawn[accepted]
    # Where the draws did not suffice, look through everybody.
    for position in np.flatnonzero(count < matches):
        others = member[first[position] :]
        others = others[people.happened[others] > tenure[position]]
        others = np.setdiff1d(others, drawn[position][accepted[position]])
        further = min(matches - int(count[position]), others.size)
        if further:
            yield np.repeat(case[position], further), rng.choice(others, further, replace=False)


def _repeated(drawn: Ints) -> Bools:
    """Whether a value stood further left in its row already."""
    # Sort each row, mark what equals its left neighbour, and put the marks back in place.
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    again = np.zeros(drawn.shape, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    result = np.empty_like(again)
    np.put_along_axis(result, order, again, axis=1)
    return result


def _rows(people: _People, drawn: _Drawn, days: float) -> pd.DataFrame:
    """One row a case and one a control: person, stratum, exposed, duration after the event, event."""
    # Each case once, however many controls it has, then the controls.
    person = np.concatenate([drawn.cases, drawn.control])
    matched_set = np.concatenate([drawn.cases, drawn.case])
    return pd.DataFrame(
        {
            "person": person,
            "stratum": people.stratum[matched_set],
            "exposed": np.repeat([1, 0], [drawn.case_count, drawn.control.size]),
            "duration": (people.duration[person] - people.happened[matched_set]) / days,
            "event": people.event[person],
        }
    )


def _balance(people: _People, drawn: _Drawn) -> pd.DataFrame:
    rows = []
    for name in people.frame.columns:
        # A missing value is a value of its own.
        text = people.frame[name].astype(object).where(people.frame[name].notna(), "unknown").map(str)
        with_event = text.iloc[drawn.cases].value_counts(normalize=True)
        without = text.iloc[drawn.control].value_counts(normalize=True)
        rows += [
            (name, value, float(with_event.get(value, 0.0)), float(without.get(value, 0.0)))
            for value in sorted({*with_event.index, *without.index})
        ]
    return pd.DataFrame(rows, columns=["column", "value", "after_event", "matched"])
