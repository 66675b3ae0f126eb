"""The guides and the code agree: every metric by name, columns of revenue, alert rules."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.metrics.base.metric import Metric
from cxresearch.metrics.revenue.revenue_levels import STATUSES
from cxresearch.metrics.tables.registry import metrics_of
from cxresearch.reporting.writing.alerts import read_rules

DOCS = Path(__file__).resolve().parents[2] / "docs"


@cache
def study() -> cx.Study:
    return cx.synthetic.synthetic_study(tier="B", customers=300, seed=1)


@cache
def journey() -> cx.Study:
    """Tickets and events that the company itself has not."""
    whole = cx.synthetic.journey_study(customers=300, seed=1)
    return cx.Study.from_frames(
        {name: collect(whole.table(name)) for name in ("customers", "tickets", "events")},
        observed_until=whole.observed_until,
        instruments={},
    )


@cache
def metrics() -> dict[str, tuple[cx.Study, Metric]]:
    """Every metric there is, with a study that has it."""
    return {
        name: (data, metric) for data in (journey(), study()) for name, metric in metrics_of(data).items()
    }


@cache
def rows() -> dict[str, list[str]]:
    """Cells of the table of metrics by name."""
    text = (
        (DOCS / "metrics.md")
        .read_text(encoding="utf-8")
        .split("## Every metric by name")[1]
        .split("\n## ")[0]
    )
    lines = re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in lines}


def in_guide(metric: Metric) -> str:
    """Name of a metric as the guide writes it."""
    for instrument in study().instruments:
        if metric.name == instrument and instrument != "nps":
            return "<instrument>"
        if metric.name.startswith(f"{instrument}_"):
            return "<instrument>" + re.sub(r"_\d+_box", "_<k>_box", metric.name.removeprefix(instrument))
    return metric.name


def test_the_guide_lists_exactly_what_there_is() -> None:
    assert {in_guide(metric) for _, metric in metrics().values()} == set(rows())


def test_definition_base_unit_interval_and_direction() -> None:
    for data, metric in metrics().values():
        definition, base, unit, interval, better = rows()[in_guide(metric)]
        assert definition == re.sub(r"the \d+ best", "the k best", metric.definition), metric.name
        assert (base, unit) == (metric.denominator, str(metric.unit)), metric.name
        assert better == (metric.good or "neither"), metric.name
        found = cx.metric_table(data, metric.name).iloc[0]
        assert interval.removeprefix("none: ") in found["method"], metric.name
        assert found["unit"] == unit
        assert found[["low", "high"]].isna().all() == interval.startswith("none"), metric.name


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(
        cx.errors.ArgumentError, match=r"'nsp' is not available.*one of nps, csat.*feature_breadth"
    ):
        cx.metric_table(study(), "nsp")


@pytest.mark.parametrize("metric", ["nps", "tickets", "active_customers", "nps_response_rate", "mrr"])
def test_an_unknown_group_is_answered_with_the_columns_there_are(metric: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=r"tariff.*wanted.*segment.*term"):
        cx.metric_table(study(), metric, by="tariff")


def test_columns_of_revenue() -> None:
    text = (DOCS / "study-file.md").read_text(encoding="utf-8")
    part = text.split("## Revenue: one level")[1].split("\n## ")[0]
    line = next(line for line in part.splitlines() if line.startswith("| `status`"))
    for status in STATUSES:
        assert f"`{status}`" in line
    for column in ("discount", "discount_kind"):
        assert f"| `{column}` |" in part


def test_alert_rules_of_the_guide_are_read(tmp_path: Path) -> None:
    text = (DOCS / "study-file.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(\[alerts\]\n.*?)```", text, re.DOTALL)
    assert example is not None
    (tmp_path / "study.toml").write_text(example[1], encoding="utf-8")
    rules = read_rules(tmp_path / "study.toml", "scorecard")
    assert [(rule.name, rule.sign, rule.number, rule.sure, rule.required) for rule in rules] == [
        ("nps", "<", 20.0, False, False),
        ("sla-attainment", "<", 0.8, True, False),
        ("nps", "down", 0.0, True, True),
        ("nps", "stepped", 0.0, False, True),
    ]
