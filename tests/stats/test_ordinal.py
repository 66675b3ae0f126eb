"""Proportional odds, against R's ordinal, statsmodels, and the logistic regression it is with two answers."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.logistic import logistic_fit
from cxresearch.stats.models.ordinal import proportional_odds

CUTS = [-2.0, -1.0, 0.0, 1.5]


def drawn(seed: int, n: int = 400, customers: int = 100) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Answers 1 to 5 by proportional odds: b = 0.8 for ease, 0 for noise; rows of a customer share noise."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, customers, n)
    x = pd.DataFrame({"ease": rng.normal(size=n), "noise": rng.normal(size=customers)[who]})
    return np.digitize(0.8 * x["ease"] + rng.logistic(size=n), CUTS) + 1, x, who


@pytest.mark.parametrize(
    ("case", "answer", "drivers"),
    [
        ("po_wine", "rating", ["warm", "cont"]),
        ("po_beps", "economic.cond.national", ["age", "male", "Europe", "political.knowledge"]),
    ],
)
def test_it_is_clm_of_r(case: str, answer: str, drivers: list[str], r_reference: dict, oracle_data) -> None:
    rows = pd.read_csv(oracle_data / f"{case[3:]}.csv")
    expected = r_reference[f"13_ordinal:{case}"]["values"]["clm"]
    fit = proportional_odds(rows[answer], rows[drivers])
    np.testing.assert_allclose(fit.coefficient, [expected["beta"][name] for name in drivers], rtol=1e-7)
    np.testing.assert_allclose(fit.thresholds, list(expected["threshold"].values()), rtol=1e-7)
    np.testing.assert_allclose(fit.se, [expected["se"][name] for name in drivers], rtol=1e-7)
    thresholds = np.sqrt(np.diag(fit.covariance))[len(drivers) :]
    np.testing.assert_allclose(
        thresholds, [expected["se"][name] for name in expected["threshold"]], rtol=1e-7
    )
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-10)
    assert fit.criteria["parameters"].iloc[0] == len(drivers) + 4
    if "lr" in expected:
        assert 2 * (fit.loglik - fit.loglik_null) == pytest.approx(expected["lr"], rel=1e-8)


def test_it_is_the_ordered_model_of_statsmodels_with_its_criteria() -> None:
    y, x, _ = drawn(1)
    fit = proportional_odds(y, x)
    model = OrderedModel(y, x, distr="logit").fit(method="bfgs", disp=0, gtol=1e-8)
    np.testing.assert_allclose(fit.coefficient, model.params[:2], atol=1e-5)
    np.testing.assert_allclose(fit.se, model.bse[:2], rtol=1e-4)
    assert (fit.aic, fit.bic) == pytest.approx((model.aic, model.bic), rel=1e-8)


def test_with_two_answers_it_is_the_logistic_regression_clusters_and_all() -> None:
    y, x, who = drawn(2)
    fit = proportional_odds(np.where(y > 3, 10, 3), x, clusters=who)
    logistic = logistic_fit(np.column_stack([np.ones(len(y)), x]), y > 3, clusters=who)
    np.testing.assert_allclose(fit.coefficient, logistic.coefficients[1:], rtol=1e-8)
    np.testing.assert_allclose(fit.thresholds, -logistic.coefficients[:1], rtol=1e-8)
    np.testing.assert_allclose(fit.se, logistic.se[1:], rtol=1e-8)
    assert (fit.aic, fit.bic) == pytest.approx((logistic.aic, logistic.bic), rel=1e-10)


def test_the_clustered_error_is_that_of_leaving_customers_out() -> None:
    y, x, who = drawn(3)
    fit = proportional_odds(y, x, clusters=who)
    without = np.array([proportional_odds(y[who != c], x[who != c]).coefficient for c in np.unique(who)])
    groups = len(without)
    jackknife = np.sqrt((groups - 1) * without.var(axis=0))
    np.testing.assert_allclose(fit.se, jackknife, rtol=0.08)


def test_units_and_distances_between_answers_do_not_matter() -> None:
    y, x, _ = drawn(4)
    fit = proportional_odds(y, x)
    moved = proportional_odds(y.astype(float) ** 3, x.assign(ease=2_000 + x["ease"] / 1_000))
    assert moved.coefficient[0] == pytest.approx(1_000 * fit.coefficient[0], rel=1e-6)
    assert moved.loglik == pytest.approx(fit.loglik, rel=1e-10)
    turned = proportional_odds(-y, x)
    np.testing.assert_allclose(turned.coefficient, -fit.coefficient, rtol=1e-8)


def test_what_it_says() -> None:
    y, x, who = drawn(5)
    fit = proportional_odds(y, x, clusters=who)
    assert fit.finding.startswith("Proportional-odds regression of 400 answers on 5 levels")
    assert "ease has the odds ratio" in fit.finding
    assert "need not cause it" in fit.notes[0]


def test_refusals() -> None:
    y, x, _ = drawn(6)
    with pytest.raises(DataError, match="all answers are alike"):
        proportional_odds(np.ones(len(y)), x)
    with pytest.raises(DataError, match="the answer 9 was given once"):
        proportional_odds(np.append(y[1:], 9), x)
    with pytest.raises(DataError, match="repeats others"):
        proportional_odds(y, x.assign(twice=2 * x["ease"] + 1))
    with pytest.raises(DataError, match="same in all rows"):
        proportional_odds(y, x.assign(one=1.0))
    with pytest.raises(DataError, match="separates"):
        proportional_odds(y, pd.DataFrame({"tells": 10.0 * y}))
    with pytest.raises(DataError, match="one customer"):
        proportional_odds(y, x, clusters=np.zeros(len(y)))
    with pytest.raises(ArgumentError, match="no column"):
        proportional_odds(y, x[[]])
    with pytest.raises(ArgumentError):
        proportional_odds(y, x.assign(ease=np.nan))


def rates(studies: int, customers: int) -> tuple[float, float, float]:
    """Coverage of the planted 0.8, and how often what only a customer shares is named: clustered, or not."""
    rng = np.random.default_rng(customers)
    outcomes = []
    for _ in range(studies):
        who = np.repeat(np.arange(customers), 4)
        own = rng.normal(size=(2, customers))[:, who]
        x = pd.DataFrame({"ease": rng.normal(size=len(who)), "plan": own[0]})
        # A customer's leaning is bridged (Wang and Louis 2003): margins stay proportional odds, b times phi.
        phi = 0.8
        u = rng.random(customers)[who]
        lean = np.log(np.sin(phi * np.pi * u) / np.sin(phi * np.pi * (1 - u))) / phi
        y = np.digitize(0.8 / phi * x["ease"] + lean + rng.logistic(size=len(who)), CUTS)
        fit = proportional_odds(y, x, clusters=who).table
        plain = proportional_odds(y, x).table
        outcomes.append(
            (
                fit["low"][0] <= np.exp(0.8) <= fit["high"][0],
                fit["p_value"][1] < 0.05,
                plain["p_value"][1] < 0.05,
            )
        )
    covered, clustered, independent = np.mean(outcomes, axis=0)
    return float(covered), float(clustered), float(independent)


def test_intervals_cover_and_nothing_is_seldom_named() -> None:
    covered, clustered, _ = rates(100, 100)
    assert covered >= 0.88 and clustered <= 0.13


@pytest.mark.slow
def test_intervals_cover_and_nothing_is_seldom_named_in_1000_studies() -> None:
    covered, clustered, independent = rates(1_000, 150)
    print(
        f"Proportional odds, 150 customers of 4 answers: covered {100 * covered:.1f} %; a customer's trait "
        f"without effect named in {100 * clustered:.1f} %, as independent answers {100 * independent:.1f} %"
    )
    assert 0.93 <= covered <= 0.97 and 0.03 <= clustered <= 0.075
