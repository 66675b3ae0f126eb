"""Equivalence tests and sample sizes against R and closed form."""

import numpy as np
import pytest
from scipy import stats

from cxresearch.stats.prediction.delong import z_test
from cxresearch.stats.prediction.equivalence import (
    difference_power,
    equivalence_power,
    rows_for_difference,
    rows_for_equivalence,
    rows_to_decide,
)
from cxresearch.stats.prediction.few_leavers import Reference


def test_p_value_is_the_larger_of_two_one_sided_tests() -> None:
    difference, se, margin = 0.007, 0.006, 0.02
    many = Reference(smallest=10_000_000)
    lower = stats.norm.sf((difference + margin) / se)
    upper = stats.norm.cdf((difference - margin) / se)
    assert many.p_equivalence(difference, se, margin) == pytest.approx(max(lower, upper), rel=1e-4)
    assert many.p_equivalence(-difference, se, margin) == pytest.approx(max(lower, upper), rel=1e-4)
    assert many.p_equivalence(0.03, se, margin) > 0.5
    assert Reference(smallest=5).p_equivalence(difference, se, margin) > max(lower, upper)


def test_no_error_is_no_evidence() -> None:
    for se in (0.0, float("nan")):
        assert np.isnan(Reference(smallest=50).p_equivalence(0.0, se, 0.02))
        assert np.isnan(z_test(0.1, se)).all()
        assert np.isnan(z_test(0.0, se)).all()
    assert np.isnan(Reference(smallest=1).p_equivalence(0.0, 0.01, 0.02))
    assert z_test(0.0, 0.0, same=True) == (0, 1)


def test_rows_give_the_power_asked_for() -> None:
    for power in (0.8, 0.9):
        n = rows_for_difference(0.03, 1.1, power=power)
        assert difference_power(0.03, 1.1, n) == pytest.approx(power, abs=1e-4)
        n = rows_for_equivalence(0.004, 1.1, margin=0.02, power=power)
        assert equivalence_power(0.004, 1.1, n, margin=0.02) == pytest.approx(power, abs=1e-9)


def test_equivalence_of_nothing_has_a_closed_form() -> None:
    # two one-sided tests at a true difference of 0: n = ((z_.95 + z_.90) sd / margin)^2 for power .8
    expected = ((1.6448536 + 1.2815516) * 1.0 / 0.02) ** 2
    assert rows_for_equivalence(0, 1.0, margin=0.02) == pytest.approx(expected, rel=1e-6)


def test_the_easier_way_decides() -> None:
    assert rows_to_decide(0.05, 1.0, margin=0.02) == pytest.approx(rows_for_difference(0.05, 1.0), abs=1)
    near = rows_for_equivalence(0.001, 1.0, margin=0.02)
    assert rows_to_decide(0.001, 1.0, margin=0.02) == pytest.approx(near, abs=1)
