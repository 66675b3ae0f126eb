"""``key_drivers``: what goes with a score, how sure that is, and where performance lags importance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.churn.drivers.key_drivers_result import KeyDrivers
from cxresearch.churn.drivers.snapshot_rows import snapshot_rows
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.snapshot import CAUTION
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import Scale
from cxresearch.stats.models.relative_importance import (
    MOST_FOR_LMG,
    lmg,
    relative_weights,
    require_full_rank,
    weighted_correlation,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two drivers more alike than this, or one explained by the others this well (VIF 5), are named.
ALIKE, INFLATED = 0.8, 5.0
#: Fewer rows than this in an outer group, or between them, show no penalty and no reward.
LEAST_GROUP = 10
#: A scale with this many values or fewer has its median answer as the middle group.
COARSE = 11
QUADRANTS = {
    (True, False): "improve first",
    (True, True): "keep up",
    (False, False): "low priority",
    (False, True): "possible overkill",
}


NOT_PLACED = "not placed"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Complete rows: drivers X (n, p), outcome y (n,), performance 0 to 100 (n, p), cluster codes (n,)."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    performance: NDArray[np.float64]
    cluster: NDArray[np.int64]
    low: NDArray[np.bool_]
    high: NDArray[np.bool_]


def key_drivers(
    data: pd.DataFrame | Landmarks | Study,
    outcome: str,
    drivers: Sequence[str],
    *,
    scales: Mapping[str, Scale] | None = None,
    clusters: str | None = "customer_id",
    level: float = 0.95,
    runs: int = 300,
    seed: int = 0,
) -> KeyDrivers:
    """Split the variance of a score among its drivers, with bootstrap intervals.

    Up to 12 drivers by the Shapley value of R squared (LMG), beyond that by Johnson's relative weights.

    Parameters
    ----------
    data : DataFrame, Landmarks or Study
        One row for each answer. Rows that lack the outcome or a driver are left out and counted. Of a study
        it takes a snapshot, whose outcome ``"left"`` is 1 for who left; the result says what none can tell.
    outcome : str
        Number column to explain: satisfaction, likelihood to recommend, 0/1 for leaving.
    drivers : sequence of str
        Two or more number columns.
    scales : mapping of str to Scale, optional
        Scales of drivers, for performance (0 to 100, 100 good). Those of the scores of ``Landmarks`` are
        known, and its features without a scale get no performance; in a DataFrame a driver without one is
        taken to be good at the high end of its observed range.
    clusters : str or None
        Column whose rows depend on each other and are resampled together. A table without a column
        customer_id, and None, have rows that depend on nothing.
    level, runs, seed
        Of the bootstrap (Poisson, over clusters).

    Returns
    -------
    KeyDrivers

    Raises
    ------
    ArgumentError
        If a column is missing, named twice or not a number.
    DataError
        If there are fewer rows than ten for each driver, or a driver is an exact mix of others.

    References
    ----------
    Groemping (2007), doi:10.1198/000313007X188252; Johnson (2000), doi:10.1207/S15327906MBR3501_1;
    Martilla and James (1977), doi:10.1177/002224297704100112 (importance and performance);
    Mikulic and Prebezac (2011), doi:10.1108/09604521111100243 (penalty and reward).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> ease, success = rng.normal(size=(2, 500))
    >>> table = pd.DataFrame(
    ...     {"ease": ease, "success": success, "experience": 0.5 * ease + rng.normal(size=500)}
    ... )
    >>> table["satisfaction"] = ease + table["experience"] + 0.5 * success + rng.normal(size=500)
    >>> found = key_drivers(table, "satisfaction", ["ease", "experience", "success"], runs=50)
    >>> bool(np.isclose(found.table["importance"].sum(), found.r_squared))
    True
    """
    check_level(level)
    check_number("runs", runs, at_least=20)
    names = list(drivers)
    frame, known_scales, clusters = _source(data, scales, clusters)
    assume = isinstance(data, pd.DataFrame)
    caveat = KeyDrivers.caveat
    if isinstance(data, Study):
        caveat = f"{caveat} {CAUTION}"
    rows, missing = _complete(frame, outcome, names, known_scales, clusters=clusters, assume=assume)
    split, method = lmg, "Shapley value of R squared (LMG)"
    if len(names) > MOST_FOR_LMG:
        split, method = relative_weights, "Johnson's relative weights"
    ones = np.ones(len(rows.y))
    point = _statistics(rows, ones, split)
    rng = np.random.default_rng(seed)
    size = int(rows.cluster.max()) + 1
    # Poisson bootstrap: each cluster is counted a Poisson(1) number of times.
    drawn = [_statistics(rows, rng.poisson(1.0, size)[rows.cluster], split) for _ in range(int(runs))]
    boot = {key: np.array([run[key] for run in drawn]) for key in point}
    ends = {key: np.quantile(boot[key], [(1 - level) / 2, (1 + level) / 2], axis=0) for key in boot}
    # What all drivers explain together: R squared.
    total = boot["importance"].sum(axis=1)
    total_ends = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
    return KeyDrivers(
        outcome=outcome,
        labels={name: scale.label for name, scale in known_scales.items() if name in {outcome, *names}},
        table=_table(names, point, boot, ends),
        penalty_reward=_penalty_table(names, rows, point, ends),
        alike=_alike(names, weighted_correlation(rows.X, ones)),
        r_squared=float(point["importance"].sum()),
        r_squared_low=float(total_ends[0]),
        r_squared_high=float(total_ends[1]),
        method=method,
        n=len(rows.y),
        n_missing=missing,
        level=level,
        caveat=caveat,
    )


def _source(
    data: pd.DataFrame | Landmarks | Study, scales: Mapping[str, Scale] | None, clusters: str | None
) -> tuple[pd.DataFrame, dict[str, Scale], str | None]:
    given = dict(scales or {})
    if isinstance(data, Study):
        return snapshot_rows(data), dict(data.instruments) | given, clusters
    if isinstance(data, Landmarks):
        return data.frame, dict(data.instruments) | given, clusters
    if clusters == "customer_id" and clusters not in data.columns:
        return data, given, None
    return data, given, clusters


def _check_columns(
    frame: pd.DataFrame, outcome: str, names: list[str], scales: dict[str, Scale], *, clusters: str | None
) -> None:
    """Say what is missing: the score to explain, a driver, or two different drivers."""
    wanted = "an outcome and two or more other columns, each named once"
    step = "answers to it: a [[sources]] with table = 'responses', and its scale under [instruments]"
    lost = [name for name in (*names, clusters) if name is not None and name not in frame.columns]
    if outcome not in frame.columns:
        others = f"; there is {', '.join(scales) or 'no score at all'}"
        raise ArgumentError(
            f"outcome {outcome!r}, the score to explain, is no column{others}",
            wanted=wanted,
            next_step=f"name another outcome, or give the study {step}",
        )
    if lost:
        raise ArgumentError(
            f"drivers {names!r}: no column {', '.join(lost)}",
            wanted=wanted,
            next_step="name columns that are there",
        )
    if len(set(names) - {outcome}) < 2:
        candidate = "nothing"
        if set(names) - {outcome}:
            candidate = f"only {names[0]!r}"
        raise ArgumentError(
            f"outcome {outcome!r}: {candidate} could explain it, and one driver cannot be weighed against "
            "others",
            wanted=wanted,
            next_step="add a table of answers, tickets or usage to the study, or name two or more drivers",
        )
    if len({outcome, *names}) < len(names) + 1:
        raise ArgumentError(f"outcome {outcome!r} and drivers {names!r} repeat a column", wanted=wanted)


def _complete(
    frame: pd.DataFrame,
    outcome: str,
    names: list[str],
    scales: dict[str, Scale],
    *,
    clusters: str | None,
    assume: bool,
) -> tuple[_Rows, int]:
    wanted = [outcome, *names]
    _check_columns(frame, outcome, names, scales, clusters=clusters)
    try:
        numbers = frame[wanted].astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"a column is not a number: {error}", wanted="number columns") from None
    complete = numbers.notna().all(axis=1).to_numpy()
    if complete.sum() < 10 * len(names):
        raise DataError(
            f"{int(complete.sum()):,} rows have the outcome and all {len(names)} drivers",
            wanted=f"at least {10 * len(names)}",
            next_step="drop drivers that are often missing",
        )
    codes = np.arange(int(complete.sum()))
    if clusters is not None:
        codes = pd.factorize(frame.loc[complete, clusters])[0]
    X = numbers.loc[complete, names].to_numpy()
    require_full_rank(weighted_correlation(X, np.ones(len(X))))
    performance = np.column_stack(
        [_performance(X[:, at], scales.get(name), assume) for at, name in enumerate(names)]
    )
    turned = [name in scales and scales[name].risk_sign > 0 for name in names]
    low, high = _outer_groups(np.where(turned, -X, X))
    rows = _Rows(
        X=X,
        y=numbers.loc[complete, outcome].to_numpy(),
        performance=performance,
        cluster=np.asarray(codes, dtype=np.int64),
        low=low,
        high=high,
    )
    return rows, int((~complete).sum())


def _performance(values: NDArray[np.float64], scale: Scale | None, assume: bool) -> NDArray[np.float64]:
    """0 to 100, 100 good; NaN where nobody said which end is good."""
    if scale is None and not assume:
        return np.full(len(values), np.nan)
    if scale is None:
        return np.asarray(100 * (values - values.min()) / (values.max() - values.min()))
    share = 100 * (values - scale.low) / (scale.high - scale.low)
    # On a scale on which low is good the happy end is 100 all the same.
    return np.asarray(np.where(scale.risk_sign > 0, 100 - share, share))


def _outer_groups(values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is low and who is high on each column (n, p): outer thirds, or off the median of a coarse scale."""
    low = np.empty(values.shape, dtype=bool)
    high = np.empty(values.shape, dtype=bool)
    for at, column in enumerate(values.T):
        cuts = [1 / 3, 2 / 3]
        if len(np.unique(column)) <= COARSE:
            cuts = [1 / 2, 1 / 2]
        lower, upper = np.quantile(column, cuts)
        low[:, at] = column < lower
        high[:, at] = column > upper
    return low, high


def _statistics(rows: _Rows, times: NDArray[Any], split: Any) -> dict[str, NDArray[np.float64]]:
    """All that is bootstrapped, for row multipliers ``times``; each of shape (p,)."""
    weight = times.astype(np.float64)
    correlation = weighted_correlation(np.column_stack([rows.X, rows.y]), weight)
    among, with_outcome = correlation[:-1, :-1], correlation[:-1, -1]
    # Penalty and reward (Brandt 1987): y = a + sum_j p_j 1(low on j) + r_j 1(high on j), least squares.
    outer = np.column_stack([np.ones(len(rows.y)), rows.low, rows.high]).astype(np.float64)
    slopes = np.linalg.lstsq(outer.T @ (outer * weight[:, None]), outer.T @ (rows.y * weight), rcond=None)[0]
    p = rows.X.shape[1]
    return {
        "importance": split(among, with_outcome),
        # Standardised coefficients solve R_xx b = r_xy.
        "coefficient": np.linalg.solve(among, with_outcome),
        "correlation": with_outcome,
        "performance": np.average(rows.performance, axis=0, weights=weight),
        "penalty": slopes[1 : 1 + p],
        "reward": slopes[1 + p :],
        # Above 0 where being high gains more than being low costs.
        "asymmetry": slopes[1 : 1 + p] + slopes[1 + p :],
    }


def _table(
    names: list[str],
    point: dict[str, NDArray[np.float64]],
    boot: dict[str, NDArray[np.float64]],
    ends: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    direction = np.sign(point["coefficient"])
    place = _places(point["importance"], point["performance"])
    places = np.array([_places(i, f) for i, f in zip(boot["importance"], boot["performance"], strict=True)])
    table = pd.DataFrame(
        {
            "driver": names,
            "importance": point["importance"],
            "low": ends["importance"][0],
            "high": ends["importance"][1],
            "share": point["importance"] / point["importance"].sum(),
            "direction": direction.astype(int),
            "direction_sure": (np.sign(boot["coefficient"]) == direction).mean(axis=0),
            "correlation": point["correlation"],
            "coefficient": point["coefficient"],
            "performance": point["performance"],
            "performance_low": ends["performance"][0],
            "performance_high": ends["performance"][1],
            "quadrant": place,
            "quadrant_sure": (places == place).mean(axis=0),
        }
    )
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _places(importance: NDArray[np.float64], performance: NDArray[np.float64]) -> NDArray[np.str_]:
    """Quadrant of each driver, cut at the means over the drivers whose performance is known."""
    known = ~np.isnan(performance)
    if known.sum() < 2:
        return np.full(len(importance), NOT_PLACED)
    important = importance >= importance[known].mean()
    good = performance >= performance[known].mean()
    places = [QUADRANTS[bool(i), bool(g)] for i, g in zip(important, good, strict=True)]
    return np.where(known, places, NOT_PLACED)


def _penalty_table(
    names: list[str],
    rows: _Rows,
    point: dict[str, NDArray[np.float64]],
    ends: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """What being low on a driver costs and being high gains; nothing is said of groups under 10 rows."""
    low_group, high_group = rows.low.sum(axis=0), rows.high.sum(axis=0)
    middle = len(rows.y) - low_group - high_group
    enough = np.minimum(np.minimum(low_group, high_group), middle) >= LEAST_GROUP
    table = pd.DataFrame({"driver": names, "low_group": low_group, "high_group": high_group})
    for figure in ("penalty", "reward"):
        table[figure] = np.where(enough, point[figure], np.nan)
        table[f"{figure}_low"] = np.where(enough, ends[figure][0], np.nan)
        table[f"{figure}_high"] = np.where(enough, ends[figure][1], np.nan)
    # Kano's kinds, each by whole intervals: excitement gains more than it costs, basic the reverse.
    below, above = ends["asymmetry"]
    gains = ends["reward"][0] > 0
    costs = ends["penalty"][1] < 0
    table["kind"] = np.select(
        [~enough, (below > 0) & gains, (above < 0) & costs, costs & gains],
        ["too few", "excitement", "basic", "even"],
        default="not clear",
    )
    return table


def _alike(names: list[str], among: NDArray[np.float64]) -> tuple[str, ...]:
    alike = [
        f"{names[i]} and {names[j]} correlate {among[i, j]:+.2f}: their shares are hard to tell apart"
        for i in range(len(names))
        for j in range(i)
        if abs(among[i, j]) > ALIKE
    ]
    # Variance inflation: the diagonal of the inverse correlation matrix.
    inflation = np.diag(np.linalg.inv(among))
    alike += [
        f"{name} is explained by the other drivers (variance inflation {value:.1f})"
        for name, value in zip(names, inflation, strict=True)
        if value > INFLATED
    ]
    return tuple(alike)
