"""Counts of answers by cell, instrument and score: all that survey metrics need, in one group-by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.group_columns import cells_of, is_of_customers
from cxresearch.metrics.base.metric import Family, Metric, Query, Tables
from cxresearch.metrics.survey.linked_answers import link_answers
from cxresearch.metrics.survey.score_measures import (
    BOX_NAME,
    Measure,
    measure_of,
    measures_for,
    method_name,
)
from cxresearch.scales import Scale
from cxresearch.stats.intervals.score_cells import (
    CellMeans,
    ClusterSums,
    ScoreCells,
    cell_bounds,
    linearised_means,
    simple_se,
)
from cxresearch.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


_DEFINITIONS = {
    "nps": "100 x (promoters, 9-10, minus detractors, 0-6) / answers",
    "mean": "sum of answers / answers",
    "top_box": "best answers / answers",
}


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return the survey metrics of the declared instruments.

    An NPS question gives ``"nps"``; any other instrument x gives ``"x"`` (the mean), ``"x_top_box"`` and the
    share of the answers its scale declares as good, named by how many they are: ``"x_top_2_box"``.
    """
    if "responses" not in study.tables:
        return ()
    return tuple(
        _metric(instrument, scale, measure)
        for instrument, scale in study.instruments.items()
        for measure in measures_for(scale)
    )


def box_metric(study: Tables, name: str) -> Metric | None:
    """Return ``<instrument>_top_<k>_box``, the share of the k best answers, of a declared question."""
    for instrument, scale in study.instruments.items():
        measure = name.removeprefix(f"{instrument}_")
        if measure != name and BOX_NAME.fullmatch(measure):
            return _metric(instrument, scale, measure)
    return None


def _metric(instrument: str, scale: Scale, measure: str) -> Metric:
    chosen = measure_of(scale, measure)
    best = [value for value in chosen.values if value > 0]
    high = scale.direction == "high_is_good" or measure != "mean"
    return Metric(
        name=instrument if measure in ("nps", "mean") else f"{instrument}_{measure}",
        label=chosen.label,
        unit=chosen.unit,
        good="high" if high else "low",
        denominator="responses with a score",
        family=_family(measure if measure not in measures_for(scale) else ""),
        estimate=_estimator(instrument, chosen),
        collapse=collapse_counts,
        rest=counts_of_the_rest,
        topic="scores",
        primary=measure == measures_for(scale)[0],
        definition=_DEFINITIONS.get(measure) or f"answers among the {len(best)} best / answers",
    )


@cache
def _family(measure: str) -> Family:
    """Return the family that counts the answers for the usual measures, and for one more if it is named."""
    if not measure:
        return count_scores

    def family(study: Tables, query: Query) -> SurveyCounts:
        return count_scores(study, query, further=measure)

    return family


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
    answered = counts.counts[counts.counts["instrument"] == instrument]
    where, index = _cell_numbers(answered, keys)
    cells = _histogram(answered, where, len(index), measure.scale, weighted=counts.weighted)
    sums = None
    if counts.clusters is not None:
        sums = _cluster_sums(counts.clusters, instrument, measure.name, index, keys)
    # Mean of the values and its linearised variance (Woodruff 1971), for all cells at once.
    means = linearised_means(cells, measure.array, sums)
    simple = sums is None and not counts.weighted
    bounds = cell_bounds(cells, measure.array, means, kind=measure.kind, method="score", level=query.level)
    if simple:
        se = simple_se(means, kind=measure.kind)
    else:
        se = means.se
    table = index.copy()
    for name, numbers in (("value", means.mean), ("low", bounds.low), ("high", bounds.high), ("se", se)):
        table[name] = measure.factor * numbers
    table["n"] = means.n.astype(np.int64)
    if simple:
        table["n_effective"] = np.nan
    else:
        table["n_effective"] = _effective(means, weighted=counts.weighted)
    silent = answered["score"].isna().to_numpy()
    table["n_missing"] = np.bincount(
        where[silent], weights=answered["n"].to_numpy()[silent], minlength=len(index)
    ).astype(np.int64)
    table["method"] = _method(counts, measure, simple=simple)
    return table


def _effective(means: CellMeans, *, weighted: bool) -> np.ndarray:
    """Number of independent answers of equal weight that the answers are worth, as `nps` has it."""
    if weighted:
        # Kish (1965): (sum w)^2 / sum w^2.
        return means.n_kish
    # n / design effect; all answers of a single customer are worth one, whatever their variance within says.
    return np.where((means.n > 0) & (means.df == 0), 1.0, means.n_design)


def _cell_numbers(rows: pd.DataFrame, keys: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Number the cells of each row, and list the cells; without keys there is one cell."""
    if not keys:
        return np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))
    groups = rows.groupby(keys, dropna=False, sort=True, observed=True)
    index = rows[keys].assign(_cell=groups.ngroup().to_numpy()).drop_duplicates("_cell").sort_values("_cell")
    return groups.ngroup().to_numpy(), index[keys].reset_index(drop=True)


def _histogram(
    rows: pd.DataFrame, where: np.ndarray, cells: int, scale: Scale, *, weighted: bool
) -> ScoreCells:
    levels = len(scale.levels)
    has_score = rows["score"].notna().to_numpy()
    # Cell and level of an answer as one number, for one bincount over all.
    place = where[has_score] * levels + (rows["score"].to_numpy()[has_score] - scale.low).astype(np.int64)

    def by_level(column: str) -> np.ndarray:
        numbers = rows[column].to_numpy(dtype=np.float64)[has_score]
        return np.bincount(place, weights=numbers, minlength=cells * levels).reshape(cells, levels)

    return ScoreCells(counts=by_level("n"), weights=by_level("w"), squares=by_level("ww"), weighted=weighted)


def _cluster_sums(
    clusters: pd.DataFrame, instrument: str, measure: str, index: pd.DataFrame, keys: list[str]
) -> ClusterSums:
    columns = ["clusters", "ww", f"wt_{measure}", f"tt_{measure}"]
    of_question = clusters.loc[clusters["instrument"] == instrument, [*keys, *columns]]
    if keys:
        sums = index.merge(of_question, on=keys, how="left")[columns].fillna(0.0)
    else:
        sums = of_question[columns].reset_index(drop=True).reindex(range(1), fill_value=0.0)
    arrays = [sums[column].to_numpy(dtype=np.float64) for column in columns]
    return ClusterSums(clusters=arrays[0], ww=arrays[1], wt=arrays[2], tt=arrays[3])


def _method(counts: SurveyCounts, measure: Measure, *, simple: bool) -> str:
    name = method_name(measure.kind, "score")
    if not simple:
        if counts.clusters is not None:
            linked = ", answers of one customer linked"
        else:
            linked = ""
        return f"{name} at the design's effective n{linked}"
    if counts.unlinked:
        return f"{name}, answers taken as independent"
    return name


#: Up to so many rows ``clusters="auto"`` links the answers of one customer; linking needs memory for each.
LINKED_ROWS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class SurveyCounts:
    """Sufficient statistics of survey answers.

    Attributes
    ----------
    counts : DataFrame
        Columns ``query.keys``, instrument, score (NaN for non-answers), n, w, ww: rows and sums of the
        weights and of their squares. Answers of weight zero are not counted in n.
    clusters : DataFrame or None
        Columns ``query.keys``, instrument, clusters, ww and, for each measure of the instrument,
        wt_<measure> and tt_<measure>: sums over clusters of W^2, W T and T^2, as in stats.score_cells.
    scales : mapping of str to Scale
        The instruments.
    weighted : bool
        Whether weights were used.
    unlinked : bool
        Whether repeat answers were left unlinked because there are more than `LINKED_ROWS` rows.
    """

    counts: pd.DataFrame
    clusters: pd.DataFrame | None
    scales: Mapping[str, Scale]
    weighted: bool
    unlinked: bool


def count_scores(study: Tables, query: Query, *, further: str = "") -> SurveyCounts:
    """Count answers by cell, instrument and score; link the answers of one customer if asked to.

    ``further`` names a measure besides the usual ones of each scale.

    Raises
    ------
    DataError
        If a score is no answer to its question (a validated study has set such rows aside before).
    """
    rows = answers(study, query)
    present = rows.collect_schema().names()
    by = [*query.keys, "instrument", "score"]
    if query.weights:
        weight, one = nw.col("w"), nw.lit(1)
        rows = rows.with_columns(
            ww=weight * weight,
            # An answer of weight 0 stands for nobody and is not in n; a silence counts, whatever its weight.
            n=nw.when((weight > 0) | nw.col("score").is_null()).then(one).otherwise(nw.lit(0)),
            wrong=nw.when(weight.is_null() | (weight < 0)).then(one).otherwise(nw.lit(0)),
        )
        counts = collect(rows.group_by(by).agg(nw.col("n", "w", "ww", "wrong").sum()))
        _refuse_weights(counts)
        counts = counts.drop(columns="wrong")
    else:
        counts = collect(rows.group_by(by).agg(nw.len().alias("n")))
    counts["score"] = counts["score"].astype("float64")
    counts["n"] = counts["n"].astype("int64")
    if not query.weights:
        counts["w"] = counts["ww"] = counts["n"].astype("float64")
    counts = counts[counts["instrument"].isin(list(study.instruments))].sort_values(by, ignore_index=True)
    _refuse_impossible(counts, study.instruments)
    linked = "who" in present
    unlinked = linked and query.clusters == "auto" and int(counts["n"].sum()) > LINKED_ROWS
    return SurveyCounts(
        counts=counts,
        clusters=link_answers(rows, study.instruments, query, further) if linked and not unlinked else None,
        scales=study.instruments,
        weighted=query.weights is not None,
        unlinked=unlinked,
    )


def collapse_counts(counts: SurveyCounts, query: Query, coarser: Query) -> SurveyCounts | None:
    """Return the counts of coarser cells, or None where customers were linked (their sums do not add up)."""
    if counts.clusters is not None:
        return None
    keys = [*coarser.keys, "instrument", "score"]
    # Counts add up over groups, but months do not add up to weeks.
    if coarser.every != query.every or not set(coarser.by) <= set(query.by):
        return None
    summed = counts.counts.groupby(keys, dropna=False, observed=True, as_index=False)[["n", "w", "ww"]].sum()
    return replace(counts, counts=summed)


def counts_of_the_rest(counts: SurveyCounts, query: Query, column: str) -> SurveyCounts:
    """Return counts in which each group of a column stands for all the others together.

    Answers of one customer stay linked within each group; a customer belongs to one group of a segment, so
    nothing is lost there, while links across groups of a touchpoint or channel are.
    """
    return replace(
        counts,
        counts=_all_but(counts.counts, column, [*query.keys, "instrument", "score"]),
        clusters=None
        if counts.clusters is None
        else _all_but(counts.clusters, column, [*query.keys, "instrument"]),
    )


def _all_but(table: pd.DataFrame, column: str, keys: list[str]) -> pd.DataFrame:
    """Return totals over a column less each group's own; rows of nothing are dropped."""
    others = [key for key in keys if key != column]
    sums = [name for name in table.columns if name not in keys]
    # All less its own: sums over the other groups of the column.
    totals = table.groupby(others, dropna=False, observed=True, as_index=False)[sums].sum()
    every = table[[column]].drop_duplicates().merge(totals, how="cross")
    both = every.merge(table, on=keys, how="left", suffixes=("", "_own"))
    for name in sums:
        both[name] = both[name] - both[f"{name}_own"].fillna(0).astype(both[name].dtype)
    return both.loc[both[sums[0]] > 0, [*keys, *sums]].reset_index(drop=True)


def answers(study: Tables, query: Query) -> nw.LazyFrame[Any]:
    """Return the responses: keys, instrument, score, and w and who where weights and clusters apply."""
    present = study.table("responses").collect_schema().names()
    who, asked = query.clusters, [query.weights, query.clusters]
    if query.clusters == "auto":  # links by customer where there are customers
        who, asked = "customer_id", [query.weights]
    of_people = is_of_customers(study, query.clusters, present)
    if of_people:
        who, asked = "customer_id", [query.weights]
    for column in asked:
        if column is not None and column not in present:
            known = [name for name in present if name not in query.by]
            raise ArgumentError(
                f"responses have no column {column!r}",
                wanted="one of " + ", ".join(known),
                next_step=did_you_mean(column, known),
            )
    extra = {}
    if query.weights is not None:
        extra["w"] = nw.col(query.weights).cast(nw.Float64())
    if who is not None and who in present:
        extra["who"] = nw.col(who)
    source = [name for name in (query.weights, who) if name is not None and name in present]
    keep = ("instrument", "score", *source)
    moment = nw.col("responded_at")
    if "sent_at" in present:  # silence belongs to the period of sending
        moment = nw.coalesce(moment, nw.col("sent_at"))
    rows = cells_of(study, "responses", query, time=moment, keep=keep)
    if of_people:
        people = study.table("customers").select("customer_id", cx_account=nw.col(str(query.clusters)))
        rows = rows.join(people, on="customer_id", how="left")
        # a contact without an account stands for itself
        itself = nw.concat_str(nw.lit("customer "), nw.col("customer_id"))
        extra["who"] = nw.coalesce(nw.col("cx_account").cast(nw.String()), itself)
    return rows.select(*query.keys, "instrument", "score", **extra)


def _refuse_impossible(counts: pd.DataFrame, scales: Mapping[str, Scale]) -> None:
    for name, scale in scales.items():
        scored = counts[(counts["instrument"] == name) & counts["score"].notna()]
        # An 11 on a scale to 10, or a 99 for "no answer", would move the mean without a trace.
        wrong = scored[~scored["score"].isin(scale.levels)]
        if len(wrong):
            raise DataError(
                f"{max(int(wrong['n'].sum()), len(wrong)):,} answers to {name!r} are not on its scale, "
                f"the first {wrong['score'].iloc[0]:g}",
                wanted=f"whole numbers from {scale.low} to {scale.high}",
                next_step="map codes for 'no answer' to missing, or declare the scale that was asked",
            )


def _refuse_weights(counts: pd.DataFrame) -> None:
    wrong = int(counts["wrong"].sum())
    if wrong or counts["w"].isna().any():
        raise DataError(
            f"{wrong:,} weights are missing or negative" if wrong else "a weight is not a number",
            wanted="a weight of zero or more on every row",
        )
