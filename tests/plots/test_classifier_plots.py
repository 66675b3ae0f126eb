"""Pictures of churn models and drivers say what they show: titles, labels, numbers of rows."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=1, customers=3_000)


@pytest.fixture(scope="module")
def model(marks: cx.classifier.Landmarks) -> cx.classifier.ChurnModel:
    return cx.fit_churn(marks, members=4)


@pytest.fixture(scope="module")
def found(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> cx.classifier.ChurnEvaluation:
    return cx.evaluate_churn(model, marks, runs=20)


def texts(ax: plt.Axes) -> str:
    parts = [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    parts += [text.get_text() for text in ax.texts] + [label.get_text() for label in ax.get_yticklabels()]
    plt.close(ax.figure)
    return " | ".join(parts)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("gains", "riskiest 10 %"),
        ("lift", "no better than random"),
        ("calibration", "slope"),
        ("auc", "NPS only"),
        ("drift", "later landmarks"),
        ("segments", "by group"),
    ],
)
def test_evaluation_pictures(found: cx.classifier.ChurnEvaluation, kind: str, wanted: str) -> None:
    text = texts(cx.plot(found, kind=kind))
    assert wanted in text
    assert f"{found.n:,} held-out rows" in text


def test_gains_end_where_the_table_ends(found: cx.classifier.ChurnEvaluation) -> None:
    ax = cx.plot(found)
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_ydata()[1:], found.gains["captured"])
    plt.close(ax.figure)


def test_effect_and_odds_pictures(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> None:
    assert "NPS" in texts(cx.plot(cx.classifier.effect_curve(model, marks, "nps")))
    assert "no difference" in texts(cx.plot(cx.classifier.churn_odds(marks)))


def test_profit_picture(marks: cx.classifier.Landmarks) -> None:
    import dataclasses

    rich = dataclasses.replace(
        marks, frame=marks.frame.assign(mrr=np.linspace(10, 200, marks.n_rows)), features=("mrr",)
    )
    fitted = cx.fit_churn(rich, members=0)
    curve = cx.classifier.profit_curve(fitted, rich, contact_cost=20, success_rate=0.3, runs=20)
    text = texts(cx.plot(curve))
    assert f"contact {curve.break_even_share:.0%}".replace("%", " %") in text


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("importance", "variance of y"), ("performance", "improve first"), ("asymmetry", "middle group")],
)
def test_driver_pictures(kind: str, wanted: str) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a_one", "b", "c"])
    frame["y"] = frame["a_one"] + rng.normal(size=200)
    result = cx.key_drivers(frame, "y", ["a_one", "b", "c"], runs=20)
    text = texts(cx.plot(result, kind=kind))
    assert wanted in text
    assert "a one" in text
    assert "n 200" in text
    with pytest.raises(ArgumentError, match="kind"):
        cx.plot(result, kind="pie")
