"""Which comparisons of a scorecard are judged together: one error over a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.aliases import Bools
from cxresearch.metrics.base.metric import Metric
from cxresearch.metrics.tables.contrast_table import Adjust, adjusted

#: What stands for a metric that is shown and belongs to no family.
SHOWN = "shown"


def judged_metrics(metrics: Mapping[str, Metric], *, asked_for: bool) -> dict[str, str]:
    """Return the topic of each metric that is judged: the primary ones, or all if asked for by name."""
    return {name: metric.topic for name, metric in metrics.items() if metric.primary or asked_for}


def judge_whole(
    changes: pd.DataFrame, topics: Mapping[str, str], adjust: Adjust, level: float
) -> pd.DataFrame:
    """Return changes over all customers with p-values corrected within each topic, and verdicts.

    Scores, response rates and all other figures are a family each, so that a tenth question or a further
    figure of revenue costs the NPS no power.
    """
    topic = changes["metric"].map(topics)
    # Rows without a topic are in no group of groupby: they belong to no family.
    parts = [adjusted(rows, adjust) for _, rows in changes.groupby(topic, sort=False)]
    shown = changes[topic.isna()].assign(p_adjusted=np.nan, adjustment="not judged")
    parts = [part for part in (*parts, shown) if len(part)] or [changes]
    whole = pd.concat(parts, ignore_index=True)
    # Back into the order of the report.
    order = whole["metric"].map({name: place for place, name in enumerate(changes["metric"])})
    whole = whole.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)
    return whole.assign(verdict=verdicts(whole, topics, ("up", "down"), level))


def judge_groups(
    changes: pd.DataFrame, rest: pd.DataFrame, topics: Mapping[str, str], adjust: Adjust, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return changes of groups and groups against the rest, corrected as one family, with verdicts.

    Without any difference between groups, and without any change in one, a group is named in 1 - level of
    scorecards at most. Groups of fewer than 30 on a side are shown and not judged. Response rates have no
    place here: they say who answers, not how a group fares.
    """
    # A table without rows has no types of its own.
    filled = [part for part in (changes, rest) if len(part)]
    cells = pd.concat(filled or [changes], ignore_index=True)
    # Verdicts of what has no topic are "shown".
    topics = {name: topic for name, topic in topics.items() if topic != "response rates"}
    small = cells["small_base"].to_numpy(dtype=bool)
    able = cells["p_value"].notna().to_numpy() & cells["metric"].isin(list(topics)).to_numpy() & ~small
    hypothesis = _hypotheses(cells, len(changes), able)
    # Holm over hypotheses, not over rows: the same one twice would cost power twice.
    single = cells[able].assign(hypothesis=hypothesis).drop_duplicates("hypothesis")
    single = adjusted(single, adjust)
    p_values = single.set_index("hypothesis")["p_adjusted"]
    cells["p_adjusted"] = np.nan
    cells.loc[able, "p_adjusted"] = p_values.reindex(hypothesis).to_numpy()
    cells["adjustment"] = "not judged"
    if len(single):
        cells.loc[able, "adjustment"] = single["adjustment"].iloc[0]
    # The family is taken apart again: changes stood first.
    sides = (cells.iloc[: len(changes)], cells.iloc[len(changes) :].reset_index(drop=True))
    moved = sides[0].assign(verdict=verdicts(sides[0], topics, ("up", "down"), level))
    unlike = sides[1].assign(verdict=verdicts(sides[1], topics, ("above", "below"), level))
    return moved, unlike


def _hypotheses(cells: pd.DataFrame, changes: int, able: Bools) -> Any:
    """Number the hypotheses that are judged: two groups, each the rest of the other, are one."""
    number = np.arange(len(cells))
    rest = cells.iloc[changes:]
    for _, rows in rest.groupby(["metric", "column"], sort=False):
        # x_a - x_b and x_b - x_a: differences that add up to zero.
        if len(rows) == 2 and abs(rows["difference"].sum()) <= 1e-9 * rows["difference"].abs().max():
            number[rows.index] = rows.index[0]
    return number[able]


def verdicts(table: pd.DataFrame, topics: Mapping[str, str], words: tuple[str, str], level: float) -> Any:
    """Return the verdict of each comparison; beyond noise is a corrected p-value below 1 - level."""
    p_value = table["p_adjusted"].to_numpy(dtype=np.float64)
    direction = np.where(table["difference"].to_numpy(dtype=np.float64) > 0, *words)
    verdict = np.where(p_value < 1 - level, direction, "within noise").astype(object)
    # Without a corrected p-value nobody can say, in whatever direction the estimate points.
    verdict[np.isnan(p_value)] = "not judged"
    verdict[~table["metric"].isin(list(topics)).to_numpy()] = SHOWN
    verdict[table["suppressed"].to_numpy(dtype=bool)] = "not shown"
    return verdict
