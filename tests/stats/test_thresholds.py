"""Thresholds of a score and part of its AUC, against scikit-learn, DeLong's numbers and the definition."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix, roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.prediction.delong import delong
from cxresearch.stats.prediction.thresholds import auc_between_groups, partial_auc, threshold_table


def drawn(seed: int, n: int = 300, levels: int = 11) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return y.astype(int), np.floor(levels * stats.norm.cdf(rng.normal(size=n) + 0.8 * y))


@pytest.mark.parametrize("seed", [1, 2])
def test_each_threshold_is_its_confusion_matrix(seed: int) -> None:
    y, score = drawn(seed)
    result = threshold_table(y, score)
    for row in result.table.to_dict("records"):
        tn, fp, fn, tp = confusion_matrix(y, score >= row["threshold"], labels=[0, 1]).ravel()
        assert row["sensitivity"] == pytest.approx(tp / (tp + fn))
        assert row["specificity"] == pytest.approx(tn / (tn + fp))
        assert row["ppv"] == pytest.approx(tp / (tp + fp))
        assert row["npv"] == pytest.approx(tn / (tn + fn) if tn + fn else np.nan, nan_ok=True)
        assert row["flagged"] == pytest.approx((tp + fp) / len(y))
        # Youden's J: Newcombe's hybrid interval of the difference of two shares, from statsmodels.
        low, high = confint_proportions_2indep(tp, tp + fn, fp, fp + tn, method="newcomb")
        assert (row["youden_low"], row["youden_high"]) == pytest.approx((low, high), abs=1e-9)
        assert row["youden"] == pytest.approx(tp / (tp + fn) - fp / (fp + tn))
        for name, count, n in (("sensitivity", tp, tp + fn), ("npv", tn, tn + fn)):
            if n:
                ends = proportion_confint(count, n, method="wilson")
                assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(ends, abs=1e-9)
        assert row["sensitivity_low"] <= row["sensitivity"] <= row["sensitivity_high"]
    best = result.table.loc[result.table["youden"].idxmax()]
    assert f"from {best['threshold']:g} on" in result.finding
    assert "does worse on others" in result.notes[0]


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.33, 0.8, 1.0])
@pytest.mark.parametrize("levels", [5, 11, 100_000])
def test_partial_auc_equals_scikit_learn(rate: float, levels: int) -> None:
    y, score = drawn(3, levels=levels)
    found = partial_auc(y, score, most_false_positives=rate)
    expected = roc_auc_score(y, score, max_fpr=rate)
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_the_whole_area_has_delongs_error(r_reference: dict, oracle_data) -> None:
    rows = pd.read_csv(oracle_data / "asah.csv")
    values = r_reference["09_roc:roc_asah_wfns_s100b"]["values"]["A"]
    whole = partial_auc(rows["y"], rows["wfns"], most_false_positives=1.0)
    assert (whole.value, whole.se) == pytest.approx((values["auc"], values["se"]), rel=1e-9)


@pytest.mark.parametrize("levels", [7, 100_000])
def test_the_error_of_a_part_is_that_of_leaving_rows_out(levels: int) -> None:
    y, score = drawn(4, n=600, levels=levels)
    whole = partial_auc(y, score, most_false_positives=0.25)
    without = np.array(
        [
            partial_auc(np.delete(y, i), np.delete(score, i), most_false_positives=0.25).value
            for i in range(len(y))
        ]
    )
    parts = [without[y == side] for side in (0, 1)]
    jackknife = np.sqrt(sum((len(part) - 1) * part.var() for part in parts))
    assert whole.se == pytest.approx(jackknife, rel=0.03)


def test_intervals_of_a_part_cover_the_truth() -> None:
    """Normal scores one standard deviation apart: the ROC curve is Phi(1 + Phi^-1(t))."""
    grid = (np.arange(200_000) + 0.5) / 200_000 * 0.2
    area = stats.norm.cdf(1 + stats.norm.ppf(grid)).mean() * 0.2
    truth = 0.5 + (area - 0.02) / (2 * (0.2 - 0.02))
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1], [150, 100])
    hits = 0
    for _ in range(1_000):
        part = partial_auc(y, rng.normal(size=250) + y, most_false_positives=0.2)
        hits += part.low <= truth <= part.high
    assert 0.925 <= hits / 1_000 <= 0.97


def test_two_groups_are_two_studies() -> None:
    y, score = drawn(6)
    group = np.where(np.arange(len(y)) % 2, "new", "old")
    contrast = auc_between_groups(y, score, group)
    new, old = (delong(y[group == name], {"s": score[group == name]}) for name in ("new", "old"))
    assert contrast.difference == pytest.approx(new.auc[0] - old.auc[0])
    v = np.array([new.covariance[0, 0], old.covariance[0, 0]])
    assert contrast.se == pytest.approx(np.sqrt(v.sum()))
    df = v.sum() ** 2 / (v**2 / 149).sum()
    assert contrast.p_value == pytest.approx(2 * stats.t.sf(abs(contrast.statistic), df))
    assert (contrast.first, contrast.second) == ("new", "old")


def test_the_test_between_groups_keeps_its_level() -> None:
    rng = np.random.default_rng(7)
    group = np.repeat(["a", "b"], [40, 160])
    rejected = 0
    for _ in range(1_000):
        y = rng.random(200) < 0.4
        rejected += auc_between_groups(y, rng.normal(size=200) + 0.7 * y, group).p_value < 0.05
    assert 0.03 <= rejected / 1_000 <= 0.075


def test_refusals() -> None:
    y, score = drawn(8)
    with pytest.raises(DataError, match="one side"):
        threshold_table(np.ones(5), np.arange(5))
    with pytest.raises(ArgumentError, match="other values"):
        threshold_table([0, 1, 2], [1, 2, 3])
    with pytest.raises(ArgumentError, match="up to 1"):
        partial_auc(y, score, most_false_positives=1.2)
    with pytest.raises(ArgumentError, match="3 labels"):
        auc_between_groups([0, 1, 0], [1, 2, 3], ["a", "b", "c"])


def test_intervals_of_a_threshold_cover_the_truth() -> None:
    """Normal scores one standard deviation apart, flagged from 0.5 on."""
    truth = {"sensitivity": stats.norm.cdf(0.5), "specificity": stats.norm.cdf(0.5)}
    truth["youden"] = 2 * truth["sensitivity"] - 1
    truth["ppv"] = truth["npv"] = stats.norm.cdf(0.5)
    rng = np.random.default_rng(9)
    hits = dict.fromkeys(truth, 0)
    for _ in range(1_000):
        y = rng.random(120) < 0.5
        row = threshold_table(y, (rng.normal(size=120) + y >= 0.5).astype(int)).table.iloc[1]
        for name, value in truth.items():
            hits[name] += row[f"{name}_low"] <= value <= row[f"{name}_high"]
    print({name: f"{hit / 10:.1f} %" for name, hit in hits.items()})
    assert all(0.935 <= hit / 1_000 <= 0.97 for hit in hits.values())
