"""All metrics and groups of a study searched for changes that have not ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import check_columns, check_level
from cxresearch.errors import CxError
from cxresearch.metrics.base.company_events import company_events
from cxresearch.metrics.base.metric import Metric
from cxresearch.metrics.tables.registry import find_metric, metrics_of
from cxresearch.results.units import Unit
from cxresearch.stats.change_points.change_point import ChangeSearch, find_changes
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.voice.when.change_sentences import change_sentence, nothing_sentence
from cxresearch.voice.when.metric_series import MetricSeries, metric_series
from cxresearch.voice.when.series_doubts import why_not_judged
from cxresearch.voice.when.since_when import LEAST_ANSWERS, change_rows, series_rows
from cxresearch.voice.when.standing_changes_result import StandingChanges

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_COLUMNS = [
    "metric", "label", "column", "group", "shape", "since", "since_low", "since_high", "before", "after",
    "change", "change_low", "change_high", "verdict", "p_adjusted", "level", "events", "shared", "echo",
    "sentence",
]  # fmt: skip


def standing_changes(
    study: Study,
    *,
    metrics: Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    groups_level: float | None = None,
    draws: int = 999,
    seed: int = 1,
) -> StandingChanges:
    """Search every metric, over all customers and by every segment, for changes that have not ended.

    A change stays until the next one of the same series: eight months after a fall the answer is still that
    the country is unhappy, and since when, though the month before was as bad.

    Parameters
    ----------
    study : Study
        The study.
    metrics : sequence of str, optional
        Names of metrics; by default one measure a question, and every judged rate of which more or less is
        better. Sums of money and metrics that lag are left out.
    by : str or sequence of str, optional
        Group columns, one after another; by default the study's segments. Scores are searched by group.
    level : float
        1 - level is how often a study without any change has one found over all customers, in any metric.
    groups_level : float, optional
        The same for all groups of all columns and questions together; by default ``level``.
    draws : int
        Bootstrap draws at most.
    seed : int
        Of the bootstrap.

    Returns
    -------
    StandingChanges

    Raises
    ------
    ArgumentError
        If a metric or a column is not available.

    Notes
    -----
    The search is that of :func:`since_when`, with all series of a family in one bootstrap. Scores and rates
    over all customers are a family each, with half the error. Guide: docs/who-and-when.md.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> from cxresearch.scales import NPS
    >>> rng = np.random.default_rng(3)
    >>> moments = pd.date_range("2025-01-01", periods=300).repeat(6)
    >>> country = rng.choice(["DE", "FR", "IT"], 1800)
    >>> unhappy = (moments >= "2025-03-15") & (country == "DE")
    >>> score = np.where(rng.random(1800) < np.where(unhappy, 0.3, 0.7), 10, 5)
    >>> ids = np.arange(1800)
    >>> people = pd.DataFrame({"customer_id": ids, "started_at": "2024-01-01", "country": country})
    >>> answers = {"customer_id": ids, "instrument": "nps", "score": score, "responded_at": moments}
    >>> tables = {"customers": people, "responses": pd.DataFrame(answers)}
    >>> study = Study.from_frames(tables, observed_until="2025-10-27", instruments={"nps": NPS})
    >>> standing_changes(study).table["group"].tolist()[0]
    'country DE'
    """
    check_level(level)
    groups_level = check_level(groups_level or level)
    columns = check_columns("by", study.segments if by is None else by)
    chosen = _searchable(study, metrics)
    scores = [metric for metric in chosen if metric.topic == "scores"]
    rates = [metric for metric in chosen if metric.topic != "scores"]
    notes: list[str] = []
    families = [
        _Family(_all_series(study, scores, [()], notes), scores_only=True, error=1 - level),
        _Family(_all_series(study, rates, [()], notes), scores_only=False, error=1 - level),
    ]
    families = [family for family in families if family.able]
    # Both families of all customers share one error (Bonferroni).
    families = [replace(family, error=family.error / len(families)) for family in families]
    grouped = _all_series(study, scores, [(column,) for column in columns], notes)
    families.append(_Family(grouped, scores_only=True, error=1 - groups_level))
    searches = [family.search(draws=draws, seed=seed) for family in families if family.able]
    events = company_events(study)
    parts = [part for search in searches for part in search.parts(events)]
    return StandingChanges(
        table=_ordered(parts),
        searched=_searched(families),
        level=level,
        groups_level=groups_level,
        power=_power(searches),
        notes=tuple(notes),
    )


def _searchable(study: Study, metrics: Sequence[str] | None) -> list[Metric]:
    """Return the metrics to search: those named, or the primary ones that have a better side and no lag."""
    if metrics is not None:
        return [find_metric(study, name) for name in metrics]
    return [
        metric
        for metric in metrics_of(study).values()
        if metric.primary
        and metric.good
        and metric.topic != "response rates"
        and metric.difference != "none"
        and metric.unit is not Unit.MONEY
        and not metric.lags
    ]


def _all_series(
    study: Study, metrics: Iterable[Metric], columns: Sequence[tuple[str, ...]], notes: list[str]
) -> list[MetricSeries]:
    """Return the series of each metric by each column; what the data do not allow is noted."""
    series = []
    for metric in metrics:
        for by in columns:
            try:
                series.append(metric_series(study, metric.name, by=by))
            except CxError as error:
                whose = f" by {by[0]}" if by else ""
                notes.append(f"not searched: {metric.label}{whose}, because {error.problem}")
    return series


@dataclass(frozen=True, kw_only=True)
class _Searched:
    """What a family's search says of one of its metrics."""

    series: MetricSeries
    able: list[int]
    why: list[str]
    search: ChangeSearch


@dataclass(frozen=True)
class _Search:
    """What a search over a family says, metric by metric."""

    looks: list[_Searched]

    def parts(self, events: pd.DataFrame) -> list[pd.DataFrame]:
        """Return the changes that stand, one table a metric and column."""
        return [part for part in (_standing(look, events) for look in self.looks) if len(part)]


@dataclass(frozen=True)
class _Family:
    """Series that are searched with one error."""

    series: list[MetricSeries]
    scores_only: bool
    error: float

    @property
    def reasons(self) -> list[list[str]]:
        """Why each series of each metric cannot be judged; empty where it can."""
        return [[why_not_judged(sums, one) for sums in one.sums] for one in self.series]

    @property
    def able(self) -> bool:
        """Whether any series can be judged."""
        return any(not why for reasons in self.reasons for why in reasons)

    def search(self, *, draws: int, seed: int) -> _Search:
        """Search all series that can be judged, in one bootstrap."""
        reasons = self.reasons
        pool: list[DatedSums] = []
        places = []
        for question, (one, why) in enumerate(zip(self.series, reasons, strict=True)):
            able = [place for place, reason in enumerate(why) if not reason]
            places.append((able, len(pool)))
            # Codes of customers are those of one question: other questions count from elsewhere.
            offset = self._first_code(question)
            pool += [
                replace(one.sums[place], linked_who=one.sums[place].linked_who + offset) for place in able
            ]
        found = find_changes(
            pool,
            level=1 - self.error,
            draws=draws,
            least=LEAST_ANSWERS if self.scores_only else 0,
            least_days=max(one.least_days for one in self.series),
            rng=np.random.default_rng(seed),
        )
        looks = []
        for one, why, (able, start) in zip(self.series, reasons, places, strict=True):
            mine = _cut(found, start, len(able))
            looks.append(_Searched(series=one, able=able, why=why, search=mine))
        return _Search(looks)

    def _first_code(self, place: int) -> int:
        """Return where the codes of a question's customers begin; blocks of time are common to metrics."""
        if not self.scores_only:
            return 0
        names = list(dict.fromkeys(one.instrument for one in self.series))
        return names.index(self.series[place].instrument) * 2**40


def _cut(search: ChangeSearch, start: int, length: int) -> ChangeSearch:
    """Return the part of a search that is about the series from start on."""
    changes = [change for change in search.changes if start <= change.series < start + length]
    return replace(
        search,
        changes=tuple(replace(change, series=change.series - start) for change in changes),
        p_values=search.p_values[start : start + length],
        scans=search.scans[start : start + length],
    )


def _standing(look: _Searched, events: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of one metric that have not ended, with their sentences."""
    series = look.series
    rows = change_rows(series, look.able, look.search, events)
    rows = rows[rows["until"].isna()].reset_index(drop=True)
    if not len(rows):
        return rows
    return rows.assign(
        metric=series.metric.name,
        label=series.metric.label,
        column=", ".join(series.by),
        level=look.search.level,
        shared=_shared(rows, judged=len(look.able)),
        echo=False,
        sentence=[change_sentence(row, series) for row in rows.to_dict("records")],
    )[_COLUMNS]


def _shared(rows: pd.DataFrame, *, judged: int) -> list[bool]:
    """Say of each change whether more than half of the groups changed in these days, the same way."""
    shared = []
    for row in rows.to_dict("records"):
        overlap = (rows["since_low"] <= row["since_high"]) & (rows["since_high"] >= row["since_low"])
        alike = overlap & (np.sign(rows["change"]) == np.sign(row["change"]))
        shared.append(judged > 2 and int(alike.sum()) > judged / 2)
    return shared


def _ordered(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return all changes: what got worse first, then the surest; what most groups share last."""
    if not parts:
        return pd.DataFrame(columns=_COLUMNS).astype(
            dict.fromkeys(("since", "since_low", "since_high"), "datetime64[us]")
        )
    table = pd.concat(parts, ignore_index=True)
    order = pd.DataFrame(
        {
            "shared": table["shared"],
            "better": table["verdict"] == "better",
            "p": table["p_adjusted"],
            "whole": table["column"] == "",
        }
    ).sort_values(["shared", "better", "p", "whole"], kind="stable")
    table = table.loc[order.index].reset_index(drop=True)
    return table.assign(echo=_echoes(table))


def _echoes(table: pd.DataFrame) -> list[bool]:
    """Say of each change whether a surer, larger one of the same metric came in these days, the same way.

    One country that falls pulls all customers down, and every plan that it holds much of.
    """
    echoes: list[bool] = []
    for place, row in enumerate(table.to_dict("records")):
        surer = table.iloc[:place][~np.array(echoes, dtype=bool)]
        alike = (
            (surer["metric"] == row["metric"])
            & ((surer["column"] != row["column"]) | (row["column"] == ""))
            & (surer["since_low"] <= row["since_high"])
            & (surer["since_high"] >= row["since_low"])
            & (np.sign(surer["change"]) == np.sign(row["change"]))
            & (surer["change"].abs() > abs(row["change"]))
            & ~surer["shared"].astype(bool)
        )
        echoes.append(bool(alike.any()))
    return echoes


def _searched(families: list[_Family]) -> pd.DataFrame:
    """Return what was searched, a row a metric and column."""
    rows = [
        (one.metric.name, one.metric.label, ", ".join(one.by), sum(not reason for reason in why))
        for family in families
        for one, why in zip(family.series, family.reasons, strict=True)
    ]
    return pd.DataFrame(rows, columns=["metric", "label", "column", "groups"])


def _power(searches: list[_Search]) -> str:
    """Say of the first metric over all customers how large a change would have been seen."""
    for search in searches:
        for look in search.looks:
            if look.able and not look.series.by:
                groups = series_rows(look.series, look.why, look.able, look.search)
                return nothing_sentence(groups, look.series)
    return ""
