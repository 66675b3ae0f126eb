"""Around events of single customers: a difference in differences against those who had none."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.aliases import Ints
from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.survey.answers_by_cell import answers
from cxresearch.metrics.tables.registry import as_study
from cxresearch.stats.change_points.event_window import WindowTest
from cxresearch.stats.change_points.exposure_contrast import (
    CustomerRows,
    ExposureContrast,
    exposure_contrast,
)
from cxresearch.voice.when.around_event_result import (
    AroundEvent,
    Asked,
    effect_of,
    event_sentence,
    not_judged,
)
from cxresearch.voice.when.metric_series import MetricSeries, day_of
from cxresearch.voice.when.score_series import day_number

_LEAST_BASE = 30


def around_customer_events(study: Any, metric: str, asked: Asked, notes: list[str]) -> AroundEvent:
    """Return the difference in differences around events of single customers.

    Parameters
    ----------
    study : Study or frame
        Holds the answers.
    metric : str
        A score.
    asked : Asked
        What is asked.
    notes : list of str
        What was left out so far.

    Returns
    -------
    AroundEvent

    Raises
    ------
    ArgumentError
        If the metric is no score.
    """
    series = asked.series
    days = asked.days
    window = asked.window
    if not series.is_score:
        raise ArgumentError(
            f"events {days.kind!r} befell single customers, and {metric!r} is no score",
            wanted="a score, such as nps or csat",
            next_step="for leaving after an event see cx.curves.after_event",
        )
    rows, names = _customer_rows(study, metric, series)
    # -1: a customer with the event who never answered says nothing about the score
    where = pd.Index(names).get_indexer(pd.Index(days.table["customer_id"].astype(str)))
    number = day_number(days.table["day"])[where >= 0]
    who = where[where >= 0].astype(np.int64)
    contrast = None
    if len(who) and len(rows.who):
        contrast = exposure_contrast(rows, who, number, window=window)
    if contrast is None:
        return not_judged(asked, notes, "no answers on one of the four sides")
    least = min(contrast.n_before, contrast.n_after, contrast.n_others_before, contrast.n_others_after)
    if least < _LEAST_BASE or contrast.se <= 0:
        return not_judged(asked, notes, f"only {least:,} answers on one of the four sides")
    placebos = _shifted(rows, who, number, window)
    test = _customer_test(contrast, asked.level)
    notes += _drift(placebos)
    effect = effect_of(asked, test, n=contrast.n_before + contrast.n_after)
    times = f" of {contrast.exposed:,} customers"
    table = pd.DataFrame(
        {
            "who": ["with the event", "without"],
            "before": [contrast.before, contrast.others_before],
            "after": [contrast.after, contrast.others_after],
            "change": [
                contrast.after - contrast.before,
                contrast.others_after - contrast.others_before,
            ],
            "n_before": [contrast.n_before, contrast.n_others_before],
            "n_after": [contrast.n_after, contrast.n_others_after],
        }
    )
    return AroundEvent(
        **asked.names,
        effect=effect,
        table=table,
        by_week=pd.DataFrame(columns=["week", "value", "low", "high", "n"]),
        placebos=placebos[["day", "change"]],
        days=tuple(sorted(day_of(day) for day in set(number.tolist())))[:1000],
        sentence=event_sentence(asked, effect, test, times=times),
        notes=tuple(notes),
    )


def _customer_test(contrast: ExposureContrast, level: float) -> WindowTest:
    from scipy.stats import t

    # t = difference / se with exposed - 1 degrees of freedom: the exposed are the smaller side
    df = max(contrast.exposed - 1, 1)
    return WindowTest(
        change=contrast.difference,
        se=contrast.se,
        reach=float(t.ppf((1 + level) / 2, df)) * contrast.se,
        p_value=2 * float(t.sf(abs(contrast.difference) / contrast.se, df)),
        name=f"Student's t, {df} degrees of freedom, clustered by customer",
        method="difference in differences against customers without the event",
    )


def _shifted(rows: CustomerRows, who: Ints, number: Ints, window: int) -> pd.DataFrame:
    """The same contrast with every event dated some weeks earlier: before anything had happened."""
    first = int(rows.day.min())
    contrasts = []
    # from two windows back, so that the later window ends before the event, over half a year of weeks
    for weeks in range(2 * window // 7, 2 * window // 7 + 27):
        early = number - 7 * weeks
        inside = early - window >= first
        if inside.mean() < 0.5:
            break
        contrast = exposure_contrast(rows, who[inside], early[inside], window=window)
        if contrast is not None and min(contrast.n_before, contrast.n_after) >= _LEAST_BASE:
            contrasts.append((day_of(int(np.median(early))), contrast.difference, contrast.se))
    return pd.DataFrame(contrasts, columns=["day", "change", "se"])


def _drift(placebos: pd.DataFrame) -> list[str]:
    """Doubt the comparison where exposed and others drifted apart before the event as well."""
    if len(placebos) < 4:
        return ["too little time before the events to see whether both kinds of customers moved alike"]
    # without drift 5 % of placebo dates lie beyond 1.96 se; overlapping windows share luck: doubt from 20 %
    beyond = (placebos["change"].abs() > 1.96 * placebos["se"]).mean()
    if beyond <= 0.2:
        return [
            f"dated earlier, the same contrast stands out in {beyond:.0%} of {len(placebos)} placebo dates"
        ]
    return [
        f"dated earlier, the same contrast stands out in {beyond:.0%} of {len(placebos)} placebo dates: "
        "customers with the event moved apart from the others before it; do not read this as its effect"
    ]


def _customer_rows(study: Any, metric: str, series: MetricSeries) -> tuple[CustomerRows, list[str]]:
    """Collect customer, day and value of every answer to the question."""
    assert series.measure is not None  # noqa: S101 - scores only
    tables = as_study(study, metric)
    rows = answers(tables, Query(every="day"))
    if "who" not in rows.collect_schema().names():
        raise ArgumentError("answers name no customers", wanted="a column customer_id")
    rows = rows.filter(nw.col("instrument") == series.instrument, ~nw.col("score").is_null())
    table = collect(rows.select("who", "period", "score")).dropna()
    code, names = pd.factorize(table["who"].astype(str))
    measure = series.measure
    value = measure.factor * measure.array[(table["score"].to_numpy(float) - measure.scale.low).astype(int)]
    data = CustomerRows(who=code.astype(np.int64), day=day_number(table["period"]), value=value)
    return data, list(names)
