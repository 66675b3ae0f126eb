"""Time lost to one kind of event: identities with the restricted mean, and errors against the jackknife."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import DataError
from cxresearch.stats.survival.aalen_johansen import aalen_johansen
from cxresearch.stats.survival.rmst import restricted_mean, time_lost


def drawn(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time = np.ceil(rng.exponential(10, n))
    end = np.ceil(rng.uniform(5, 30, n))
    kind = np.where(time <= end, rng.integers(1, 3, n), 0)
    return np.minimum(time, end), kind


def test_kept_and_lost_add_up_to_the_horizon() -> None:
    time, kind = drawn(1)
    kept = restricted_mean(time, kind, horizon=12)
    lost = [time_lost(time, kind, horizon=12, kind=k) for k in (1, 2)]
    assert kept.value + sum(part.value for part in lost) == pytest.approx(12, abs=1e-12)


def test_it_is_the_area_under_the_incidence() -> None:
    time, kind = drawn(2)
    curve = aalen_johansen(time, kind)
    grid = np.linspace(0, 12, 12_001)
    table = curve.incidence_at(grid)
    heights = table.loc[table["kind"] == "kind 1", "incidence"].to_numpy()
    assert time_lost(time, kind, horizon=12).value == pytest.approx(heights[:-1].mean() * 12, abs=1e-9)


#: R 4.2.2, survival 3.5-3: s <- survfit(Surv(time, factor(status, 0:2)) ~ 1, melanoma, id = id); rmean of
#: summary(s, rmean = horizon)$table, and sqrt(colSums(residuals(s, times = horizon, type = "auc")^2)).
OF_R = {
    (2000, 1): (235.2292338193328, 34.1987449425953),
    (2000, 2): (64.5838541388116, 22.2538826647815),
    (3652, 1): (732.039907554160, 83.6689418018415),
    (3652, 2): (177.116705484125, 48.4772322696419),
}


@pytest.mark.parametrize(("horizon", "kind"), list(OF_R))
def test_it_is_the_restricted_mean_of_r_with_its_infinitesimal_jackknife(
    horizon: int, kind: int, oracle_data
) -> None:
    rows = pd.read_csv(oracle_data / "melanoma.csv")
    lost = time_lost(rows["time"], rows["status"], horizon=horizon, kind=kind)
    assert (lost.value, lost.se) == pytest.approx(OF_R[horizon, kind], rel=1e-12)


def test_with_one_kind_the_error_is_that_of_the_restricted_mean() -> None:
    """Greenwood's variance and the infinitesimal jackknife are one where only one kind of event occurs."""
    time, kind = drawn(3)
    event = (kind > 0).astype(int)
    kept, lost = restricted_mean(time, event, horizon=12), time_lost(time, event, horizon=12)
    assert lost.value == pytest.approx(12 - kept.value, abs=1e-12)
    assert lost.se == pytest.approx(kept.se, rel=1e-9)


def test_the_error_is_that_of_leaving_people_out() -> None:
    time, kind = drawn(4, n=400)
    whole = time_lost(time, kind, horizon=12, kind=2)
    without = [
        time_lost(np.delete(time, i), np.delete(kind, i), horizon=12, kind=2).value for i in range(len(time))
    ]
    jackknife = np.sqrt((len(time) - 1) * np.var(without))
    assert whole.se == pytest.approx(jackknife, rel=0.01)


def test_copies_within_clusters_and_weights_change_nothing() -> None:
    time, kind = drawn(5)
    once = time_lost(time, kind, horizon=12, clusters=np.arange(len(time)))
    twice = time_lost(
        np.tile(time, 2), np.tile(kind, 2), horizon=12, clusters=np.tile(np.arange(len(time)), 2)
    )
    assert (twice.value, twice.se) == pytest.approx((once.value, once.se), rel=1e-9)
    weighted = time_lost(time, kind, horizon=12, weights=np.full(len(time), 2.0))
    assert (weighted.value, weighted.se) == pytest.approx((once.value, once.se), rel=1e-9)


def test_late_entry_is_admitted() -> None:
    time, kind = drawn(6)
    entry = np.minimum(np.random.default_rng(0).uniform(-5, 4, len(time)), time - 0.5)
    assert 0 < time_lost(time, kind, horizon=12, entry=entry).value < 12


def test_refusals() -> None:
    time, kind = drawn(7)
    with pytest.raises(DataError, match="nobody has event 3"):
        time_lost(time, kind, horizon=12, kind=3)
    with pytest.raises(DataError, match="beyond the follow-up"):
        time_lost([1, 2, 3], [1, 2, 0], horizon=10)


def test_intervals_cover_the_truth() -> None:
    """Two constant hazards of 0.05: the time lost to each within 12 is h/2h (12 - (1 - exp(-1.2))/0.1)."""
    truth = 0.5 * (12 - (1 - np.exp(-0.1 * 12)) / 0.1)
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(1_000):
        time = rng.exponential(10, 150)
        end = rng.uniform(8, 30, 150)
        kind = np.where(time <= end, rng.integers(1, 3, 150), 0)
        lost = time_lost(np.minimum(time, end), kind, horizon=12)
        hits += lost.low <= truth <= lost.high
    assert 0.93 <= hits / 1_000 <= 0.97
