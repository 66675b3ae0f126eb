"""Every metric that can be asked for by name, of a given study.

To add metrics: write a module with ``metrics_of(study) -> tuple[Metric, ...]`` (see metrics/metric.py),
import it here and add it to ``_SOURCES``. Nothing else changes: `cx.metric_table`, `cx.scorecard` and the
report find them.
"""

from __future__ import annotations

from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.metric import Metric, Tables
from cxresearch.metrics.returns import return_metrics
from cxresearch.metrics.revenue import revenue_metrics
from cxresearch.metrics.support import support_metrics
from cxresearch.metrics.survey import answers_by_cell as survey_metrics
from cxresearch.metrics.survey import response_rate as non_response
from cxresearch.metrics.survey import theme_metrics
from cxresearch.metrics.usage import adoption_metrics

_SOURCES = (
    survey_metrics,
    non_response,
    revenue_metrics,
    return_metrics,
    support_metrics,
    adoption_metrics,
    theme_metrics,
)


def metrics_of(study: Tables) -> dict[str, Metric]:
    """Return all metrics the study's tables, columns and instruments allow, by name, in order of report."""
    return {metric.name: metric for source in _SOURCES for metric in source.metrics_of(study)}


def find_metric(study: Tables, name: str) -> Metric:
    """Return one metric by name.

    Raises
    ------
    ArgumentError
        If the study does not allow it; the message lists what it does allow.
    """
    known = metrics_of(study)
    if name not in known:
        raise ArgumentError(
            f"metric {name!r} is not available in this study",
            wanted="one of " + ", ".join(known),
            next_step="add the table or instrument it needs to the study",
        )
    return known[name]
