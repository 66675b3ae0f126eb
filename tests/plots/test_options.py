"""An option that a picture does not have is answered with those it has."""

from __future__ import annotations

import pytest

import cxresearch as cx


def test_an_unknown_option_is_refused_by_name() -> None:
    card = cx.scorecard(cx.synthetic.synthetic_study(seed=1, customers=300), metrics=["nps"])
    with pytest.raises(
        cx.errors.ArgumentError, match=r"Scorecard has no option 'show'.*one of kind, metric, split"
    ):
        cx.plot(card, show="x")


def test_a_picture_without_options_says_so() -> None:
    answers = cx.synthetic.synthetic_study(seed=1, customers=300)
    with pytest.raises(
        cx.errors.ArgumentError, match=r"ScoreBreakdown has no option 'kind'.*wanted no option"
    ):
        cx.plot(cx.survey.score_breakdown(answers, "nps"), kind="trend")


def test_a_result_without_a_picture_is_still_told_so() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="int has no picture"):
        cx.plot(3, show="x")


def test_a_picture_drawn_as_another_knows_the_options_of_that_one() -> None:
    curve = cx.churn_curve(([5, 9, 12, 30], [1, 0, 1, 0])).curves[0]
    with pytest.raises(cx.errors.ArgumentError, match=r"no option 'show'.*one of until, axis_low, title"):
        cx.plot(curve, show="x")
    picture = cx.plot(curve, title="Everybody")
    assert "Everybody" in [picture.get_title(loc=place) for place in ("left", "center", "right")]
