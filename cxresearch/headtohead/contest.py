"""``compare``: which score tells best who will leave, on the same rows, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.pictures import lift_points, roc_points
from cxresearch.headtohead.rows import ContestRows, complete_rows, contestants, horizons_of
from cxresearch.headtohead.verdicts import Pair, finding, needed_rows, verdict
from cxresearch.results.comparison import Comparison
from cxresearch.stats.delong import z_test
from cxresearch.stats.equivalence import equivalence_p_value
from cxresearch.stats.ipcw import Controls, Measure, Sides, auc_measure, sides
from cxresearch.stats.joint_covariance import simultaneous_critical

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.results.landmarks import Landmarks

SUSPICIOUS = 0.95


def compare(
    marks: Landmarks,
    scores: Sequence[str],
    *,
    horizon_days: float | Sequence[float] | None = None,
    level: float = 0.95,
    margin: float = 0.02,
    clusters: str | None = "customer_id",
    primary: tuple[str, str] | None = None,
    controls: Controls = "event_free",
) -> Comparison:
    """Compare how well scores tell who will leave.

    Estimand: ``AUC_h(A) - AUC_h(B)`` for voluntary churn within h days of the landmark, on the same rows, raw
    scores, each turned by its declared direction so that higher means riskier. A score that runs backwards is
    named in ``cautions`` and never turned round.

    Parameters
    ----------
    marks : Landmarks
        From :func:`cxresearch.landmark` or :func:`cxresearch.synthetic_landmarks`. Rows without an answer to
        every contestant are left out and counted.
    scores : sequence of str
        Two or more instruments; the first two are the primary pair unless `primary` says otherwise.
    horizon_days : float or sequence of float, optional
        The first is the primary one; by default that of the landmarks.
    level : float
        Confidence level.
    margin : float
        Largest difference of AUC that counts as none; to be set before looking at the data.
    clusters : str or None
        Column whose rows depend on each other. None treats every row as a customer of its own.
    primary : tuple of str, optional
        The contrast named beforehand. It is judged by its own p-value, all others by Holm's.
    controls : {"event_free", "all"}
        Whether customers who left involuntarily before the horizon are left out, or count as not having
        churned. The other definition is reported in ``measures``.

    Returns
    -------
    Comparison

    Raises
    ------
    ArgumentError
        An unknown instrument or column, or a setting out of range.
    DataError
        Nobody or everybody left, nobody is followed past the horizon, a score with one distinct value, no
        complete row.

    Notes
    -----
    AUCs are weighted by the inverse probability of being observed; standard errors come from influence
    functions that include the estimation of that probability, summed within customer. Verdicts: a pair is
    *equivalent* if two one-sided tests rule out a difference as large as `margin`; otherwise one is *better*
    if the difference is significant at ``1 - level``; otherwise *inconclusive*, with the number of rows that
    would decide with 80 % probability if the truth is what was observed.

    References
    ----------
    DeLong et al. (1988), doi:10.2307/2531595; Blanche et al. (2013), doi:10.1002/sim.5958; Holm (1979),
    https://www.jstor.org/stable/4615733; Schuirmann (1987), doi:10.1007/BF01068419.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic_landmarks(seed=1, customers=5_000, scenario="base")
    >>> cx.compare(marks, ["ces", "nps"]).verdict
    'inconclusive: you would need 16,600 rows'
    """
    level = check_level(level)
    margin = check_number("margin", margin, above=0, below=0.5)
    check_choice("controls", controls, ("event_free", "all"))
    names = contestants(marks, scores)
    horizons = horizons_of(marks, horizon_days)
    pair = _primary(names, primary)
    rows = complete_rows(marks, names, horizons, clusters=clusters)
    at = [sides(rows.fit, horizon, controls=controls) for horizon in horizons]
    found = auc_measure(rows.fit, rows.codes, at)
    covariance = found.covariance(clusters=rows.clusters)
    table = _table(rows, at, found, covariance, level)
    contrasts = _contrasts(rows, found, covariance, pair=pair, level=level, margin=margin)
    main = contrasts.loc[contrasts["primary"]].iloc[0]
    return Comparison(
        finding=_finding(main["finding"], table, pair, horizons[0]),
        verdict=main["verdict"],
        primary=pair,
        horizon_days=horizons[0],
        table=table,
        contrasts=contrasts,
        roc=roc_points(rows, at),
        lift=lift_points(rows, at),
        left_out=rows.left_out,
        cautions=_cautions(table),
        level=level,
        margin=margin,
        n=len(rows.frame),
        n_customers=int(rows.frame["customer_id"].nunique()),
        n_cases=int(found.cases[0]),
        settings={
            "scores": list(names),
            "horizons_days": list(horizons),
            "level": level,
            "margin": margin,
            "clusters": clusters,
            "primary": list(pair),
            "controls": controls,
        },
    )


def _primary(names: tuple[str, ...], primary: tuple[str, str] | None) -> tuple[str, str]:
    if primary is None:
        return names[0], names[1]
    pair = tuple(primary)
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(names):
        raise ArgumentError(f"primary is {primary!r}", wanted="two of " + ", ".join(map(repr, names)))
    return pair[0], pair[1]


def _table(
    rows: ContestRows, at: list[Sides], found: Measure, covariance: NDArray[np.float64], level: float
) -> pd.DataFrame:
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


def _contrasts(
    rows: ContestRows,
    found: Measure,
    covariance: NDArray[np.float64],
    *,
    pair: tuple[str, str],
    level: float,
    margin: float,
) -> pd.DataFrame:
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


def _finding(sentence: str, table: pd.DataFrame, pair: tuple[str, str], horizon: float) -> str:
    """Say beside the verdict when the contestants do not predict at all, or backwards."""
    here = table[(table["horizon_days"] == horizon) & table["score"].isin(pair)]
    if (here["reading"] == "no better than chance").all():
        return sentence + " Neither is told apart from chance."
    for row in here[here["reading"] == "runs backwards"].to_dict("records"):
        sentence += f" {row['label']} runs backwards: who answers well leaves more."
    return sentence


def _cautions(table: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    for row in table.to_dict("records"):
        where = f"at {row['horizon_days']:g} days (AUC {row['auc']:.3f})"
        if row["reading"] == "suspiciously good":
            notes.append(
                f"{row['label']} is suspiciously good {where}: look for answers given after notice, "
                "exit surveys or a feature that ends with the customer"
            )
        if row["reading"] == "runs backwards":
            notes.append(
                f"{row['label']} runs backwards {where}: customers it calls happy leave more. Check the "
                "declared direction; it is never turned round for you"
            )
    few = table.drop_duplicates("horizon_days")
    notes += [
        f"only {row['cases']} leavers within {row['horizon_days']:g} days: intervals are rough"
        for row in few[few["cases"] < 30].to_dict("records")
    ]
    return tuple(notes)
