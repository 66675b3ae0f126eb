"""The contest under other defensible choices, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.errors import DataError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest import compare
from cxresearch.headtohead.contest.verdicts import Pair, verdict
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.landmarks.landmarks import Landmarks


def _interval(row: Mapping[Any, Any], unit: Unit) -> str:
    return format_interval(row["low"], row["high"], unit)


def _difference(row: Mapping[Any, Any]) -> str:
    value = format_value(row["difference"], Unit.AUC_DIFFERENCE)
    return f"{value} {_interval(row, Unit.AUC_DIFFERENCE)}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sensitivity(Result):
    """How the difference between two scores moves with the choices made.

    Attributes
    ----------
    finding : str
        In one sentence.
    first, second : str
        Labels; differences are AUC of first minus AUC of second.
    table : DataFrame
        ``kind, choice, n, cases, first_auc, second_auc, difference, low, high, se, p_value, verdict, note``;
        the first line is the primary analysis. Intervals are not corrected for looking many times: the table
        shows whether a conclusion hangs on a choice, not a new chance to find one.
    margin, level : float
    """

    finding: str
    first: str
    second: str
    table: pd.DataFrame
    margin: float
    level: float
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="The contest under other choices; the first line is the primary analysis",
            columns=(
                Column(name="choice", label="choice", meaning="what was done otherwise"),
                Column(name="n", label="rows", meaning="rows compared"),
                Column(name="cases", label="leavers", meaning="rows that left within the horizon"),
                Column(name="first_auc", label="AUC of first", meaning="AUC of one score", unit=Unit.AUC),
                Column(name="second_auc", label="AUC of second", meaning="AUC of the other", unit=Unit.AUC),
                Column(
                    name="difference",
                    label="difference",
                    meaning="AUC of first minus AUC of second",
                    unit=Unit.AUC_DIFFERENCE,
                    low="low",
                    high="high",
                ),
                Column(name="verdict", label="verdict", meaning="what may be concluded"),
                Column(name="note", label="note", meaning="why a line is empty or unlike the others"),
            ),
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of the table, headed by the two scores."""
        return super().spec(name).relabel(first_auc=self.first, second_auc=self.second)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "intervals are not corrected for looking many times: the table shows whether a conclusion hangs "
            "on a choice",
        )

    def __str__(self) -> str:
        lines = [self.finding]
        for row in self.table.to_dict("records"):
            line = f"  {row['choice']}: {_difference(row)}"
            if row["note"]:
                line += f" ({row['note']})"
            lines.append(line)
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NonResponse(Result):
    """Who answered, who did not, and what silence tells.

    Attributes
    ----------
    finding : str
    table : DataFrame
        ``group, rows, customers, churn, low, high``: churn within the horizon, weighted for censoring, of all
        customers, of those who answered every score, of the silent, and of those known to have been asked;
        Wilson's intervals at the effective number of rows.
    silence : DataFrame
        ``population, auc, low, high, se, p_chance, n``: silence itself as a predictor. Limits are NaN where
        the standard error is 0.
    response_rate : float
        Rows with an answer to every score, of all landmark rows.
    response_rate_asked : float
        The same among customers known to have been asked; NaN where invitations were not recorded.
    contests : DataFrame
        ``population, n, first_auc, second_auc, difference, low, high, se, p_value, verdict, n_effective``:
        the contest among those who answered, and weighted to all customers, and to those who were asked.
    weights : DataFrame
        ``population, smallest, largest, truncated, n_effective``.
    horizon_days, level : float
    """

    finding: str
    table: pd.DataFrame
    silence: pd.DataFrame
    response_rate: float
    response_rate_asked: float
    contests: pd.DataFrame
    weights: pd.DataFrame
    horizon_days: float
    level: float
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="{finding}",
            columns=(
                Column(name="group", label="group", meaning="whose churn"),
                Column(name="rows", label="rows", meaning="customers on a day"),
                Column(name="customers", label="customers", meaning="customers behind them"),
                Column(
                    name="churn",
                    label="left within the horizon",
                    meaning="share that left, weighted for censoring",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
            ),
        ),
        "contests": TableSpec(
            title="Difference of AUC by whom the rows stand for",
            columns=(
                Column(name="population", label="population", meaning="whom the rows stand for"),
                Column(name="n", label="rows", meaning="rows compared"),
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
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of one of its frames, with the horizon in days."""
        spec = super().spec(name)
        if name != "table":
            return spec
        return spec.relabel(churn=f"left within {self.horizon_days:g} days")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "weights make up for what was known at the landmark, not for what else made customers silent",
        )

    def __str__(self) -> str:
        lines = [self.finding]
        for row in self.table.to_dict("records"):
            churn, ends = format_value(row["churn"], Unit.SHARE), _interval(row, Unit.SHARE)
            lines.append(f"  {row['group']}: churn {churn} {ends}, {row['rows']:,} rows")
        lines += [
            f"  silence as a predictor, {row['population']}: AUC {format_value(row['auc'], Unit.AUC)} "
            f"{_interval(row, Unit.AUC)}"
            for row in self.silence.to_dict("records")
        ]
        lines += [
            f"  {row['population']}: difference {_difference(row)}"
            for row in self.contests.to_dict("records")
        ]
        return "\n".join(lines)

    __repr__ = __str__


#: Words for those who left before what is predicted could happen: of churn, and of other outcomes.
_LOST = {True: "involuntary leavers", False: "those who left before"}
_STAYED = {True: "stayers", False: "followed without it"}
_FORM_NAMES = {
    "top_box": "satisfied or not (top-box)",
    "categories": "three categories",
    "matched": "cut to equally many answers",
    "spline": "ranked on a fitted curve",
}


def sensitivity(
    marks: Landmarks,
    scores: tuple[str, str],
    *,
    horizons_days: Sequence[float] | None = None,
    forms: Sequence[str] = ("top_box", "categories", "matched", "spline"),
    fresh_days: float = 90,
    level: float = 0.95,
    margin: float = 0.02,
) -> Sensitivity:
    """Repeat the contest of two scores under other horizons, forms, controls and rows.

    Parameters
    ----------
    marks : Landmarks
    scores : tuple of two str
    horizons_days : sequence of float, optional
        By default half the horizon of the landmarks.
    forms : sequence of str
        See :func:`cxresearch.compare`.
    fresh_days : float
        Also on rows where both answers are no older than this.
    level, margin : float

    Returns
    -------
    Sensitivity
        Choices that cannot be made with these data are listed with the reason in ``note``.

    Raises
    ------
    ArgumentError, DataError
        As :func:`cxresearch.compare`, of the primary analysis.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.headtohead.robustness.sensitivity import sensitivity
    >>> comparison = sensitivity(cx.synthetic.synthetic_landmarks(seed=1, customers=4_000), ("ces", "nps"))
    >>> comparison.table["kind"].unique().tolist()
    ['primary', 'horizon', 'form', 'controls', 'rows']
    """
    import pandas as pd

    require_landmarks(marks)

    pair = (scores[0], scores[1])
    primary = compare(marks, pair, level=level, margin=margin, metrics=("auc_all",))
    lines = [_line("primary", "primary analysis", primary), _other_controls(primary)]
    horizons = horizons_days
    if horizons is None:
        horizons = (marks.horizon_days / 2,)
    variants: Iterator[tuple[str, str, dict[str, Any], Landmarks]] = (
        *(("horizon", f"within {days:.0f} days", {"horizon_days": days}, marks) for days in horizons),
        *(("form", _FORM_NAMES.get(form, form), {"form": form}, marks) for form in forms),
        *(("rows", text, {}, part) for text, part in _other_rows(marks, pair, fresh_days)),
    )  # type: ignore[assignment]
    for kind, choice, options, part in variants:
        try:
            comparison = compare(part, pair, level=level, margin=margin, metrics=(), **options)
            lines.append(_line(kind, choice, comparison))
        except DataError as error:
            lines.append({"kind": kind, "choice": choice, "note": f"not possible: {error.problem}"})
    table = pd.DataFrame(lines, columns=list(lines[0]))
    order = {kind: place for place, kind in enumerate(("primary", "horizon", "form", "controls", "rows"))}
    table = table.sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable", ignore_index=True)
    first, second = primary.contrasts.iloc[0][["first_label", "second_label"]]
    return Sensitivity(
        finding=_finding(table, first, second),
        first=first,
        second=second,
        table=table.assign(note=table["note"].fillna("")),
        margin=margin,
        level=level,
    )


def _line(kind: str, choice: str, comparison: Comparison) -> dict[str, Any]:
    row = comparison.contrasts.iloc[0]
    a, b = comparison.primary
    return {
        "kind": kind,
        "choice": choice,
        "n": comparison.n,
        "cases": comparison.n_cases,
        "first_auc": comparison.auc(a).value,
        "second_auc": comparison.auc(b).value,
        **{key: row[key] for key in ("difference", "low", "high", "se", "p_value", "verdict")},
        "note": "",
    }


def _other_controls(primary: Comparison) -> dict[str, Any]:
    """Involuntary leavers as stayers; judged by the same rule, on its own p-values."""
    # The metric `auc_all` of the main analysis, judged by the same rule on its own p-values.
    values = primary.metrics.set_index("score")["value"]
    row, label = primary.metric_contrasts.iloc[0], primary.contrasts.iloc[0]
    numbers = {key: row[key] for key in ("difference", "low", "high", "se", "p_value")}
    judged = Pair(
        first=label["first_label"],
        second=label["second_label"],
        first_auc=values[primary.primary[0]],
        second_auc=values[primary.primary[1]],
        **numbers,
        p_equivalence=row["p_equivalence"],
        n=primary.n,
        margin=primary.margin,
        level=primary.level,
        outcome=primary.followed.noun,
    )
    return {
        "kind": "controls",
        "choice": f"{_LOST[primary.outcome == 'churn']} counted as {_STAYED[primary.outcome == 'churn']}",
        "n": primary.n,
        "cases": primary.n_cases,
        "first_auc": judged.first_auc,
        "second_auc": judged.second_auc,
        **numbers,
        "verdict": verdict(judged),
        "note": "",
    }


def _other_rows(
    marks: Landmarks, pair: tuple[str, str], fresh_days: float
) -> Iterator[tuple[str, Landmarks]]:
    frame = marks.frame
    if frame["customer_id"].duplicated().any():
        answered = frame[frame[list(pair)].notna().all(axis=1)]
        # One row a customer, the first complete one: no row can lean on another.
        first = answered.sort_values("landmark_at", kind="stable").drop_duplicates("customer_id")
        yield "first complete row of each customer", _with(marks, first)
    # Old answers tell less: the same contest on fresh ones alone.
    ages = [f"{name}_age_days" for name in pair]
    if all(age in frame.columns for age in ages):
        fresh = frame[(frame[ages] <= fresh_days).all(axis=1)]
        yield f"answers of the last {fresh_days:g} days", _with(marks, fresh)
    if (frame["event"] == 2).any():
        yield (
            f"{_LOST[marks.outcome == 'churn']} taken as lost from view",
            _with(marks, frame.assign(event=frame["event"] % 2)),
        )


def _with(marks: Landmarks, frame: pd.DataFrame) -> Landmarks:
    return dataclasses.replace(marks, frame=frame)


def _finding(table: pd.DataFrame, first: str, second: str) -> str:
    known = table[table["difference"].notna()]
    # The first line is the main analysis; choices that were not possible have no difference.
    main = known.iloc[0]
    others = known.iloc[1:]
    other = others[others["verdict"].map(_kind) != _kind(main["verdict"])]
    # A choice speaks against the main analysis if its whole interval lies on the other side of 0.
    clear = (others["low"] > 0) | (others["high"] < 0)
    against = others[clear & (others["difference"] * main["difference"] < 0)]
    ends = (main["difference"], others["difference"].min(), others["difference"].max())
    value, least, most = (format_value(end, Unit.AUC_DIFFERENCE) for end in ends)
    text = (
        f"{first} minus {second} is {value}; over {len(others)} other choices it runs from {least} to {most}"
    )
    if len(against):
        return f"{text}. It turns round when: {', '.join(against['choice'])}."
    if len(other):
        changed = ", ".join(f"{row['choice']} ({_kind(row['verdict'])})" for row in other.to_dict("records"))
        return f"{text}. The verdict ({_kind(main['verdict'])}) becomes another one for: {changed}."
    return f"{text}, and the verdict ({_kind(main['verdict'])}) stays the same."


def _kind(verdict: str) -> str:
    """Verdict without the number of rows."""
    return verdict.partition(":")[0]
