"""The contest against the exact truth, and how often it errs. Last figures: docs/validation.md."""

import itertools

import numpy as np
import pytest

import cxresearch as cx

SCENARIOS = ("base", "equal", "ces", "nps", "csat", "null")
DIFFERENCES = list(itertools.combinations(("ces", "nps", "csat"), 2))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_truth_within_four_standard_errors(scenario: str) -> None:
    """Every score, form, definition of controls and difference, at 30 % censoring."""
    marks = cx.synthetic.synthetic_landmarks(seed=31, customers=20_000, scenario=scenario, censoring=0.3)
    for form in ("raw", "top_box", "categories"):
        truth = cx.synthetic.truth(scenario=scenario, form=form)
        found = cx.compare(marks, ["ces", "nps", "csat"], form=form, metrics=("auc_all",))
        for row in found.table.to_dict("records"):
            assert abs(row["auc"] - truth.auc[row["score"]]) < 4 * row["se"]
        for row in found.metrics.to_dict("records"):
            assert abs(row["value"] - truth.auc_with_competing[row["score"]]) < 4 * row["se"]
        for first, second in DIFFERENCES:
            contrast = found.contrast(first, second)
            assert abs(contrast.difference - (truth.auc[first] - truth.auc[second])) < 4 * contrast.se


def runs(count: int, **options: object) -> np.ndarray:
    """CES - NPS by run: difference, SE, AUC of CES, its SE, unclustered SE and p-value of the difference."""
    found = []
    for seed in range(count):
        marks = cx.synthetic.synthetic_landmarks(seed=1_000 + seed, **options)
        result = cx.compare(marks, ["ces", "nps"], metrics=())
        contrast, auc = result.contrast("ces", "nps"), result.auc("ces")
        naive = float("nan")
        if options.get("stacked"):
            alone = cx.compare(marks, ["ces", "nps"], metrics=(), clusters=None)
            naive = alone.contrast("ces", "nps").se
        found.append((contrast.difference, contrast.se, auc.value, auc.se, naive, contrast.p_value))
    return np.array(found)


def stacked_truth(censoring: float) -> tuple[float, float]:
    """Difference and AUC of CES on stacked landmarks, from 600,000 customers (SE below .001)."""
    parts = []
    for seed in (1, 2, 3):
        marks = cx.synthetic.synthetic_landmarks(
            seed=seed, customers=200_000, stacked=True, censoring=censoring
        )
        result = cx.compare(marks, ["ces", "nps"], metrics=())
        parts.append((result.contrast("ces", "nps").difference, result.auc("ces").value))
    means = np.mean(parts, axis=0)
    return float(means[0]), float(means[1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("censoring", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("stacked", [False, True], ids=["one landmark", "four landmarks"])
def test_coverage(censoring: float, stacked: bool) -> None:
    if stacked:
        difference, auc = stacked_truth(censoring)
    else:
        truth = cx.synthetic.truth(scenario="base")
        difference, auc = truth.auc["ces"] - truth.auc["nps"], truth.auc["ces"]
    found = runs(1_000, customers=2_000, censoring=censoring, stacked=stacked)
    covered = np.mean(np.abs(found[:, 0] - difference) < 1.959964 * found[:, 1])
    covered_auc = np.mean(np.abs(found[:, 2] - auc) < 1.959964 * found[:, 3])
    print(f"censoring {censoring}, stacked {stacked}: difference {covered:.3f}, AUC {covered_auc:.3f}")
    assert 0.93 <= covered <= 0.97
    assert 0.93 <= covered_auc <= 0.97


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_false_positive_rate() -> None:
    found = runs(1_000, customers=2_000, scenario="equal", censoring=0.3)
    rate = np.mean(np.abs(found[:, 0]) > 1.959964 * found[:, 1])
    said = np.mean(found[:, 5] < 0.05)
    print(
        f"false positives in 'equal': {said:.3f} by the printed p-value, {rate:.3f} by 1.96 standard errors"
    )
    assert 0.035 <= rate <= 0.065
    assert 0.035 <= said <= 0.065


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_false_positive_rate_with_and_without_clusters() -> None:
    """Four overlapping landmarks a year: rows of a customer share their outcome."""
    found = runs(1_000, customers=1_000, scenario="null", stacked=True)
    clustered, naive = (np.mean(np.abs(found[:, 0]) > 1.959964 * found[:, c]) for c in (1, 4))
    said = np.mean(found[:, 5] < 0.05)
    print(f"false positives on stacked landmarks: {said:.3f} by the printed p-value", end=", ")
    print(f"by 1.96 standard errors clustered {clustered:.3f}, unclustered {naive:.3f}")
    assert 0.035 <= said <= 0.065
    assert 0.035 <= clustered <= 0.065
    assert naive > 0.08


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_power_simulated_afresh_agrees_with_the_formula() -> None:
    """Studies drawn from the model itself, not from a pilot."""
    truth = cx.synthetic.truth(scenario="nps")
    difference = truth.auc["ces"] - truth.auc["nps"]
    pilot = cx.synthetic.synthetic_landmarks(seed=1, customers=100_000, scenario="nps", censoring=0.3)
    for customers in (1_000, 3_000):
        plan = cx.contest.power_compare(pilot, ("ces", "nps"), difference=difference, rows=[customers])
        found = runs(600, customers=customers, scenario="nps", censoring=0.3)
        power = np.mean(np.abs(found[:, 0]) > 1.959964 * found[:, 1])
        print(f"{customers} rows: formula {plan.table['power_difference'][0]:.3f}, simulated {power:.3f}")
        assert power == pytest.approx(plan.table["power_difference"][0], abs=0.05)
