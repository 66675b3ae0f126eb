"""The tables of drivers: shares, importance against performance, penalty and reward, columns alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.churn.drivers.driver_rows import DriverRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two drivers more alike than this, or one explained by the others this well (VIF 5), are named.
ALIKE, INFLATED = 0.8, 5.0
#: Fewer rows than this in an outer group, or between them, show no penalty and no reward.
LEAST_GROUP = 10
QUADRANTS = {
    (True, False): "improve first",
    (True, True): "keep up",
    (False, False): "low priority",
    (False, True): "possible overkill",
}
NOT_PLACED = "not placed"


def driver_table(
    names: list[str],
    point: dict[str, NDArray[np.float64]],
    boot: dict[str, NDArray[np.float64]],
    ends: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """Return the drivers, most important first, each with its interval and its quadrant."""
    direction = np.sign(point["coefficient"])
    place = _places(point["importance"], point["performance"])
    places = np.array([_places(i, f) for i, f in zip(boot["importance"], boot["performance"], strict=True)])
    table = pd.DataFrame(
        {
            "driver": names,
            "importance": point["importance"],
            "low": ends["importance"][0],
            "high": ends["importance"][1],
            "p_adjusted": point["p_adjusted"],
            "share": point["importance"] / point["importance"].sum(),
            "direction": direction.astype(int),
            "direction_sure": (np.sign(boot["coefficient"]) == direction).mean(axis=0),
            "correlation": point["correlation"],
            "coefficient": point["coefficient"],
            "how_often": point["how_often"],
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


def penalty_table(
    names: list[str],
    rows: DriverRows,
    point: dict[str, NDArray[np.float64]],
    ends: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """Return the drivers, most important first, each with its interval and its quadrant."""
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


def alike_columns(names: list[str], among: NDArray[np.float64]) -> tuple[str, ...]:
    """Return a note on each pair of drivers that correlate, and each that the others explain."""
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
