"""Claims about service, spending and who finds things easy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.errors import DataError
from cxresearch.headtohead.claims.evidence import (
    EFFORT_MARGIN,
    FEWEST,
    SCORE_MARGIN,
    SPEND_CLAIM,
    Answer,
    Evidence,
    enough,
    gap_text,
    judged,
)
from cxresearch.results.units import Unit, format_p_value, format_value
from cxresearch.stats.intervals.group_means import group_means, mean_difference, mean_ratio
from cxresearch.stats.models.clustered_covariance import cluster_codes, influence_covariance
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

_ANSWER_WITHIN_DAYS = 14
_TARGET_HOURS = 48


def ticket_answers(evidence: Evidence) -> pd.DataFrame:
    """Join each CSAT answer to the latest ticket its customer had opened in the 14 days before.

    Returns
    -------
    DataFrame
        ``customer_id, score, responded_at, created_at, first_replied_at, resolved_at, reopens``; the score is
        turned so that higher means happier.
    """
    import pandas as pd

    if "csat" not in evidence.study.instruments:
        raise DataError("nobody was asked for CSAT")
    tickets = evidence.table("tickets")
    if "customer_id" not in tickets.columns:
        raise DataError("tickets do not say whose they are")
    responses = evidence.table("responses")
    answers = responses[(responses["instrument"] == "csat") & responses["score"].notna()]
    for column in ("first_replied_at", "resolved_at", "reopens"):
        if column not in tickets.columns:
            tickets[column] = pd.NaT if column.endswith("_at") else np.nan
    tickets = tickets.dropna(subset=["customer_id", "created_at"]).sort_values("created_at", kind="stable")
    tickets["created_at"] = tickets["created_at"].astype("datetime64[us]")
    answers = answers.sort_values("responded_at", kind="stable")[["customer_id", "score", "responded_at"]]
    answers["responded_at"] = answers["responded_at"].astype("datetime64[us]")
    for table in (answers, tickets):
        table["customer_id"] = table["customer_id"].astype(str)
    columns = ["customer_id", "created_at", "first_replied_at", "resolved_at", "reopens"]
    joined = pd.merge_asof(
        answers,
        tickets[columns],
        left_on="responded_at",
        right_on="created_at",
        by="customer_id",
        tolerance=pd.Timedelta(days=_ANSWER_WITHIN_DAYS),
    ).dropna(subset=["created_at"])
    # Higher means happier, whatever end of the scale is good.
    sign = -evidence.study.instruments["csat"].risk_sign
    joined["score"] = sign * joined["score"].astype(float)
    enough(len(joined), "CSAT answers within 14 days of a ticket")
    return joined.reset_index(drop=True)


def _happier(answers: pd.DataFrame, group: pd.Series[bool], level: float) -> tuple[float, float, float]:
    enough(int(group.sum()), "answers on one side of the comparison")
    enough(int((~group).sum()), "answers on the other side of the comparison")
    clusters = cluster_codes(answers["customer_id"])
    gap = mean_difference(answers["score"].to_numpy(), group.to_numpy(), clusters=clusters, level=level)
    return gap[:3]


def quick_replies_please(evidence: Evidence) -> Answer:
    """Among tickets reopened, or unresolved when the answer came: quick first reply against slow."""
    answers = ticket_answers(evidence)
    if answers["first_replied_at"].isna().all():
        raise DataError("tickets do not say when they were first answered")
    resolved = answers["resolved_at"].notna() & (answers["resolved_at"] <= answers["responded_at"])
    # Reopened, or not resolved when the customer answered.
    unhelpful = answers[(answers["reopens"].fillna(0) > 0) | ~resolved]
    unhelpful = unhelpful[unhelpful["first_replied_at"] <= unhelpful["responded_at"]]
    enough(len(unhelpful), "answers about tickets that were not solved")
    wait = (unhelpful["first_replied_at"] - unhelpful["created_at"]).dt.total_seconds() / 3600
    # Quick and slow are what this company is used to.
    median = float(wait.median())
    gap, low, high = _happier(unhelpful, wait < median, evidence.level)
    return Answer(
        verdict=judged(low, high, at_least=0.0, ruled_out_below=SCORE_MARGIN),
        finding=(
            f"Where the problem was not solved, a first reply within {format_value(median, Unit.HOURS)} goes "
            f"with a CSAT that differs from that of slower ones by {gap_text(gap, low, high, Unit.SCORE)}."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=len(unhelpful),
    )


def slow_resolution_hurts(evidence: Evidence) -> Answer:
    """CSAT of tickets not resolved within 48 hours against the others.

    A ticket is slow if it took longer, or was open past 48 hours when the answer came; one that was younger
    and still open is set aside.
    """
    answers = ticket_answers(evidence)
    if answers["resolved_at"].isna().all():
        raise DataError("tickets do not say when they were resolved")
    # Open tickets count until the answer: what came later the customer did not know.
    until = answers[["resolved_at", "responded_at"]].min(axis=1)
    hours = (until - answers["created_at"]).dt.total_seconds() / 3600
    resolved = answers["resolved_at"].notna() & (answers["resolved_at"] <= answers["responded_at"])
    keep = resolved | (hours > _TARGET_HOURS)
    gap, low, high = _happier(answers[keep], hours[keep] > _TARGET_HOURS, evidence.level)
    return Answer(
        verdict=judged(-high, -low, at_least=0.0, ruled_out_below=SCORE_MARGIN),
        finding=(
            f"CSAT of tickets that took over {_TARGET_HOURS} hours differs from that of the others by "
            f"{gap_text(gap, low, high, Unit.SCORE)}."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=int(keep.sum()),
    )


def repeat_customers_spend(evidence: Evidence) -> Answer:
    """Spending in a late half-year of the relation against the first half-year, of the same customers.

    The saying goes back to months 31-36 against months 1-6; where too few were observed that long, the latest
    half-year that 30 buyers reached is taken, and named.
    """
    orders, customers = evidence.table("orders"), evidence.table("customers")
    buyers = customers[customers["customer_id"].isin(orders["customer_id"])].set_index("customer_id")
    orders = orders.join(buyers["started_at"], on="customer_id")
    orders["month"] = _months(orders["ordered_at"] - orders["started_at"])
    months = _months(_last_seen(buyers, evidence.study.observed_until) - buyers["started_at"])
    # The saying is about months 31 to 36; the latest half-year that 30 buyers reached stands for it.
    for end in (36, 30, 24, 18, 12):
        observed = months.index[months >= end]
        if len(observed) >= 30:
            break
    else:
        raise DataError("fewer than 30 buyers were observed for a year")
    part = orders[orders["customer_id"].isin(observed)]
    late = part[(part["month"] >= end - 6) & (part["month"] < end)].groupby("customer_id")["amount"].sum()
    early = part[part["month"] < 6].groupby("customer_id")["amount"].sum()
    # Ratio of two means of the same customers, on the log scale.
    ratio, low, high = mean_ratio(
        late.reindex(observed).fillna(0).to_numpy(dtype=np.float64),
        early.reindex(observed).fillna(0).to_numpy(dtype=np.float64),
        clusters=np.arange(len(observed)),
        level=evidence.level,
    )
    verdict = "contradicted" if high < SPEND_CLAIM else ("supported" if low > 1 else "underpowered")
    return Answer(
        verdict=verdict,
        finding=(
            f"Spending of customers still there in months {end - 5}-{end} differs from that in months 1-6 by "
            f"{gap_text(ratio - 1, low - 1, high - 1, Unit.SHARE)}."
        ),
        estimate=ratio,
        low=low,
        high=high,
        n=len(observed),
    )


def _months(span: pd.Series) -> pd.Series:
    days: pd.Series = span.dt.total_seconds() / 86_400
    return days / DAYS_A_MONTH


def _last_seen(customers: pd.DataFrame, until: datetime) -> pd.Series:
    """When a customer ended, or the data cut."""
    import pandas as pd

    cut = pd.Series(pd.Timestamp(until), index=customers.index)
    if "ended_at" not in customers.columns:
        return cut
    ended = customers["ended_at"]
    return cut.where(ended.isna() | (ended > cut), ended)


def effort_by_generation(evidence: Evidence) -> Answer:
    """Mean CES by generation: a joint test, and the widest gap."""
    answers, large = _effort_answers(evidence)
    place = {value: number for number, value in enumerate(large)}
    group = np.array([place[value] for value in answers["generation"]], dtype=np.int64)
    means, effects = group_means(answers["score"].to_numpy(dtype=np.float64), group, len(large))
    spread = influence_covariance(effects, clusters=cluster_codes(answers["customer_id"]))
    p_value, gap, low, high = _widest_gap(means, spread, evidence.level)
    top, bottom = int(means.argmax()), int(means.argmin())
    if p_value < 1 - evidence.level:
        verdict = "supported"
    else:
        verdict = "contradicted" if high < EFFORT_MARGIN else "underpowered"
    return Answer(
        verdict=verdict,
        finding=(
            f"Mean CES runs from {means[bottom]:.2f} ({large[bottom]}) to {means[top]:.2f} ({large[top]}); "
            f"gap {gap_text(gap, low, high, Unit.SCORE)}, joint test {format_p_value(p_value)}."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=len(answers),
    )


def _effort_answers(evidence: Evidence) -> tuple[pd.DataFrame, list[str]]:
    """Return CES answers with the generation of their customer, and the generations with 30 of them."""
    if "ces" not in evidence.study.instruments:
        raise DataError("nobody was asked for CES")
    customers = evidence.table("customers")
    column = next((c for c in ("generation", "age_group", "birth_decade") if c in customers.columns), None)
    if column is None:
        raise DataError("customers have no column generation, age_group or birth_decade")
    known = customers[["customer_id", column]].rename(columns={column: "generation"})
    responses = evidence.table("responses")
    answers = responses[(responses["instrument"] == "ces") & responses["score"].notna()]
    answers = answers[["customer_id", "score"]].merge(known, on="customer_id").dropna(subset=["generation"])
    counts = answers["generation"].value_counts()
    large = sorted(counts.index[counts >= FEWEST])
    if len(large) < 2:
        raise DataError(f"fewer than two generations have {FEWEST} answers to CES")
    return answers[answers["generation"].isin(large)], large


def _widest_gap(
    means: NDArray[np.float64], spread: NDArray[np.float64], level: float
) -> tuple[float, float, float, float]:
    """Joint p-value of equal means, and the widest gap with an interval that holds for all pairs.

    Scheffe's, for the widest gap was not named beforehand.
    """
    # Gaps to the first generation: all are 0 if all means are equal.
    pick = np.column_stack([-np.ones(len(means) - 1), np.eye(len(means) - 1)])
    gaps = pick @ means
    # Wald: g' (C V C')^-1 g, chi-square on generations less one.
    statistic = float(gaps @ np.linalg.solve(pick @ spread @ pick.T, gaps))
    # Scheffe: sqrt of the chi-square quantile holds for every gap, named beforehand or not.
    reach = float(np.sqrt(stats.chi2.ppf(level, len(gaps))))
    top, bottom = int(means.argmax()), int(means.argmin())
    gap = float(means[top] - means[bottom])
    se = float(np.sqrt(spread[top, top] + spread[bottom, bottom] - 2 * spread[top, bottom]))
    return float(stats.chi2.sf(statistic, len(gaps))), gap, gap - reach * se, gap + reach * se
