"""Points of ROC and lift curves, weighted for censoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.headtohead.contest.contest_rows import ContestRows
    from cxresearch.stats.prediction.ipcw import Sides

_POINTS = 400


def roc_points(rows: ContestRows, at: list[Sides]) -> pd.DataFrame:
    """Return the ROC curve of each score at each horizon, from (0, 0) to (1, 1).

    A customer is called at risk if the risk is at least ``threshold``. A score with more than 400 levels is
    thinned to 400 thresholds.
    """
    return _curves(rows, at, "false_positive_rate", "true_positive_rate", everybody=False)


def lift_points(rows: ContestRows, at: list[Sides]) -> pd.DataFrame:
    """Return the share of leavers found among the riskiest share of customers, for each score and horizon."""
    return _curves(rows, at, "depth", "captured", everybody=True)


def _curves(rows: ContestRows, at: list[Sides], across: str, up: str, *, everybody: bool) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for index, (name, label) in enumerate(zip(rows.names, rows.labels, strict=True)):
        levels, code = rows.levels[index], rows.codes[index]
        for side in at:
            base = rows.fit.weight if everybody else side.control
            x = _from_the_top(np.bincount(code, weights=base, minlength=len(levels)))
            y = _from_the_top(np.bincount(code, weights=side.case, minlength=len(levels)))
            keep = _thin(len(x))
            part = pd.DataFrame(
                {
                    "score": name,
                    "label": label,
                    "horizon_days": side.horizon,
                    "threshold": np.r_[np.inf, levels[::-1]][keep],
                    across: x[keep],
                    up: y[keep],
                }
            )
            parts.append(part.drop(columns="threshold") if everybody else part)
    return pd.concat(parts, ignore_index=True)


def _from_the_top(weight: np.ndarray) -> np.ndarray:
    cumulative = np.r_[0.0, weight[::-1].cumsum()]
    return np.asarray(cumulative / cumulative[-1])


def _thin(size: int) -> np.ndarray:
    if size <= _POINTS:
        return np.arange(size)
    return np.unique(np.linspace(0, size - 1, _POINTS).round().astype(int))
