"""Referrals and reviews: which share of the customers of a period recommended or reviewed the company."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.cell_estimates import shares, without_running
from cxresearch.metrics.base.group_columns import NoSuchGroupError
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.journey_facts.event_kinds import kinds_of_customers
from cxresearch.metrics.usage.usage_counts import (
    UsageCounts,
    collapse_usage,
    count_active,
    usage_of_the_rest,
)
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON

REFERRAL, REVIEW = "referral", "review"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return ``referral_rate`` and ``review_rate``, where customers have events of these kinds."""
    if "customers" not in study.tables:
        return ()
    kinds = kinds_of_customers(study)
    return tuple(
        _rate(kind, label, verb)
        for kind, label, verb in (
            (REFERRAL, "Referral rate", "referred somebody"),
            (REVIEW, "Review rate", "wrote a review"),
        )
        if kind in kinds
    )


def _rate(kind: str, label: str, verb: str) -> Metric:
    return Metric(
        name=f"{kind}_rate",
        label=label,
        unit=Unit.SHARE,
        good="high",
        denominator="customers there on any day of the period",
        family=_FAMILIES[kind],
        estimate=share_of_doers,
        collapse=collapse_usage,
        rest=usage_of_the_rest,
        days="at_most",
        definition=(
            f"customers who {verb} in the period / customers there on any day of it; complete periods only"
        ),
    )


class _EventsAsUse:
    """A study whose use is the events of one kind: who did it counts as who used something does."""

    def __init__(self, study: Any, kind: str) -> None:
        self._study = study
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return a table; as use the events of the kind, each of quantity 1."""
        if name != "usage":
            rows: nw.LazyFrame[Any] = self._study.table(name)
            return rows
        # A customer who did it once counts as one who used something once: the same share of those there.
        events: nw.LazyFrame[Any] = self._study.table("events").filter(nw.col("kind") == self._kind)
        uses: nw.LazyFrame[Any] = events.with_columns(used_at=nw.col("occurred_at"), quantity=nw.lit(1.0))
        return uses


def _family(kind: str) -> Callable[[Any, Query], UsageCounts]:
    def count_doers(study: Any, query: Query) -> UsageCounts:
        view: Any = _EventsAsUse(study, kind)
        try:
            return count_active(view, query)
        except NoSuchGroupError as error:
            # The words of the table that the rows really come from.
            problem = error.problem.replace("in neither usage", "in neither events")
            problem = problem.replace("use cannot", f"a {kind} cannot")
            raise ArgumentError(problem, wanted=error.wanted, next_step=error.next_step) from error

    return count_doers


_FAMILIES = {kind: _family(kind) for kind in (REFERRAL, REVIEW)}


def share_of_doers(counts: UsageCounts, query: Query) -> pd.DataFrame:
    """Return cells with the share of customers who did it; none for a period that has not ended."""
    rows = counts.cells
    # p = customers with an event / customers there on any day of the period; Wilson (1927).
    n = rows["customers"].to_numpy(dtype=float)
    share = shares(np.minimum(rows["active"].to_numpy(dtype=float), n), n, query.level)
    cells = rows[list(query.keys)].assign(**share, n=rows["customers"], n_missing=0, method=WILSON)
    return without_running(cells, rows["complete"])
