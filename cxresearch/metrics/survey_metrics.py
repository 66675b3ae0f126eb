"""Survey metrics by any group and period: names, and intervals of all cells at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cxresearch.metrics.measures import Measure, measure_of, method_name
from cxresearch.metrics.metric import Metric, Query, Tables
from cxresearch.metrics.survey_counts import (
    SurveyCounts,
    collapse_counts,
    count_scores,
    counts_of_the_rest,
    measures_for,
)
from cxresearch.scales import Scale
from cxresearch.stats.score_cells import (
    CellMeans,
    ClusterSums,
    ScoreCells,
    cell_bounds,
    linearised_means,
    simple_se,
)

_DEFINITIONS = {
    "nps": "100 x (promoters, 9-10, minus detractors, 0-6) / answers",
    "mean": "sum of answers / answers",
    "top_2_box": "answers among the good ones / answers",
    "top_box": "best answers / answers",
}


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return the survey metrics of the declared instruments.

    An NPS question gives ``"nps"``; any other instrument x gives ``"x"`` (the mean), ``"x_top_2_box"`` and
    ``"x_top_box"``.
    """
    if "responses" not in study.tables:
        return ()
    return tuple(
        _metric(instrument, scale, measure)
        for instrument, scale in study.instruments.items()
        for measure in measures_for(scale)
    )


def _metric(instrument: str, scale: Scale, measure: str) -> Metric:
    chosen = measure_of(scale, measure)
    high = scale.direction == "high_is_good" or measure != "mean"
    return Metric(
        name=instrument if measure in ("nps", "mean") else f"{instrument}_{measure}",
        label=chosen.label,
        unit=chosen.unit,
        good="high" if high else "low",
        denominator="responses with a score",
        family=count_scores,
        estimate=_estimator(instrument, chosen),
        collapse=collapse_counts,
        rest=counts_of_the_rest,
        definition=_DEFINITIONS[measure],
    )


def _estimator(instrument: str, measure: Measure) -> Callable[[SurveyCounts, Query], pd.DataFrame]:
    def estimate(counts: SurveyCounts, query: Query) -> pd.DataFrame:
        return cells_table(counts, query, instrument, measure)

    return estimate


def cells_table(counts: SurveyCounts, query: Query, instrument: str, measure: Measure) -> pd.DataFrame:
    """Return one row a cell with the measure of one instrument.

    Parameters
    ----------
    counts : SurveyCounts
        From `count_scores`.
    query : Query
        Names the keys and the level.
    instrument : str
        Name of the instrument.
    measure : Measure
        What to make of its answers.

    Returns
    -------
    DataFrame
        Columns ``query.keys``, value, low, high, se, n, n_effective, n_missing, method, sorted by the keys. A
        cell of non-answers only is kept, with n 0. ``n_effective`` is Kish's with weights, the design's with
        linked answers (1 where all are of one customer), and NaN with neither.
    """
    keys = list(query.keys)
    mine = counts.counts[counts.counts["instrument"] == instrument]
    where, index = _cell_numbers(mine, keys)
    cells = _histogram(mine, where, len(index), measure.scale, weighted=counts.weighted)
    sums = None
    if counts.clusters is not None:
        sums = _cluster_sums(counts.clusters, instrument, measure.name, index, keys)
    means = linearised_means(cells, measure.array, sums)
    simple = sums is None and not counts.weighted
    bounds = cell_bounds(cells, measure.array, means, kind=measure.kind, method="score", level=query.level)
    se = simple_se(means, kind=measure.kind) if simple else means.se
    table = index.copy()
    for name, numbers in (("value", means.mean), ("low", bounds.low), ("high", bounds.high), ("se", se)):
        table[name] = measure.factor * numbers
    table["n"] = means.n.astype(np.int64)
    table["n_effective"] = np.nan if simple else _effective(means, weighted=counts.weighted)
    silent = mine["score"].isna().to_numpy()
    table["n_missing"] = np.bincount(
        where[silent], weights=mine["n"].to_numpy()[silent], minlength=len(index)
    ).astype(np.int64)
    table["method"] = _method(counts, measure, simple=simple)
    return table


def _effective(means: CellMeans, *, weighted: bool) -> np.ndarray:
    """Number of independent answers of equal weight that the answers are worth, as `nps` has it."""
    if weighted:
        return means.n_kish
    return np.where((means.n > 0) & (means.df == 0), 1.0, means.n_design)


def _cell_numbers(mine: pd.DataFrame, keys: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Number the cells of each row, and list the cells; without keys there is one cell."""
    if not keys:
        return np.zeros(len(mine), dtype=np.int64), pd.DataFrame(index=range(1))
    groups = mine.groupby(keys, dropna=False, sort=True, observed=True)
    index = mine[keys].assign(_cell=groups.ngroup().to_numpy()).drop_duplicates("_cell").sort_values("_cell")
    return groups.ngroup().to_numpy(), index[keys].reset_index(drop=True)


def _histogram(
    mine: pd.DataFrame, where: np.ndarray, cells: int, scale: Scale, *, weighted: bool
) -> ScoreCells:
    levels = len(scale.levels)
    answered = mine["score"].notna().to_numpy()
    place = where[answered] * levels + (mine["score"].to_numpy()[answered] - scale.low).astype(np.int64)

    def by_level(column: str) -> np.ndarray:
        numbers = mine[column].to_numpy(dtype=np.float64)[answered]
        return np.bincount(place, weights=numbers, minlength=cells * levels).reshape(cells, levels)

    return ScoreCells(counts=by_level("n"), weights=by_level("w"), squares=by_level("ww"), weighted=weighted)


def _cluster_sums(
    clusters: pd.DataFrame, instrument: str, measure: str, index: pd.DataFrame, keys: list[str]
) -> ClusterSums:
    columns = ["clusters", "ww", f"wt_{measure}", f"tt_{measure}"]
    mine = clusters.loc[clusters["instrument"] == instrument, [*keys, *columns]]
    if keys:
        sums = index.merge(mine, on=keys, how="left")[columns].fillna(0.0)
    else:
        sums = mine[columns].reset_index(drop=True).reindex(range(1), fill_value=0.0)
    arrays = [sums[column].to_numpy(dtype=np.float64) for column in columns]
    return ClusterSums(clusters=arrays[0], ww=arrays[1], wt=arrays[2], tt=arrays[3])


def _method(counts: SurveyCounts, measure: Measure, *, simple: bool) -> str:
    name = method_name(measure.kind, "score")
    if not simple:
        linked = ", answers of one customer linked" if counts.clusters is not None else ""
        return f"{name} at the design's effective n{linked}"
    return f"{name}, answers taken as independent" if counts.unlinked else name
