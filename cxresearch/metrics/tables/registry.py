"""Every metric that can be asked for by name, of a given study.

To add metrics: write a module with ``metrics_of(study) -> tuple[Metric, ...]`` (see metrics/base/metric.py),
import it here and add it to ``_SOURCES``. Nothing else changes: `cx.metric_table`, `cx.scorecard` and the
report find them.
"""

from __future__ import annotations

import re

from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.metric import Metric, Tables
from cxresearch.metrics.returns import customer_churn, return_metrics
from cxresearch.metrics.revenue import revenue_metrics
from cxresearch.metrics.support import support_metrics
from cxresearch.metrics.survey import answers_by_cell as survey_metrics
from cxresearch.metrics.survey import response_rate as non_response
from cxresearch.metrics.survey import theme_metrics
from cxresearch.metrics.usage import adoption_metrics
from cxresearch.wording import did_you_mean

_SOURCES = (
    survey_metrics,
    non_response,
    revenue_metrics,
    customer_churn,
    return_metrics,
    support_metrics,
    adoption_metrics,
    theme_metrics,
)


def metrics_of(study: Tables) -> dict[str, Metric]:
    """Return all metrics the study's tables, columns and instruments allow, by name, in order of report."""
    return {metric.name: metric for source in _SOURCES for metric in source.metrics_of(study)}


def find_metric(study: Tables, name: str) -> Metric:
    """Return one metric by name; case, blanks and hyphens are forgiven.

    Besides what `metrics_of` lists, ``<instrument>_top_<k>_box`` is the share of the k best answers.

    Raises
    ------
    ArgumentError
        If the study does not allow it; the message lists what it does allow.
    """
    listed = metrics_of(study)
    plain = plain_name(name)
    metric = listed.get(name) or listed.get(plain) or survey_metrics.box_metric(study, plain)
    if metric is None:
        raise ArgumentError(
            f"metric {name!r} is not available in this study",
            wanted="one of " + ", ".join(listed),
            next_step=did_you_mean(
                plain, listed, otherwise="add the table, column or instrument it needs to the study"
            ),
        )
    return metric


def plain_name(name: str) -> str:
    """Return a name as metrics are called: lower case, words joined by underscores.

    Examples
    --------
    >>> plain_name("Net revenue retention")
    'net_revenue_retention'
    """
    return re.sub(r"[\s-]+", "_", str(name).strip().casefold())
