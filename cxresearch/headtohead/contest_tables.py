"""Tables of a contest: AUCs and paired differences with intervals, tests and verdicts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cxresearch.headtohead.rows import ContestRows
from cxresearch.headtohead.verdicts import Pair, finding, needed_rows, verdict
from cxresearch.stats.delong import z_test
from cxresearch.stats.equivalence import equivalence_p_value
from cxresearch.stats.ipcw import Measure, Sides
from cxresearch.stats.joint_covariance import simultaneous_critical

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SUSPICIOUS = 0.95


def auc_table(
    rows: ContestRows, at: list[Sides], found: Measure, covariance: NDArray[np.float64], level: float
) -> pd.DataFrame:
    """AUC of each score at each horizon, with single and joint intervals."""
    import pandas as pd

    se = np.sqrt(np.diag(covariance)).reshape(found.value.shape)
    z, joint = stats.norm.ppf(0.5 + level / 2), simultaneous_critical(covariance, level=level)
    customers = int(rows.frame["customer_id"].nunique())
    lines: list[dict[str, Any]] = []
    for i, name in enumerate(rows.names):
        for h, side in enumerate(at):
            value, error = float(found.value[i, h]), float(se[i, h])
            half = {"": z * error, "_joint": joint * error}
            lines.append(
                {
                    "score": name,
                    "label": rows.labels[i],
                    "horizon_days": side.horizon,
                    "auc": value,
                    **{f"low{end}": max(0.0, value - width) for end, width in half.items()},
                    **{f"high{end}": min(1.0, value + width) for end, width in half.items()},
                    "se": error,
                    "p_chance": z_test(value - 0.5, error)[1],
                    "n": rows.fit.n,
                    "customers": customers,
                    "cases": int(found.cases[h]),
                    "controls": int(found.controls[h]),
                    "levels": len(rows.levels[i]),
                    "tie_share": _tie_share(rows.codes[i], side),
                    "reading": _reading(value, error, z),
                }
            )
    return pd.DataFrame(lines)


def _tie_share(code: NDArray[np.intp], side: Sides) -> float:
    case, control = (
        np.bincount(code, weights=weight, minlength=int(code.max()) + 1)
        for weight in (side.case, side.control)
    )
    return float(case @ control / (case.sum() * control.sum()))


def _reading(auc: float, se: float, z: float) -> str:
    if auc >= SUSPICIOUS:
        return "suspiciously good"
    if auc + z * se < 0.5:
        return "runs backwards"
    return "predicts" if auc - z * se > 0.5 else "no better than chance"


def contrast_table(
    rows: ContestRows,
    found: Measure,
    covariance: NDArray[np.float64],
    *,
    pair: tuple[str, str],
    level: float,
    margin: float,
) -> pd.DataFrame:
    """Differences of AUC for every pair and horizon, the primary one first."""
    import pandas as pd

    pairs = [pair, *(p for p in combinations(rows.names, 2) if set(p) != set(pair))]
    size = len(found.horizons)
    plan = [(rows.names.index(a), rows.names.index(b), h) for a, b in pairs for h in range(size)]
    pick = np.zeros((len(plan), covariance.shape[0]))
    for line, (i, j, h) in enumerate(plan):
        pick[line, i * size + h], pick[line, j * size + h] = 1, -1
    spread = pick @ covariance @ pick.T
    difference, se = pick @ found.value.ravel(), np.sqrt(np.diag(spread).clip(0))
    se[se < 1e-12] = 0.0
    z, joint = stats.norm.ppf(0.5 + level / 2), simultaneous_critical(spread, level=level)
    tests = [z_test(d, s) for d, s in zip(difference, se, strict=True)]
    table = pd.DataFrame(
        {
            "first": [rows.names[i] for i, _, _ in plan],
            "second": [rows.names[j] for _, j, _ in plan],
            "first_label": [rows.labels[i] for i, _, _ in plan],
            "second_label": [rows.labels[j] for _, j, _ in plan],
            "horizon_days": [float(found.horizons[h]) for _, _, h in plan],
            "difference": difference,
            "low": difference - z * se,
            "high": difference + z * se,
            "low_joint": difference - joint * se,
            "high_joint": difference + joint * se,
            "se": se,
            "statistic": [test[0] for test in tests],
            "p_value": [test[1] for test in tests],
            "p_equivalence": [equivalence_p_value(d, s, margin) for d, s in zip(difference, se, strict=True)],
            "primary": [line == 0 for line in range(len(plan))],
        }
    )
    return _judged(table, found.value, plan, rows.fit.n, level=level, margin=margin)


def _holm_of_others(p_values: pd.Series) -> NDArray[np.float64]:
    """Adjust all p-values but the first, the primary one."""
    from statsmodels.stats.multitest import multipletests

    adjusted = p_values.to_numpy(dtype=np.float64, copy=True)
    known = ~np.isnan(adjusted)
    known[0] = False
    if known.any():
        adjusted[known] = multipletests(adjusted[known], method="holm")[1]
    return np.asarray(adjusted)


def _judged(
    table: pd.DataFrame,
    auc: NDArray[np.float64],
    plan: list[tuple[int, int, int]],
    n: int,
    *,
    level: float,
    margin: float,
) -> pd.DataFrame:
    """Add verdicts: the primary contrast by its own p-values, the others by Holm's over them."""
    table = table.assign(
        p_adjusted=_holm_of_others(table["p_value"]),
        p_equivalence_adjusted=_holm_of_others(table["p_equivalence"]),
    )
    judged = [
        Pair(
            first=row["first_label"],
            second=row["second_label"],
            first_auc=float(auc[i, h]),
            second_auc=float(auc[j, h]),
            difference=row["difference"],
            low=row["low"],
            high=row["high"],
            se=row["se"],
            p_value=row["p_adjusted"],
            p_equivalence=row["p_equivalence_adjusted"],
            n=n,
            margin=margin,
            level=level,
        )
        for (i, j, h), row in zip(plan, table.to_dict("records"), strict=True)
    ]
    return table.assign(
        verdict=[verdict(pair) for pair in judged],
        rows_to_decide=[needed_rows(pair) for pair in judged],
        finding=[finding(pair) for pair in judged],
    )
