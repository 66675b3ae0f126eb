"""Answers of one customer linked: sums over clusters from which a mean has its linearised variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.survey.score_measures import BOX_NAME, measure_of, measures_for
from cxresearch.scales import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxresearch.metrics.base.metric import Query


def link_answers(
    rows: nw.LazyFrame[Any], scales: Mapping[str, Scale], query: Query, further: str
) -> pd.DataFrame:
    """Sum within each cluster of each cell, then the squares and products of those sums over clusters."""
    usual = [name for scale in scales.values() for name in measures_for(scale)]
    names = list(dict.fromkeys([*usual, further] if further else usual))
    cell = [*query.keys, "instrument"]
    rows = rows.filter(~nw.col("score").is_null())
    if query.weights:
        # A customer of weight 0 would be a cluster that adds nothing, and G in G / (G - 1) too large.
        rows = rows.filter(nw.col("w") > 0)
    else:
        rows = rows.with_columns(w=nw.lit(1.0))
    rows = rows.with_columns(**{f"t_{name}": nw.col("w") * _value_of(name, scales) for name in names})
    # W_c = sum of weights, T_c = sum of weight x value, of each customer c.
    inner = rows.group_by([*cell, "who"]).agg(nw.col("w", *(f"t_{name}" for name in names)).sum())
    # Sums over customers of W_c^2, W_c T_c and T_c^2: var(T / W) = sum (T_c - m W_c)^2 / W^2 needs no more.
    products = {"ww": nw.col("w") * nw.col("w")}
    for name in names:
        products[f"wt_{name}"] = nw.col("w") * nw.col(f"t_{name}")
        products[f"tt_{name}"] = nw.col(f"t_{name}") * nw.col(f"t_{name}")
    outer = (
        inner.with_columns(**products).group_by(cell).agg(nw.len().alias("clusters"), nw.col(*products).sum())
    )
    return collect(outer)


def _value_of(measure: str, scales: Mapping[str, Scale]) -> nw.Expr:
    """Return what an answer counts under a measure, whichever instrument it answers; 0 where it has none."""
    value: nw.Expr = nw.lit(0.0)
    for name, scale in scales.items():
        if _has_measure(scale, measure):
            asked = nw.col("instrument") == name
            value = nw.when(asked).then(_value_on(scale, measure)).otherwise(value)
    return value


def _has_measure(scale: Scale, measure: str) -> bool:
    boxes = BOX_NAME.fullmatch(measure)
    return measure in measures_for(scale) or (boxes is not None and int(boxes[1]) < len(scale.levels))


def _value_on(scale: Scale, measure: str) -> nw.Expr:
    """Return what an answer to a question counts: the answer itself, or the value of the answers alike."""
    score = nw.col("score").cast(nw.Float64())
    if measure == "mean":
        return score
    worth = dict(zip(scale.levels, measure_of(scale, measure).values, strict=True))
    value: nw.Expr = nw.lit(0.0)
    # One branch for each value, not for each answer: an NPS needs two of them, not eleven.
    for counted in sorted(set(worth.values()) - {0.0}):
        answers_alike = [float(answer) for answer in scale.levels if worth[answer] == counted]
        value = nw.when(score.is_in(answers_alike)).then(nw.lit(counted)).otherwise(value)
    return value
