"""Options in days are at most a century: beyond it no calendar follows, and nothing overflows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import cxresearch as cx


@cache
def study() -> cx.Study:
    return cx.synthetic.company_study(seed=3, customers=600)


OPTIONS = [
    ("feature_breadth", "within_days"),
    ("adoption_rate", "within_days"),
    ("win_back_rate", "win_back_days"),
    ("repeat_purchase_rate", "repeat_days"),
    ("renewal_rate", "grace_days"),
]


@pytest.mark.parametrize(("metric", "option"), OPTIONS)
@pytest.mark.parametrize("days", [36_501, 1e6, 1e9])
def test_an_option_beyond_a_century_is_refused(metric: str, option: str, days: float) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=rf"option '{option}' is .*wanted at most 36,500 days"):
        cx.metric_table(study(), metric, options={option: days})


@pytest.mark.parametrize(("metric", "option"), OPTIONS)
def test_a_century_itself_is_computed(metric: str, option: str) -> None:
    for every in (None, "month"):
        found = cx.metric_table(study(), metric, every=every, options={option: 36_500})  # type: ignore[arg-type]
        by_period = metric == "feature_breadth" and every  # its days are those of the period
        assert bool(by_period) == (found["value"] > 0).any()


CALLS: list[Callable[[Any, float], Any]] = [
    lambda data, days: cx.metric(data, "feature_breadth", options={"within_days": days}),
    lambda data, days: cx.metric(data, "adoption_rate", options={"within_days": days}),
    lambda data, days: cx.metric(data, "win_back_rate", options={"win_back_days": days}),
    lambda data, days: cx.metric(data, "renewal_rate", options={"grace_days": days}),
]


@pytest.mark.parametrize("call", CALLS)
def test_the_functions_refuse_it_too(call: Callable[[Any, float], Any]) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="at most 36,500 days"):
        call(study(), 1e9)
    call(study(), 36_500)
