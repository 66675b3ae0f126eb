"""Agreement equals scikit-learn and a published example, and its intervals cover."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, precision_score, recall_score

from cxresearch.errors import DataError
from cxresearch.stats.text.agreement import binary_agreement, krippendorff_alpha

N = np.nan
# Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: 4 observers, 12 units
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
).T


@pytest.mark.parametrize(
    ("measurement", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_that_of_the_published_example(measurement: str, value: float) -> None:
    assert krippendorff_alpha(PUBLISHED, measurement=measurement)[0] == pytest.approx(value, abs=5e-4)


def test_alpha_of_two_coders_is_the_same_by_both_ways() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(150) < 0.3
    y = np.where(rng.random(150) < 0.85, x, ~x)
    codes = np.column_stack([x, y]).astype(float)
    assert binary_agreement(x, y).alpha[0] == pytest.approx(krippendorff_alpha(codes)[0], abs=1e-12)


def test_values_equal_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    for share in (0.02, 0.3, 0.8):
        x = rng.random(400) < share
        y = np.where(rng.random(400) < 0.9, x, ~x)
        found = binary_agreement(x, y)
        assert found.kappa[0] == pytest.approx(cohen_kappa_score(x, y), abs=1e-12)
        assert found.precision[0] == pytest.approx(precision_score(y, x), abs=1e-12)
        assert found.recall[0] == pytest.approx(recall_score(y, x), abs=1e-12)


def test_weights_equal_rows_repeated() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random(60) < 0.4, rng.random(60) < 0.4
    weight = rng.integers(1, 5, 60)
    found = binary_agreement(x, y, weights=weight)
    repeated = binary_agreement(np.repeat(x, weight), np.repeat(y, weight))
    for name in ("precision", "recall", "kappa"):
        assert getattr(found, name)[0] == pytest.approx(getattr(repeated, name)[0], abs=1e-12)


def test_perfect_agreement_in_few_rows_is_not_printed_as_certain() -> None:
    found = binary_agreement([1] * 5 + [0] * 15, [1] * 5 + [0] * 15)
    assert found.kappa[0] == 1
    assert found.kappa[1] < 0.9


def test_nothing_marked_tells_nothing_of_precision() -> None:
    found = binary_agreement([0] * 10, [1, 0] * 5)
    assert np.isnan(found.precision).all()
    assert found.recall[0] == 0


def test_no_rows_is_refused() -> None:
    with pytest.raises(DataError, match="no labelled rows"):
        binary_agreement([], [])
    with pytest.raises(DataError, match="coded twice"):
        krippendorff_alpha([[1, N], [N, 2]])


def coverage(runs: int, n: int) -> dict[str, float]:
    rng = np.random.default_rng(4)
    share, hit, miss = 0.2, 0.85, 0.05
    reference = share * hit + (1 - share) * miss
    observed = share * hit + (1 - share) * (1 - miss)
    chance = share * reference + (1 - share) * (1 - reference)
    truth = {"precision": hit, "recall": share * hit / reference, "kappa": (observed - chance) / (1 - chance)}
    inside = dict.fromkeys(truth, 0)
    for run in range(runs):
        x = rng.random(n) < share
        y = rng.random(n) < np.where(x, hit, miss)
        found = binary_agreement(x, y, seed=run)
        for name, value in truth.items():
            _, low, high = getattr(found, name)
            inside[name] += low <= value <= high
    return {name: count / runs for name, count in inside.items()}


def test_intervals_cover_roughly() -> None:
    assert min(coverage(120, 200).values()) > 0.88


@pytest.mark.slow
def test_intervals_cover() -> None:
    for n in (50, 200):
        found = coverage(2_000, n)
        print(n, found)
        assert all(0.93 <= value <= 0.975 for value in found.values())
