"""A study or a data frame where landmarks are wanted: said so, with the call that makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import cxresearch as cx


@pytest.mark.parametrize(
    "ask",
    [
        lambda it: cx.compare(it, ["ces", "nps"]),
        lambda it: cx.contest.sensitivity(it, ("ces", "nps")),
        lambda it: cx.contest.nonresponse(it, ("ces", "nps")),
        lambda it: cx.contest.added_information(it, ["ces", "nps"]),
        lambda it: cx.contest.compare_segments(it, ("ces", "nps"), by="segment"),
        cx.classifier.leak_alarms,
        cx.fit_churn,
        cx.classifier.churn_odds,
    ],
)
def test_study_or_frame_instead_of_landmarks(ask: Callable[[Any], object]) -> None:
    study = cx.synthetic.synthetic_study(seed=1, customers=50)
    for wrong in (study, study.table("customers").collect().to_pandas()):
        with pytest.raises(cx.errors.ArgumentError, match=r"not a (Study|DataFrame); .*cx\.landmark\(study"):
            ask(wrong)
