"""Leak alarm: features that know the outcome better than anything known at the landmark could."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from cxresearch.churn.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: One feature alone that ranks this well is a suspicion, not a triumph.
AUC_ALONE = 0.95
#: A feature with two values that ranks this well nearly repeats the outcome.
AUC_TWO_VALUES = 0.75
#: A feature that sounds like the outcome is reported from this AUC on.
AUC_NAMED = 0.70
#: An end of a feature in which this share left, where at most half of all did.
PURE_SHARE = 0.95
_SOUNDS_LIKE = re.compile(
    r"status|churn|cancel|ended|end_|inactive|is_active|exit|terminat|attrit|closed_at|left_", re.IGNORECASE
)
_MOST_ROWS = 200_000


def leak_alarms(rows: Rows, *, seed: int = 0) -> pd.DataFrame:
    """Look at each feature alone and report those that look as if measured after the fact.

    Four rules, each a suspicion for a person to judge: (1) AUC alone of .95 or more, in either direction;
    (2) two values and an AUC of .75 or more; (3) a name that sounds like the outcome and an AUC of .70 or
    more; (4) a pure end: its lowest or highest value (or the extreme 1 % of a fine scale), at least 20 rows
    and 1 % of all, in which 95 % left for whatever reason, where at most half of all did.

    Parameters
    ----------
    rows : Rows
        Training rows; at most 200,000 of them are looked at, drawn by ``seed``.

    Returns
    -------
    DataFrame
        Columns ``feature, rule, auc, detail``, worst first; one row for each feature at most. ``auc`` is that
        of the feature alone, turned to be at least .5, a missing value ranking below all others or left out,
        whichever ranks better.
    """
    known = np.flatnonzero(rows.weight > 0)
    if len(known) > _MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).choice(known, _MOST_ROWS, replace=False))
    some = rows.take(known)
    found = [_alarm(name, _as_number(some, name), some) for name in some.table.columns]
    made = pd.DataFrame([row for row in found if row], columns=["feature", "rule", "auc", "detail"])
    return made.sort_values("auc", ascending=False, ignore_index=True)


def _as_number(rows: Rows, name: str) -> NDArray[np.float64]:
    """Return a category as the churn share of its level, a number as it is."""
    column = rows.table[name]
    if column.dtype.kind == "f":
        return column.to_numpy()
    code = pd.factorize(column)[0]
    cases = np.bincount(code, weights=rows.weight * rows.left)
    return np.asarray((cases / np.bincount(code, weights=rows.weight))[code])


def _alarm(name: str, values: NDArray[np.float64], rows: Rows) -> dict[str, object] | None:
    auc = auc_alone(values, rows)
    two = len(np.unique(values[~np.isnan(values)])) + bool(np.isnan(values).any()) == 2
    pure = _pure_end(values, rows)
    if auc >= AUC_ALONE:
        rule, detail = "ranks alone", f"alone it ranks with AUC {auc:.3f}; it may be measured after the fact"
    elif pure:
        rule, detail = "pure end", pure
    elif two and auc >= AUC_TWO_VALUES:
        rule = "next to the outcome"
        detail = f"two values that alone rank with AUC {auc:.3f}: nearly the outcome itself"
    elif _SOUNDS_LIKE.search(name) and auc >= AUC_NAMED:
        rule = "named like the outcome"
        detail = f"sounds like the outcome and alone ranks with AUC {auc:.3f}"
    else:
        return None
    return {"feature": name, "rule": rule, "auc": auc, "detail": detail}


def auc_alone(values: NDArray[np.float64], rows: Rows) -> float:
    """Return the weighted AUC of one feature, turned to be at least .5."""
    known = ~np.isnan(values)
    if known.sum() < 2 or len(np.unique(values[known])) + (not known.all()) < 2:
        return 0.5
    lowest = np.where(known, values, values[known].min() - 1)
    best = _turned(lowest, rows.left, rows.weight)
    if not known.all() and 0 < rows.left[known].sum() < known.sum() and known.mean() > 0.01:
        best = max(best, _turned(values[known], rows.left[known], rows.weight[known]))
    return best


def _turned(values: NDArray[np.float64], left: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    auc = float(roc_auc_score(left, values, sample_weight=weight))
    return max(auc, 1 - auc)


def _pure_end(values: NDArray[np.float64], rows: Rows) -> str:
    overall = np.average(rows.gone, weights=rows.weight)
    known = ~np.isnan(values)
    if overall > 0.5 or not known.any():
        return ""
    for side, limit in (
        ("lowest", np.quantile(values[known], 0.01)),
        ("highest", np.quantile(values[known], 0.99)),
    ):
        there = known & (values <= limit if side == "lowest" else values >= limit)
        if there.sum() < max(20, 0.01 * len(values)) or there.all():
            continue
        share = float(np.average(rows.gone[there], weights=rows.weight[there]))
        if share >= PURE_SHARE:
            return (
                f"of the {int(there.sum()):,} rows at its {side} values {share:.0%} left "
                f"({overall:.0%} overall); it may be measured after the fact"
            )
    return ""
