"""What a picture shows in a sentence, for a manager: with n, and with its interval where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cxresearch.data.checking.study_doubts import segments_that_know_who_left
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.headtohead.one_score.score_words import BACKWARDS, KNOWS
from cxresearch.metrics.revenue.cohort_retention import CohortRetention
from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.rates_by_period import revenue_rates
from cxresearch.metrics.support.tickets import TicketAgeing
from cxresearch.metrics.survey.bands import nps_reading, nps_reference_points
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.period_names import period_label
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.scales import NPS_BANDS, Band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.churn.curves.churn_curve_result import ChurnCurve
    from cxresearch.churn.curves.compare_curves import CurveComparison
    from cxresearch.data.landmarks.landmarks import Landmarks
    from cxresearch.data.study import Study
    from cxresearch.headtohead.contest.comparison import Comparison
    from cxresearch.headtohead.one_score.answer_weights import AnswerWeights
    from cxresearch.headtohead.one_score.score_verdict import ScoreVerdict
    from cxresearch.metrics.scorecard.scorecard_result import Scorecard
    from cxresearch.results.estimate import Estimate

#: Periods of a year, the age at which cohorts are compared.
_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}
#: How the heatmap names the period of a cohort.
_BEGAN = {
    "day": "the day %d %b %Y",
    "week": "the week from %d %b %Y",
    "month": "%b %Y",
    "quarter": "the quarter from %b %Y",
    "year": "%Y",
}
_WHOSE = {"customers": ("the customers", "were"), "revenue": ("the revenue of those", "was")}
_BLANK = "Blank cells had not ended when the data were cut."


def too_small(bridge: MrrBridge) -> bool:
    """Return whether the last complete period has so few customers that a scorecard hides their revenue.

    Raises
    ------
    ArgumentError
        If no period is complete.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> too_small(cx.revenue.mrr_bridge(example_study()))
    False
    """
    row: Any = bridge.table.loc[bridge.position()]
    # Fewer than five customers: their sum of revenue would tell each of them the others'.
    return any(0 < row[f"{end}_customers"] < SUPPRESS_BELOW for end in ("opening", "closing"))


def bridge_caption(bridge: MrrBridge, *, level: float = 0.95) -> str:
    """Return what the last complete period did to recurring revenue.

    Parameters
    ----------
    bridge : MrrBridge
        Without groups.
    level : float
        Confidence level of the revenue retained.

    Raises
    ------
    ArgumentError
        If no period is complete.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> print(bridge_caption(cx.revenue.mrr_bridge(example_study())).split(";")[0])
    2024-02: recurring revenue fell by 10 EUR, to 90 EUR a month from 9 customers
    """
    row: Any = bridge.table.loc[bridge.position()]
    money = f" {bridge.currency}".rstrip()
    joined = f"{int(row['new_customers']):,} joined"
    back = int(row["reactivation_customers"])
    if back:
        joined += f", {back:,} came back"
    way = _moved(float(row["closing"] - row["opening"]), money)
    text = (
        f"{period_label(row['period'], bridge.every)}: recurring revenue {way}, "
        f"to {float(row['closing']):,.0f}{money} a month from {_customers(row['closing_customers'])}; "
        f"{joined} and {int(row['churn_customers']):,} left. The amounts are a ledger, to the cent."
    )
    return f"{text} {_retained(bridge, level)}".strip()


def _retained(bridge: MrrBridge, level: float) -> str:
    """Say how much of the opening revenue stayed; nothing where there was none."""
    rates = revenue_rates(bridge, level=level)
    last = bridge.table.loc[bridge.position(), "period"]
    rates = rates[(rates["metric"] == "net_revenue_retention") & (rates["period"] == last)]
    if not len(rates):
        return ""
    kept: Any = rates.iloc[0]
    interval = format_interval(kept["low"], kept["high"], Unit.SHARE, value=kept["value"])
    note = ""
    # One account above a tenth decides the interval: its leaving alone moves the rate by that much.
    if kept["largest_share"] > 0.1:
        note = f"; one account holds {100 * kept['largest_share']:.0f} % of opening MRR"
    return (
        f"Of the revenue at the start, {format_value(kept['value'], Unit.SHARE)} was there at the end, new "
        f"customers aside ({100 * level:g} % interval {interval}, n {kept['n']:,}{note})."
    )


def cohort_caption(cohorts: CohortRetention) -> str:
    """Return what is left of the newest cohort that is a year old, or as old as any.

    Parameters
    ----------
    cohorts : CohortRetention
        Of customers or revenue.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> print(cohort_caption(cx.revenue.cohort_retention(example_study())).split(" (")[0])
    Of the customers who first paid in Jan 2024, 90.0 % were still there after 1 month
    """
    rows = cohorts.table[cohorts.table["share"].notna() & (cohorts.table["age"] > 0)]
    if not len(rows):
        return f"No cohort is older than its first {cohorts.every} yet. {_BLANK}"
    # A year old, or as old as any: one age for all cohorts that are compared.
    age = min(_YEAR[cohorts.every], int(rows["age"].max()))
    row: Any = rows[rows["age"] == age].sort_values("cohort").iloc[-1]
    began = f"{row['cohort']:{_BEGAN[cohorts.every]}}"
    whose, verb = _WHOSE[cohorts.of]
    interval = f"[{100 * row['low']:.1f} %, {100 * row['high']:.1f} %]"
    share = f"{100 * row['share']:.1f} %"
    return (
        f"Of {whose} who first paid in {began}, {share} {verb} still there after "
        f"{age} {cohorts.every}{'s' * (age > 1)} ({100 * cohorts.level:g} % interval {interval}, "
        f"n {int(row['n']):,}). {_BLANK}"
    )


def ageing_caption(ageing: TicketAgeing) -> str:
    """Return how many tickets are open, and how many have waited longest.

    Parameters
    ----------
    ageing : TicketAgeing
        Open tickets.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> print(ageing_caption(cx.support.ticket_ageing(example_study(), edges_hours=[0, 1])).split(";")[0])
    Of 1 ticket open when the data were cut, 1 (100 %) has waited over 1 h
    """
    if not ageing.n:
        return "No ticket is open."
    oldest = ageing.table[ageing.table["to_hours"] == float("inf")]
    long, band = int(oldest["n"].sum()), str(oldest["band"].iloc[0])
    return (
        f"Of {ageing.n:,} ticket{'s' * (ageing.n != 1)} open when the data were cut, {long:,} "
        f"({100 * long / ageing.n:.0f} %) {'has' if long == 1 else 'have'} waited {band}; this counts all of "
        "them, so there is no interval. What is open for very long may be forgotten, or was never closed in "
        "the records."
    )


def contest_detail(contest: Comparison, marks: Landmarks) -> str:
    """Return what the AUCs of the main pair mean for a pair of customers, and who was not compared."""
    # AUC = P(leaver's risk > stayer's) + P(equal) / 2: so many of 100 such pairs are put right.
    first, second = (contest.auc(score) for score in contest.primary)
    labels = [estimate.name.removeprefix("AUC of ") for estimate in (first, second)]
    text = (
        "A row is a customer on a day on which we looked. Shown one customer who left and one who stayed, "
        f"{labels[0]} points to the right one in {100 * first.value:.0f} of 100 such pairs and "
        f"{labels[1]} in {100 * second.value:.0f}; tossing a coin, one would be right in 50."
    )
    silent = [scale.label for name, scale in marks.instruments.items() if marks.frame[name].isna().all()]
    if silent:
        text += (
            f"\n\nNot compared, for nobody answered it within {marks.window_days:g} days: "
            f"{', '.join(silent)}."
        )
    return text


def contest_weights(weighed: AnswerWeights) -> str:
    """Return what a contest does with the weights of answers, and what its checks further down do."""
    if weighed.values is None:
        return weighed.note
    return f"{weighed.note}, in the contest itself; the checks further down count every row once"


def score_to_judge(marks: Landmarks, score: str) -> str:
    """Return the question a page about one score is on: the one named, else NPS, else the first answered.

    Parameters
    ----------
    marks : Landmarks
    score : str
        As set for the report; may be empty.
    """
    answered = [name for name in marks.instruments if marks.frame[name].notna().any()]
    if score:
        return score
    if "nps" in answered:
        return "nps"
    return next(iter([*answered, *marks.instruments]), "")


def score_detail(verdict: ScoreVerdict, marks: Landmarks) -> str:
    """Return whom the verdict on one score rests on, and which other questions were answered."""
    text = (
        f"A row is a customer on a day on which we looked. {100 * verdict.response_rate:.0f} % of the "
        f"{marks.n_rows:,} rows have an answer: {verdict.n:,} rows of {verdict.n_customers:,} customers, "
        f"{verdict.n_cases:,} of which left within {verdict.horizon_days:g} days."
    )
    others = [
        scale.label
        for name, scale in marks.instruments.items()
        if name != verdict.score and marks.frame[name].notna().any()
    ]
    if others:
        text += f"\n\nAlso answered, and not looked at here: {', '.join(others)} (--set score=...)."
    return text


def score_tone(verdict: ScoreVerdict) -> str:
    """Return the tone of the finding: attention where the score is wrong, or the silent are unlike."""
    amiss = verdict.verdict in (KNOWS, BACKWARDS)
    chosen = verdict.gap is not None and verdict.gap.p_value < 1 - verdict.level
    if amiss or chosen:
        return "attention"
    return "neutral"


def curve_detail(overall: ChurnCurve, comparison: CurveComparison | None) -> str:
    """Return how many leave where the curve falls steeply, and which groups stay longer."""
    parts = [overall.falls]
    if comparison is not None:
        parts.append(comparison.finding)
    return "\n\n".join(part for part in parts if part)


def pictured_metrics(
    card: Scorecard, study: Study, *, featured: Sequence[str], metrics: Sequence[str]
) -> list[str]:
    """Return the metrics that get pictures: those featured, else questions, revenue and tickets with a value.

    Parameters
    ----------
    card : Scorecard
        The figures.
    study : Study
        Names the questions.
    featured, metrics : sequence of str
        As set for the report; both may be empty.
    """
    valued = card.overall[card.overall["value"].notna()]
    names = set(valued["metric"])
    pictured = [name for name in wished_metrics(study, featured, metrics) if name in names]
    if not (featured or metrics):
        pictured += [name for name in ("mrr", "tickets") if name in names]
    if pictured:
        return pictured
    with_interval = card.overall[card.overall["low"].notna()]
    return list(with_interval["metric"].unique()[:1])


def wished_metrics(study: Study, featured: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """Return the metrics that a reader looks for first: those featured, else the questions asked."""
    if featured:
        return list(featured)
    return [name for name in study.instruments if not metrics or name in metrics]


def trend_caption(card: Scorecard, metric: str) -> str:
    """Return what the line of a metric over the periods shows."""
    text = f"{card.labels[metric]} by {card.every}, all customers"
    rows = card.overall[card.overall["metric"] == metric]
    if rows["low"].notna().any():
        return f"{text}, with {100 * card.level:g} % intervals."
    return f"{text}."


def scorecard_weights(study: Study, weights: str | None) -> str:
    """Return which figures of a scorecard the weights of answers go into; nothing where none are mapped."""
    if weights is None:
        return ""
    further = [name for name in study.tables if name not in ("customers", "responses", "events")]
    text = f"The weights of answers mapped in the study (column {weights}) go into every score"
    if not further:
        return text
    return f"{text}; figures of {', '.join(further)} have none, and count every row once"


def usual_segment(study: Study) -> str:
    """Return the segment that a page splits by if none is named: the first that does not know who left.

    Examples
    --------
    >>> import cxresearch as cx
    >>> usual_segment(cx.synthetic.synthetic_study(customers=50))
    'segment'
    """
    knowing = set()
    if study.segments:
        doubts = segments_that_know_who_left(study)
        knowing = {str(detail).split(" knows who left")[0] for detail in doubts["detail"]}
    usable = [name for name in study.segments if name not in knowing and not names_outcome(name)]
    return next(iter(usable), "")


def reference_line(estimate: Estimate) -> str:
    """Return the customary reading of an NPS beside the scores that the trade likes to quote, and a caution.

    Parameters
    ----------
    estimate : Estimate
        An NPS, in points.

    Examples
    --------
    >>> import cxresearch as cx
    >>> print(reference_line(cx.nps([6] * 15 + [8] * 25 + [10] * 60)).split(" (")[0])
    NPS +45.0: good; the interval runs from good to excellent
    """
    bands = ", ".join(f"{band.label} {_from(band)}" for band in NPS_BANDS)
    quoted = "; ".join(
        ", ".join(f"{firm} {score}" for firm, score in zip(rows["firm"], rows["nps"], strict=True))
        + f" ({source})"
        for source, rows in nps_reference_points().groupby("source", sort=False)
    )
    return (
        f"{estimate.name} {format_value(estimate.value, estimate.unit)}: {nps_reading(estimate)} "
        f"(a custom of the trade: {bands}). Often quoted: {quoted}. These come without n, interval or "
        "wording of the question, and say nothing about your market."
    )


def _moved(by: float, money: str) -> str:
    if not by:
        return "did not move"
    verb = {True: "rose", False: "fell"}[by > 0]
    return f"{verb} by {abs(by):,.0f}{money}"


def _from(band: Band) -> str:
    if band.low <= -100:
        return f"below {band.high:g}"
    if band.low % 1:  # half a point over a whole score
        return f"above {band.low:.0f}"
    return f"from {band.low:.0f}"


def _customers(count: Any) -> str:
    return f"{int(count):,} customer{'s' * (int(count) != 1)}"
