"""Churn curves and incidences: the public functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from cxresearch.checks import check_choice, check_level
from cxresearch.churn.curves.churn_curve_result import ChurnCurve
from cxresearch.churn.curves.churn_incidence_result import ChurnIncidence
from cxresearch.churn.curves.survival_input import survival_input
from cxresearch.churn.curves.survival_sample import SurvivalInput
from cxresearch.data.stays import stays_of
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.gray import gray_of
from cxresearch.stats.survival.aalen_johansen import incidence_of
from cxresearch.stats.survival.kaplan_meier import curve_of
from cxresearch.stats.survival.limits import SCALES


def churn_curve(  # noqa: PLR0913 - each option is one the reader of the result must know
    source: Any,
    *,
    start: str | None = None,
    end: str | None = None,
    observed_until: date | str | None = None,
    by: Any = None,
    kind: str | int = "any",
    unit: str = "days",
    axis: str = "tenure",
    observed_from: date | str | None = None,
    given: float = 0,
    level: float = 0.95,
    ci: str = "log-log",
) -> ChurnCurve:
    """How long customers stay: Kaplan-Meier curves by group.

    Parameters
    ----------
    source : Study, Landmarks, frame, or (duration, event)
        A study: time from ``started_at`` to ``ended_at``, or to the data cut for those still there; counted
        by distinct duration on the study's engine. Landmarks: time from the landmark; customers with several
        landmarks are clusters. A frame (pandas, Polars, PyArrow, DuckDB, PySpark): columns duration and
        event, and as far as wanted entry (under observation from), weight, cluster (or customer_id) and
        count.
    start, end : str, optional
        For a frame with a row a customer: its columns of when customers began and ended (empty: still there).
        Case is forgiven.
    observed_until : date or str, optional
        With ``start`` and ``end``: the day up to which the data are complete. By default the last day in the
        two columns, and a note says so.
    by : str, sequence of str, or array-like, optional
        Column or columns that make the groups (a missing value is a group, "unknown"). For a study a
        segment, or "started_month", "started_quarter", "started_year"; for landmarks also a score, by its
        bands; for arrays an array of labels.
    kind : {"any", "voluntary", "involuntary"} or int
        What counts as churn; ``"any"`` unless asked otherwise, as everywhere. An int is an event code of
        arrays and frames. With one kind, customers who left otherwise are taken as censored: the curve
        of a world without the other kinds. What happens in this world is :func:`cumulative_incidence`.
    unit : {"days", "months"}
        Unit of time; a month is 30.4375 days.
    axis : {"tenure", "calendar"}
        For a study, time since each customer's own start, or since the first one's.
    observed_from : date or str, optional
        For a study that records ends only from a day on, so that it holds nobody who left earlier: customers
        count as at risk from that day (left truncation). Without it their early survival would look perfect.
    given : float
        Keep those who stayed so long and count from there: "stayed six months: what now?"
    level : float
        Confidence level of the pointwise intervals.
    ci : {"log-log", "plain", "log", "logit"}
        Scale of the limits.

    Returns
    -------
    ChurnCurve

    Raises
    ------
    ArgumentError
        If durations are negative, an end is not after its start, a column is not there, or a choice unknown.
    DataError
        If no rows are left.

    References
    ----------
    Kaplan and Meier 1958, doi:10.1080/01621459.1958.10501452.

    Examples
    --------
    >>> print(churn_curve(([3, 5, 5, 8, 12], [1, 1, 0, 1, 0]), unit="months"))
    Churn curve, months from the start, n 5
      all: median 8.0 [3.0, unbounded] months, n 5, churned 3; only 5 people
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"signup": ["2024-01-01"] * 3, "cancelled": ["2024-03-01", None, None]})
    >>> curve = churn_curve(customers, start="signup", end="cancelled", observed_until="2024-12-31")
    >>> print(str(curve)[:87])
    Churn curve, days from the start, n 3
      all: median not reached, n 3, churned 1; 66.7 %
    """
    check_level(level)
    check_choice("ci", ci, SCALES)
    if start is not None or end is not None:
        stays, groups, note = _stays(source, start, end, by, unit=unit, observed_until=observed_until)
        sample = survival_input(
            stays, by=groups, unit=unit, axis=axis, observed_from=observed_from, given=given
        )
        sample = replace(sample, notes=(*sample.notes, *filter(None, (note,))))
        return curve_from(sample, kind=kind, given=given, level=level, ci=ci)
    if observed_until is not None:
        raise ArgumentError("observed_until goes with start and end", wanted="columns of a frame")
    sample = survival_input(source, by=by, unit=unit, axis=axis, observed_from=observed_from, given=given)
    return curve_from(sample, kind=kind, given=given, level=level, ci=ci)


def _stays(
    source: Any, start: str | None, end: str | None, by: Any, *, unit: str, observed_until: date | str | None
) -> tuple[Any, tuple[str, ...] | None, str]:
    """The frame of stays that two columns of dates make, its group columns, and what was assumed."""
    if start is None or end is None:
        raise ArgumentError("start and end go together", wanted="both columns of the frame")
    if isinstance(source, (Study, tuple)):
        raise ArgumentError("start and end are columns of a frame", wanted="a frame with a row a customer")
    check_choice("unit", unit, ("days", "months"))
    groups: tuple[str, ...] = ()
    if isinstance(by, str):
        groups = (by,)
    elif by is not None:
        groups = tuple(by)
    stays, note = stays_of(source, start=start, end=end, by=groups, unit=unit, observed_until=observed_until)
    return stays, tuple(stays.columns[: len(groups)]) or None, note


def curve_from(
    sample: SurvivalInput,
    *,
    kind: str | int = "any",
    given: float = 0,
    level: float = 0.95,
    ci: str = "log-log",
) -> ChurnCurve:
    """Make curves of checked input; see :func:`churn_curve`."""
    of_kind = sample.of_kind(kind)
    notes = list(sample.notes)
    # A flat curve is not evidence that nobody leaves.
    if not (of_kind.rows.event > 0).any():
        notes.append("nobody churned in this window: the curves are flat and say nothing about later")
    # Leavers alone: their stays are cut short by having left.
    if len(sample.rows.event) and (sample.rows.event > 0).all():
        notes.append(
            "everybody has ended: this is how long leavers stayed; whoever is still there is not in it"
        )
    # Events of another kind: the difference between all events and those of this kind.
    others = (sample.rows.event > 0).sum() - (of_kind.rows.event > 0).sum()
    if others:
        notes.append(
            "customers who left otherwise count as censored; "
            "what happens to all: cx.curves.cumulative_incidence"
        )
    return ChurnCurve(
        groups=of_kind.groups,
        curves=tuple(
            curve_of(of_kind.of_group(position), level=level, ci=ci, unit=of_kind.unit)
            for position in range(len(of_kind.groups))
        ),
        by=of_kind.by,
        kind=str(kind),
        axis=of_kind.axis,
        given=float(given),
        unit=of_kind.unit,
        level=level,
        name=of_kind.name,
        notes=tuple(notes),
        data=of_kind,
    )


def cumulative_incidence(
    source: Any,
    *,
    by: Any = None,
    unit: str = "days",
    axis: str = "tenure",
    observed_from: date | str | None = None,
    given: float = 0,
    level: float = 0.95,
    ci: str = "log-log",
) -> ChurnIncidence:
    """Probability of each kind of churn by each time: Aalen-Johansen by group, with Gray's test.

    Kinds compete: who is lost to a failed payment can no longer cancel. Incidences and the share still there
    add up to one, which 1 minus the Kaplan-Meier curve of each kind does not.

    Parameters
    ----------
    source, by, unit, axis, observed_from, given, level, ci
        As in :func:`churn_curve`; events are 1 voluntary, 2 involuntary (arrays and frames: any codes).

    Returns
    -------
    ChurnIncidence
        Gray's test of each kind where there are groups and neither weights, clusters nor delayed entry, for
        which it is not made; a note says so.

    Raises
    ------
    ArgumentError, DataError
        As in :func:`churn_curve`.

    References
    ----------
    Aalen and Johansen 1978, Scand. J. Statist. 5, 141-150; Gray 1988, doi:10.1214/aos/1176350951.

    Examples
    --------
    >>> both = cumulative_incidence(([1, 2, 3, 4], [1, 2, 0, 1]), unit="months")
    >>> both.incidence_at([4])[["kind", "incidence"]].to_dict("records")
    [{'kind': 'voluntary', 'incidence': 0.75}, {'kind': 'involuntary', 'incidence': 0.25}]
    """
    check_level(level)
    check_choice("ci", ci, SCALES)
    sample = survival_input(source, by=by, unit=unit, axis=axis, observed_from=observed_from, given=given)
    notes, tests = list(sample.notes), []
    if len(sample.groups) > 1:
        # Gray (1988) covers neither weights nor clusters, and no delayed entry.
        if sample.rows.robust or sample.rows.entry is not None:
            notes.append("no Gray's test: it does not cover weights, clusters or delayed entry")
        else:
            # A kind that nobody left by has no test.
            present = [code for code in sample.kinds if (sample.rows.event == code).any()]
            for code in present:
                try:
                    test = gray_of(
                        sample.rows, sample.group, sample.groups, kind=code, label=sample.kinds[code]
                    )
                except DataError as error:
                    notes.append(f"no Gray's test for {sample.kinds[code]}: {error.problem}")
                else:
                    tests.append(test)
    return ChurnIncidence(
        groups=sample.groups,
        curves=tuple(
            incidence_of(sample.of_group(position), kinds=sample.kinds, level=level, ci=ci, unit=sample.unit)
            for position in range(len(sample.groups))
        ),
        gray=tuple(tests),
        by=sample.by,
        axis=sample.axis,
        unit=sample.unit,
        level=level,
        name=sample.name,
        notes=tuple(notes),
    )


def as_input(source: Any, **options: Any) -> SurvivalInput:
    """Input behind a curve that exists, or read from a source; options only with the latter."""
    if isinstance(source, ChurnCurve):
        chosen = [name for name, value in options.items() if value not in (None, "any", "days", "tenure", 0)]
        if chosen:
            raise ArgumentError(
                f"{chosen[0]} cannot be changed on a curve that exists", next_step="pass it to cx.churn_curve"
            )
        return source.data  # type: ignore[no-any-return]
    kind = options.pop("kind", "any")
    return survival_input(source, **options).of_kind(kind)
