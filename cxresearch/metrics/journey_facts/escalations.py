"""Escalations and hand-offs of tickets by any group and period; tickets of one customer are linked."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.validation.outcome_names import status_words
from cxresearch.errors import DataError
from cxresearch.metrics.base.cell_estimates import others
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.survey.score_measures import measure_of
from cxresearch.results.units import Unit
from cxresearch.scales import Scale
from cxresearch.stats.intervals.mean_interval import t_interval
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.intervals.ratio import linearised
from cxresearch.stats.intervals.score_cells import ClusterSums, ScoreCells, cell_bounds, linearised_means
from cxresearch.wording import listed

#: A ticket was escalated, or not: a question with two answers.
_SCALE = Scale(name="escalated", label="escalated", low=0, high=1, direction="high_is_good")
_FLAG = measure_of(_SCALE, "top_box")
_LINKED = ", tickets of one customer linked"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return ``escalation_rate`` and ``handoffs_per_ticket``, as far as tickets have the columns.

    Of resolved tickets where there is ``resolved_at``: an open one may still be handed on.
    """
    if "tickets" not in study.tables:
        return ()
    names = study.table("tickets").collect_schema().names()
    metrics = []
    if "escalated" in names:
        metrics.append(_escalation_rate())
    if "handoffs" in names:
        metrics.append(_handoffs())
    return tuple(metrics)


def _escalation_rate() -> Metric:
    return Metric(
        name="escalation_rate",
        label="Escalation rate",
        unit=Unit.SHARE,
        good="low",
        denominator="resolved tickets that say whether they were escalated",
        family=count_escalated,
        estimate=escalated_share,
        rest=_rest,
        definition="resolved tickets escalated / resolved tickets that say so or not",
    )


def _handoffs() -> Metric:
    return Metric(
        name="handoffs_per_ticket",
        label="Hand-offs per ticket",
        unit=Unit.RATIO,
        good="low",
        denominator="resolved tickets with a number of hand-offs",
        family=count_handoffs,
        estimate=mean_handoffs,
        rest=_rest,
        definition="hand-offs of resolved tickets / resolved tickets; open ones may still be handed on",
    )


def count_escalated(study: Any, query: Query) -> pd.DataFrame:
    """Count tickets by cell, with sums over customers; see `_linked_sums`. The value is 1 where escalated.

    Raises
    ------
    DataError
        If a word in ``escalated`` says neither yes nor no.
    """
    word = nw.col("escalated").cast(nw.String()).str.to_lowercase().str.strip_chars()
    words = collect(study.table("tickets").select(word=word).unique())["word"].dropna()
    known = status_words()
    unclear = sorted(set(words) - {*known["yes"], *known["no"], ""})
    if unclear:
        raise DataError(
            f"escalated says neither yes nor no: {listed(unclear, most=5)}",
            where="table tickets, column escalated",
            wanted="yes, no, true, false, 1 or 0",
            next_step='write escalated = { column = "<your column>", values = { '
            f'"{unclear[0]}" = "yes" }} }} in the columns of tickets in study.toml',
        )
    yes = nw.when(word.is_in(known["yes"])).then(nw.lit(1.0))
    value = yes.when(word.is_in(known["no"])).then(nw.lit(0.0))
    return _linked_sums(study, query, "escalated", value)


def count_handoffs(study: Any, query: Query) -> pd.DataFrame:
    """Count tickets by cell, with sums over customers; see `_linked_sums`. The value is that of hand-offs."""
    return _linked_sums(study, query, "handoffs", nw.col("handoffs").cast(nw.Float64()))


def _linked_sums(study: Any, query: Query, column: str, value: nw.Expr) -> pd.DataFrame:
    """Sums of a number of resolved tickets, by cell: all that its mean and linearised error need.

    Returns
    -------
    DataFrame
        ``query.keys``, ``tickets`` (all), ``w`` (with a value), ``t`` (sum of the values), ``clusters``, and
        the sums over customers of ``ww``, ``wt``, ``tt``: squares and product of a customer's tickets and
        total. A ticket of nobody known is a customer of its own.
    """
    names = study.table("tickets").collect_schema().names()
    keep = [name for name in ("customer_id", "resolved_at") if name in names]
    rows = cells_of(study, "tickets", query, time="created_at", keep=("ticket_id", column, *keep))
    who = nw.concat_str([nw.lit("ticket "), nw.col("ticket_id")])
    if "customer_id" in keep and query.clusters is not None:
        who = nw.coalesce(nw.concat_str([nw.lit("customer "), nw.col("customer_id")]), who)
    told = ~value.is_null()
    if "resolved_at" in keep:
        told = told & ~nw.col("resolved_at").is_null()
    rows = rows.select(
        *query.keys,
        who=who,
        w=nw.when(told).then(nw.lit(1.0)).otherwise(nw.lit(0.0)),
        t=nw.when(told).then(value).otherwise(nw.lit(0.0)),
    )
    # W_c = tickets of customer c, T_c = their sum.
    inner = rows.group_by([*query.keys, "who"]).agg(nw.len().alias("tickets"), nw.col("w", "t").sum())
    some = nw.when(nw.col("w") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    inner = inner.with_columns(
        clusters=some,
        ww=nw.col("w") * nw.col("w"),
        wt=nw.col("w") * nw.col("t"),
        tt=nw.col("t") * nw.col("t"),
    )
    sums = nw.col("tickets", "clusters", "w", "t", "ww", "wt", "tt").sum()
    if not query.keys:
        return collect(inner.select(sums)).fillna(0)
    keys = list(query.keys)
    return collect(inner.group_by(keys).agg(sums)).sort_values(keys, ignore_index=True)


def _rest(sums: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:
    """Return sums in which each group of a column stands for all others; links across groups are lost."""
    rest = others(sums, column)
    counted = [name for name in rest if name not in query.keys]
    return rest.groupby(list(query.keys), dropna=False, as_index=False)[counted].sum()


def escalated_share(sums: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of tickets escalated in each cell, Wilson's interval at the design's effective n."""
    rows, n = _told(sums)
    hits = rows["t"].to_numpy(dtype=float)
    counts = np.column_stack([n - hits, hits])
    cells = ScoreCells(counts=counts, weights=counts, squares=counts, weighted=False)
    of_customers = ClusterSums(
        **{name: rows[name].to_numpy(float) for name in ("clusters", "ww", "wt", "tt")}
    )
    # p = sum T_c / sum W_c, its variance linearised (Woodruff 1971).
    means = linearised_means(cells, _FLAG.array, of_customers)
    bounds = cell_bounds(cells, _FLAG.array, means, kind="share", method="score", level=query.level)
    effective = np.where(means.df == 0, 1.0, means.n_design)
    return _cells(
        rows,
        query,
        {"value": means.mean, "low": bounds.low, "high": bounds.high, "se": means.se},
        effective,
        f"{WILSON} at the design's effective n{_LINKED}",
    )


def mean_handoffs(sums: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the mean number of hand-offs in each cell, Student's t over customers."""
    rows, n = _told(sums)
    total, ww, wt, tt, clusters = (
        rows[name].to_numpy(dtype=float) for name in ("t", "ww", "wt", "tt", "clusters")
    )
    # m / (m - 1) sum (T_c - r W_c)^2 / (sum W_c)^2 over m customers (Cochran 1977).
    ratio = linearised(x=total, s=n, xx=tt, xs=wt, ss=ww, n=clusters)
    bounds = t_interval(ratio.value, ratio.se, clusters - 1, level=query.level)
    return _cells(
        rows,
        query,
        # Nobody hands a ticket on less often than never.
        {"value": ratio.value, "low": np.maximum(bounds.low, 0.0), "high": bounds.high, "se": ratio.se},
        ratio.n_effective,
        f"mean, Student's t{_LINKED}",
    )


def _told(sums: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """Cells with a ticket that tells, and how many do."""
    rows = sums[sums["w"] > 0].reset_index(drop=True)
    return rows, rows["w"].to_numpy(dtype=float)


def _cells(
    rows: pd.DataFrame, query: Query, numbers: dict[str, Any], effective: Any, method: str
) -> pd.DataFrame:
    return rows[list(query.keys)].assign(
        **numbers,
        n=rows["w"].astype("int64"),
        n_effective=effective,
        n_missing=(rows["tickets"] - rows["w"]).astype("int64"),
        method=method,
    )
