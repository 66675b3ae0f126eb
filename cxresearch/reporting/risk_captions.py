"""What the report of risks says of its list and of how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.churn.evaluation.evaluation_result import ChurnEvaluation
    from cxresearch.churn.risk.risk_list import RiskList


def evaluation_detail(evaluation: ChurnEvaluation) -> str:
    """Return what the AUC and the lift of a churn model mean for customers."""
    auc = evaluation.estimate("auc").value
    lift = evaluation.estimate("lift_top_decile").value
    return (
        f"Shown a customer who left and one who stayed, the model points to the right one in {100 * auc:.0f} "
        "of 100 such pairs (this is the AUC); tossing a coin, one would be right in 50. The riskiest tenth "
        f"held {lift:.1f} times as many leavers as a random tenth."
    )


def risk_finding(evaluation: ChurnEvaluation, listed: RiskList | None) -> str:
    """Return whom it pays to contact; without a list that can be used, what the model is worth."""
    if listed is None or not evaluation.better_than_chance:
        return evaluation.finding
    return listed.finding


def risk_detail(evaluation: ChurnEvaluation, listed: RiskList | None) -> str:
    """Return how far the list can be trusted, in paragraphs."""
    parts = [evaluation_detail(evaluation)]
    if risk_finding(evaluation, listed) != evaluation.finding:
        parts = [evaluation.finding, *parts]
    return "\n\n".join(parts)


def listed_customers(listed: RiskList, *, named: bool) -> pd.DataFrame:
    """Return the list for a page: who is meant only where that was asked for."""
    if named:
        return listed.table.dropna(axis="columns", how="all")
    return listed.nameless


def list_caption(listed: RiskList) -> str:
    """Return what the list holds and how its amounts are reckoned."""
    return f"{listed.caption('table')} {listed.formula[0].upper()}{listed.formula[1:]}."


def evaluation_tone(evaluation: ChurnEvaluation) -> str:
    """Return the tone of the finding: attention where some are not ranked, or the risks are off."""
    if evaluation.group_gap or not evaluation.calibrated:
        return "attention"
    return "neutral"
