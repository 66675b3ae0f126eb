"""Effects equal those of DoubleML on the same rows with the same predictions: frozen numbers, and live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxresearch.stats.effects.adjusted_arms import adjusted_arms
from cxresearch.stats.effects.augmented_effect import augmented_effect
from cxresearch.stats.effects.overlap_effect import effect_between

FROZEN = json.loads((Path(__file__).parent / "double_ml.json").read_text())


def rows() -> dict[str, Any]:
    return {name: np.asarray(values, dtype=np.float64) for name, values in FROZEN["rows"].items()}


def ours(estimand: str) -> tuple[float, float]:
    """Effect and standard error, without the factor n / (n - 1) that DoubleML does not take."""
    given = rows()
    n = len(given["outcome"])
    people = np.arange(n)
    treated = given["treated"] == 1
    if estimand == "overlap":
        arms = adjusted_arms(given["x"], treated, people, chance=given["chance"])
        effect: Any = effect_between(arms, given["outcome"], mean=given["mean"])
    else:
        effect = augmented_effect(
            given["outcome"],
            treated,
            given["x"],
            clusters=people,
            among=estimand,  # type: ignore[arg-type]
            chance=given["chance"],
            means=(given["without"], given["with_it"]),
        )
    return effect.effect, effect.se * np.sqrt((n - 1) / n)


@pytest.mark.parametrize("estimand", ["overlap", "everybody", "treated"])
def test_effect_and_error_equal_the_frozen_ones(estimand: str) -> None:
    effect, se = ours(estimand)
    assert effect == pytest.approx(FROZEN["values"][estimand]["effect"], rel=1e-6)
    assert se == pytest.approx(FROZEN["values"][estimand]["se"], rel=1e-6)


@pytest.mark.parametrize("estimand", ["overlap", "everybody", "treated"])
def test_effect_and_error_equal_those_of_the_library_today(estimand: str) -> None:
    dml = pytest.importorskip("doubleml")
    linear_model = pytest.importorskip("sklearn.linear_model")
    given = rows()
    data = dml.DoubleMLData.from_arrays(given["x"], given["outcome"], given["treated"])
    line = linear_model.LinearRegression()
    predictions = {"ml_m": given["chance"][:, None]}
    if estimand == "overlap":
        model = dml.DoubleMLPLR(data, line, line)
        predictions["ml_l"] = given["mean"][:, None]
    else:
        score = {"everybody": "ATE", "treated": "ATTE"}[estimand]
        model = dml.DoubleMLIRM(data, line, linear_model.LogisticRegression(), score=score)
        predictions |= {"ml_g0": given["without"][:, None], "ml_g1": given["with_it"][:, None]}
    model.fit(external_predictions={"d": predictions})
    effect, se = ours(estimand)
    assert effect == pytest.approx(float(model.coef[0]), rel=1e-6)
    assert se == pytest.approx(float(model.se[0]), rel=1e-6)
