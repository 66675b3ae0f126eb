"""Tables of a contest: AUCs and paired differences with intervals, tests and verdicts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.headtohead.contest.contest_rows import ContestRows
from cxresearch.headtohead.contest.verdicts import Pair, finding, needed_rows, verdict
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import simultaneous_critical
from cxresearch.stats.prediction.few_leavers import Reference
from cxresearch.stats.prediction.ipcw import Measure, Sides

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SUSPICIOUS = 0.95


def references(rows: ContestRows, at: list[Sides]) -> list[Reference]:
    """Return what the errors at each horizon are judged by: leavers, stayers and clusters in customers."""
    customer = rows.clusters[rows.fit.order]

    def customers(chosen: NDArray[np.bool_]) -> int:
        return int(np.count_nonzero(np.bincount(customer[chosen])))

    everybody = customers(np.ones(len(customer), dtype=bool))
    return [
        Reference(smallest=min(everybody, customers(side.case > 0), customers(side.control > 0)))
        for side in at
    ]


def auc_table(
    rows: ContestRows, at: list[Sides], found: Measure, covariance: NDArray[np.float64], level: float
) -> pd.DataFrame:
    """AUC of each score at each horizon, with single and joint intervals."""
    import pandas as pd

    se = np.sqrt(np.diag(covariance)).reshape(found.value.shape)
    judges = references(rows, at)
    joint = simultaneous_critical(covariance, level=level) / normal_quantile(level)
    customers = int(rows.frame["customer_id"].nunique())
    lines: list[dict[str, Any]] = []
    for i, name in enumerate(rows.names):
        for h, side in enumerate(at):
            value, error = float(found.value[i, h]), float(se[i, h])
            half = judges[h].critical(level) * error
            lines.append(
                {
                    "score": name,
                    "label": rows.labels[i],
                    "horizon_days": side.horizon,
                    "auc": value,
                    **_ends(value, half, "") | _ends(value, joint * half, "_joint"),
                    "se": error,
                    "p_chance": judges[h].p_value(value - 0.5, error),
                    "n": rows.fit.n,
                    "customers": customers,
                    "cases": int(found.cases[h]),
                    "controls": int(found.controls[h]),
                    "levels": len(rows.levels[i]),
                    "tie_share": _tie_share(rows.codes[i], side),
                    "reading": _reading(value, half),
                }
            )
    return pd.DataFrame(lines)


def _ends(value: float, half: float, suffix: str) -> dict[str, float]:
    """Limits within 0 and 1; none where the error is unknown, or zero because all pairs are told apart."""
    if not half > 0:
        return {f"low{suffix}": float("nan"), f"high{suffix}": float("nan")}
    return {f"low{suffix}": max(0.0, value - half), f"high{suffix}": min(1.0, value + half)}


def _tie_share(code: NDArray[np.intp], side: Sides) -> float:
    case, control = (
        np.bincount(code, weights=weight, minlength=int(code.max()) + 1)
        for weight in (side.case, side.control)
    )
    return float(case @ control / (case.sum() * control.sum()))


def _reading(auc: float, half: float) -> str:
    if auc >= SUSPICIOUS:
        return "suspiciously good"
    if auc + half < 0.5:
        return "runs backwards"
    return "predicts" if auc - half > 0.5 else "no better than chance"


def contrast_table(
    rows: ContestRows,
    at: list[Sides],
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
    joint = simultaneous_critical(spread, level=level) / normal_quantile(level)
    known = references(rows, at)
    judges = [known[h] for _, _, h in plan]
    same = np.array([np.array_equal(rows.codes[i], rows.codes[j]) for i, j, _ in plan])
    half = np.array([judge.critical(level) for judge in judges]) * se
    half[(se == 0) & ~same] = np.nan
    tests = list(zip(judges, difference, se, same, strict=True))
    table = pd.DataFrame(
        {
            "first": [rows.names[i] for i, _, _ in plan],
            "second": [rows.names[j] for _, j, _ in plan],
            "first_label": [rows.labels[i] for i, _, _ in plan],
            "second_label": [rows.labels[j] for _, j, _ in plan],
            "horizon_days": [float(found.horizons[h]) for _, _, h in plan],
            "difference": difference,
            "low": difference - half,
            "high": difference + half,
            "low_joint": difference - joint * half,
            "high_joint": difference + joint * half,
            "se": se,
            "statistic": np.divide(difference, se, out=np.where(same, 0.0, np.nan), where=se > 0),
            "p_value": [1.0 if equal else judge.p_value(d, e) for judge, d, e, equal in tests],
            "p_equivalence": [
                0.0 if equal else judge.p_equivalence(d, e, margin) for judge, d, e, equal in tests
            ],
            "primary": [line == 0 for line in range(len(plan))],
        }
    )
    one_sided = [judge.critical(2 * level - 1) * e for judge, _, e, _ in tests]
    return _judged(table, found.value, plan, rows.fit.n, half=one_sided, level=level, margin=margin)


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
    half: list[float],
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
            half_equivalence=half[line],
            family=1 if row["primary"] else len(plan) - 1,
            margin=margin,
            level=level,
        )
        for line, ((i, j, h), row) in enumerate(zip(plan, table.to_dict("records"), strict=True))
    ]
    return table.assign(
        verdict=[verdict(pair) for pair in judged],
        rows_to_decide=[needed_rows(pair) for pair in judged],
        finding=[finding(pair) for pair in judged],
    )
