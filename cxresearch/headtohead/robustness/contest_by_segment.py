"""The contest in many segments or many studies, and what holds on average."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scipy import stats

from cxresearch.checks import check_columns, check_number
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.data.landmarks.outcome_columns import columns_that_know
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest import compare
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.models.meta import Pooled, meta_analysis

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.landmarks.landmarks import Landmarks


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SegmentContest(Result):
    """Differences of AUC by segment with their random-effects average.

    Attributes
    ----------
    finding : str
        In one sentence.
    first, second : str
        Labels of the two scores; differences are AUC of first minus AUC of second.
    by : str
        Column or ``"study"``.
    table : DataFrame
        ``segment, n, customers, cases, first_auc, second_auc, difference, low, high, se, p_value, verdict``.
    pooled : Pooled or None
        REML with Hartung and Knapp's interval; None with fewer than two usable segments.
    left_out : DataFrame
        ``segment, rows, reason``: segments too small or without an answer.
    level, margin : float
    """

    finding: str
    first: str
    second: str
    by: str
    table: pd.DataFrame
    pooled: Pooled | None
    left_out: pd.DataFrame
    level: float
    margin: float
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Difference of AUC in each segment, with {level} intervals",
            columns=(
                Column(name="segment", label="segment", meaning="segment or study"),
                Column(name="n", label="rows", meaning="rows compared"),
                Column(name="customers", label="customers", meaning="customers behind them"),
                Column(name="cases", label="leavers", meaning="rows that left within the horizon"),
                Column(
                    name="difference",
                    label="difference",
                    meaning="AUC of first minus AUC of second",
                    unit=Unit.AUC_DIFFERENCE,
                    low="low",
                    high="high",
                ),
                Column(name="p_value", label="p-value", meaning="of no difference", unit=Unit.P_VALUE),
                Column(name="verdict", label="verdict", meaning="what may be concluded"),
            ),
        )
    }

    @property
    def notes(self) -> tuple[str, ...]:
        """Segments left out, and what the average rests on."""
        lost = [f"left out: {row['segment']} ({row['reason']})" for row in self.left_out.to_dict("records")]
        if self.pooled is None:
            return tuple(lost)
        return (self.pooled.finding, *lost)

    def __str__(self) -> str:
        lines = [self.finding]
        lines += [
            f"  {row['segment']}: {format_value(row['difference'], Unit.AUC_DIFFERENCE)} "
            f"{format_interval(row['low'], row['high'], Unit.AUC_DIFFERENCE)}, "
            f"n {row['n']:,}, {row['cases']:,} leavers"
            for row in self.table.to_dict("records")
        ]
        if self.pooled is not None:
            lines.append(f"  {self.pooled.finding}")
        lines += [
            f"  left out: {row['segment']} ({row['reason']})" for row in self.left_out.to_dict("records")
        ]
        return "\n".join(lines)

    __repr__ = __str__


def compare_segments(
    marks: Landmarks,
    scores: tuple[str, str],
    *,
    by: str | Sequence[str],
    horizon_days: float | None = None,
    level: float = 0.95,
    margin: float = 0.02,
    form: str = "raw",
    min_cases: int = 10,
) -> SegmentContest:
    """Hold the contest in each segment and pool the differences.

    Parameters
    ----------
    marks : Landmarks
    scores : tuple of two str
    by : str or sequence of str
        Segment columns of the landmarks; several make a segment of each combination.
    horizon_days, level, margin, form
        As in :func:`cxresearch.compare`.
    min_cases : int
        Segments with fewer leavers within the horizon are left out and named: their standard errors
        cannot be trusted, and pooling would lean on them.

    Returns
    -------
    SegmentContest

    Raises
    ------
    ArgumentError
        If `by` is no segment column.
    DataError
        If no segment is large enough.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.headtohead.robustness.contest_by_segment import compare_segments
    >>> marks = cx.landmark(
    ...     cx.synthetic.synthetic_study(customers=3_000), every=["2023-01-01"], horizon_days=365.25
    ... )
    >>> compare_segments(marks, ("ces", "nps"), by="segment").pooled.k
    3
    """
    require_landmarks(marks)
    columns = check_columns("by", by)
    lost = [name for name in columns if name not in marks.frame.columns]
    if lost or not columns:
        raise ArgumentError(
            f"by is {by!r}", wanted="a segment column: " + (", ".join(marks.segments) or "there is none")
        )
    knowing = columns_that_know(marks, columns)
    if knowing:
        raise DataError(
            "; ".join(knowing.values()),
            wanted="groups that say nothing about who left",
            next_step="take another segment: within these all or hardly anybody left",
        )
    least = int(check_number("min_cases", min_cases, at_least=2))
    what = " and ".join(columns)
    comparisons: dict[str, Comparison] = {}
    left_out = []
    unknown = int(marks.frame[list(columns)].isna().any(axis=1).sum())
    if unknown:
        left_out.append({"segment": "(no value)", "rows": unknown, "reason": f"{what} is not known"})
    for values, rows in marks.frame.groupby(list(columns), sort=True, observed=True):
        value = ", ".join(map(str, values))
        part = dataclasses.replace(marks, frame=rows, excluded=marks.excluded.iloc[:0])
        try:
            result = compare(
                part, scores, horizon_days=horizon_days, level=level, margin=margin, form=form, metrics=()
            )
        except DataError as error:
            left_out.append({"segment": value, "rows": len(rows), "reason": error.problem})
            continue
        # With few leavers the standard error itself is a guess, and the weights lean on it.
        if result.n_cases < least:
            reason = f"{result.n_cases} leavers, fewer than {least}"
            left_out.append({"segment": value, "rows": len(rows), "reason": reason})
            continue
        comparisons[value] = result
    return pool_comparisons(comparisons, by=what, left_out=left_out)


def pool_comparisons(
    comparisons: Mapping[str, Comparison], *, by: str = "study", left_out: list[dict[str, Any]] | None = None
) -> SegmentContest:
    """Pool the primary contrasts of several comparisons of the same pair.

    Parameters
    ----------
    comparisons : mapping of name to Comparison
        Of different customers; the same pair, level and margin.
    by : str
        What the names are.
    left_out : list of dict, optional
        ``segment, rows, reason`` of those that could not be compared.

    Raises
    ------
    DataError
        If there is none.
    ArgumentError
        If they compare different pairs.

    Examples
    --------
    >>> import cxresearch as cx
    >>> comparisons = {
    ...     f"company {seed}": cx.compare(
    ...         cx.synthetic.synthetic_landmarks(seed=seed, customers=1_000, scenario="base"),
    ...         ["ces", "nps"],
    ...         metrics=(),
    ...     )
    ...     for seed in (1, 2, 3)
    ... }
    >>> pooled = cx.contest.pool_comparisons(comparisons, by="company").pooled
    >>> pooled.k, pooled.low < pooled.value < pooled.high
    (3, True)
    """
    import pandas as pd

    absent = pd.DataFrame(left_out or [], columns=["segment", "rows", "reason"])
    if not comparisons:
        raise DataError(
            f"no {by} can be compared",
            where="; ".join(f"{row['segment']}: {row['reason']}" for row in absent.to_dict("records")[:5]),
            next_step="take larger segments, or compare all customers together",
        )
    results = list(comparisons.values())
    contest = results[0]
    # Pooling differences of different pairs would mean nothing.
    if {(r.primary, r.level, r.margin) for r in results} != {
        (contest.primary, contest.level, contest.margin)
    }:
        raise ArgumentError("the comparisons differ in pair, level or margin", wanted="the same contest")
    table = pd.DataFrame([_line(name, result) for name, result in comparisons.items()])
    first, second = contest.contrasts.iloc[0][["first_label", "second_label"]]
    usable = table[table["se"] > 0]
    pooled = None
    # Random effects by REML; a segment without an error has none to be weighed by.
    if len(usable) >= 2:
        pooled = meta_analysis(
            usable["difference"],
            usable["se"],
            labels=list(usable["segment"]),
            level=contest.level,
            name=f"{first} minus {second}, average over {by}",
        )
    return SegmentContest(
        finding=_finding(first, second, pooled, table, by=by, contest=contest),
        first=first,
        second=second,
        by=by,
        table=table,
        pooled=pooled,
        left_out=absent,
        level=contest.level,
        margin=contest.margin,
    )


def _line(name: str, result: Comparison) -> dict[str, Any]:
    row = result.contrasts.iloc[0]
    a, b = result.primary
    return {
        "segment": name,
        "n": result.n,
        "customers": result.n_customers,
        "cases": result.n_cases,
        "first_auc": result.auc(a).value,
        "second_auc": result.auc(b).value,
        **{key: row[key] for key in ("difference", "low", "high", "se", "p_value", "verdict")},
    }


def _finding(
    first: str, second: str, pooled: Pooled | None, table: pd.DataFrame, *, by: str, contest: Comparison
) -> str:
    if pooled is None:
        return f"Only one {by} can be compared, so nothing can be said about differences between them."
    outcome = contest.followed.noun
    low, high = pooled.prediction_low, pooled.prediction_high
    numbers = (pooled.value, pooled.low, pooled.high)
    value, least, most = (format_value(number, Unit.AUC_DIFFERENCE) for number in numbers)
    average = f"on average {value} ({least} to {most})"
    # The prediction interval speaks of a further segment, the confidence interval of their average.
    if low > 0 or high < 0:
        better, worse = _in_order(first, second, low)
        text = f"{better} predicts {outcome} better than {worse} wherever one looks: {average}."
    elif pooled.low > 0 or pooled.high < 0:
        better, worse = _in_order(first, second, pooled.low)
        text = f"{better} predicts {outcome} better than {worse} {average}, but not surely in every {by}."
    elif _equivalent(pooled, contest.margin):
        ruled_out = f"{contest.margin:g} or more is ruled out"
        text = f"{first} and {second} predict {outcome} equally well {average}; {ruled_out}."
    else:
        text = (
            f"Over {pooled.k} segments one cannot say whether {first} or {second} predicts better: {average}."
        )
    if pooled.q_p_value < 1 - pooled.level:
        what = "The size of the difference varies"
        if _both_win(table, pooled.level):
            what = "The winner differs"
        text += f" {what} by {by} (I\N{SUPERSCRIPT TWO} {100 * pooled.i2:.0f} %)."
    return text


def _in_order(first: str, second: str, low: float) -> tuple[str, str]:
    """Return the better one first: a difference whose lower end is above 0 speaks for the first."""
    if low > 0:
        return first, second
    return second, first


def _equivalent(pooled: Pooled, margin: float) -> bool:
    """Two one-sided tests of the average."""
    if not pooled.se > 0:
        return False
    # Schuirmann (1987), with Hartung and Knapp's error and degrees of freedom.
    return bool(stats.t.sf((margin - abs(pooled.value)) / pooled.se, pooled.df) < 1 - pooled.level)


def _both_win(table: pd.DataFrame, level: float) -> bool:
    """Whether each score is the better one somewhere, after Holm's correction over the segments."""
    known = table[table["p_value"].notna()]
    # Holm over the segments: one of many wins somewhere by chance.
    real = holm(known["p_value"]) < 1 - level
    return bool((known["difference"][real] > 0).any() and (known["difference"][real] < 0).any())
