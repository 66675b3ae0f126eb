"""Key drivers on worlds whose structure is known."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import CES1, CES2


def world(seed: int, n: int) -> pd.DataFrame:
    """Satisfaction out of effort, experience and perceived success, and a price that is nothing to it."""
    rng = np.random.default_rng(seed)
    ease, experience, success, price = rng.multivariate_normal(
        np.zeros(4), [[1, 0.5, 0.3, 0], [0.5, 1, 0.4, 0], [0.3, 0.4, 1, 0], [0, 0, 0, 1]], n
    ).T
    satisfaction = 0.5 * ease + 0.4 * experience + 0.3 * success + rng.normal(0, 0.8, n)
    return pd.DataFrame(
        {
            "satisfaction": satisfaction,
            "ease": ease,
            "experience": experience,
            "success": success,
            "price": price,
        }
    )


DRIVERS = ["ease", "experience", "success", "price"]


def true_importance() -> np.ndarray:
    """Shapley shares of the population, by counting subsets of the covariance matrix."""
    from itertools import permutations

    among = np.array([[1, 0.5, 0.3, 0], [0.5, 1, 0.4, 0], [0.3, 0.4, 1, 0], [0, 0, 0, 1.0]])
    slopes = np.array([0.5, 0.4, 0.3, 0.0])
    total = slopes @ among @ slopes + 0.64
    side = among @ slopes / np.sqrt(total)
    shares = np.zeros(4)
    for order in permutations(range(4)):
        before = 0.0
        for at in range(4):
            chosen = list(order[: at + 1])
            now = side[chosen] @ np.linalg.solve(among[np.ix_(chosen, chosen)], side[chosen])
            shares[order[at]] += (now - before) / 24
            before = now
    return shares


def test_importance_finds_the_population_and_sums_to_r_squared() -> None:
    found = cx.key_drivers(world(1, 20_000), "satisfaction", DRIVERS, runs=40)
    table = found.table.set_index("driver").loc[DRIVERS]
    np.testing.assert_allclose(table["importance"], true_importance(), atol=0.012)
    assert table["importance"].sum() == pytest.approx(found.r_squared)
    assert table["share"].sum() == pytest.approx(1)
    assert found.table["driver"].iloc[0] == "ease"
    assert table.loc["ease", "direction_sure"] == 1
    assert table.loc["price", "direction_sure"] < 1


def test_intervals_cover_the_population_in_most_worlds() -> None:
    truth, hits = true_importance()[:3], np.zeros(3)
    for seed in range(40):
        table = cx.key_drivers(world(seed, 400), "satisfaction", DRIVERS, runs=80).table.set_index("driver")
        part = table.loc[DRIVERS[:3]]
        hits += (part["low"] <= truth) & (truth <= part["high"])
    assert (hits / 40 >= 0.82).all()


def test_thirteen_drivers_use_johnson_and_still_sum() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(400, 13)), columns=[f"d{i}" for i in range(13)])
    frame["y"] = frame.sum(axis=1) + rng.normal(size=400)
    found = cx.key_drivers(frame, "y", [f"d{i}" for i in range(13)], runs=20)
    assert "Johnson" in found.method
    assert found.table["importance"].sum() == pytest.approx(found.r_squared)


def test_alike_drivers_are_named_and_copies_refused() -> None:
    frame = world(3, 500)
    frame["ease_again"] = frame["ease"] + np.random.default_rng(0).normal(0, 0.2, 500)
    found = cx.key_drivers(frame, "satisfaction", [*DRIVERS, "ease_again"], runs=20)
    assert any("ease_again and ease correlate" in text for text in found.alike)
    assert not cx.key_drivers(frame, "satisfaction", DRIVERS, runs=20).alike
    frame["copy"] = 2 * frame["ease"] + 1
    with pytest.raises(DataError, match="exact mix"):
        cx.key_drivers(frame, "satisfaction", ["ease", "copy"], runs=20)


def test_a_kink_shows_as_basic_or_excitement() -> None:
    rng = np.random.default_rng(4)
    must, delight, plain = rng.integers(1, 8, (3, 4_000)).astype(float)
    y = np.minimum(must - 4, 0) + np.maximum(delight - 4, 0) + 0.5 * (plain - 4) + rng.normal(size=4_000)
    frame = pd.DataFrame({"must": must, "delight": delight, "plain": plain, "y": y})
    found = cx.key_drivers(frame, "y", ["must", "delight", "plain"], runs=60)
    kinds = found.penalty_reward.set_index("driver")["kind"]
    assert kinds.to_dict() == {"must": "basic", "delight": "excitement", "plain": "even"}
    table = found.penalty_reward.set_index("driver")
    # below the median of 4, must is 1, 2 or 3: on average y loses 2
    assert table.loc["must", "penalty"] == pytest.approx(-2, abs=0.15)
    assert table.loc["must", "reward"] == pytest.approx(0, abs=0.15)


def test_performance_runs_to_the_good_end_of_the_scale() -> None:
    rng = np.random.default_rng(5)
    easy, effort = rng.integers(1, 8, 600).astype(float), rng.integers(1, 6, 600).astype(float)
    frame = pd.DataFrame({"easy": easy, "effort": effort, "y": easy - effort + rng.normal(size=600)})
    found = cx.key_drivers(frame, "y", ["easy", "effort"], scales={"easy": CES2, "effort": CES1}, runs=20)
    table = found.table.set_index("driver")
    assert table.loc["easy", "performance"] == pytest.approx(100 * (easy.mean() - 1) / 6)
    assert table.loc["effort", "performance"] == pytest.approx(100 - 100 * (effort.mean() - 1) / 4)
    assert table.loc["effort", "direction"] == -1


def test_quadrants_and_their_sureness() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"weak": rng.uniform(0, 5, 3_000), "strong": rng.uniform(5, 10, 3_000)})
    frame.iloc[0], frame.iloc[1] = [0.0, 0.0], [10.0, 10.0]  # the same observed range for both
    frame["y"] = 2 * frame["weak"] + 0.2 * frame["strong"] + rng.normal(size=3_000)
    table = cx.key_drivers(frame, "y", ["weak", "strong"], runs=30).table.set_index("driver")
    assert table["quadrant"].to_dict() == {"weak": "improve first", "strong": "possible overkill"}
    assert (table["quadrant_sure"] == 1).all()


def test_customers_are_the_clusters_of_landmarks(marks: cx.classifier.Landmarks) -> None:
    found = cx.key_drivers(marks, "nps", ["ces", "csat"], runs=30)
    frame = marks.frame.dropna(subset=["nps", "ces", "csat"])
    assert found.n == len(frame)
    assert found.n_missing == marks.n_rows - len(frame)
    alone = cx.key_drivers(
        frame.assign(row=range(len(frame))), "nps", ["ces", "csat"], clusters="row", runs=30
    )
    assert found.r_squared == pytest.approx(alone.r_squared)
    wide = found.r_squared_high - found.r_squared_low
    assert wide > alone.r_squared_high - alone.r_squared_low


def test_the_order_of_the_rows_plays_no_part() -> None:
    frame = world(7, 300)
    frame["customer_id"] = [f"c{at // 2}" for at in range(300)]
    frame["channel"] = np.where(np.arange(300) % 3 == 0, "mail", "chat")
    asked = [*DRIVERS, "channel", ("ease", "price")]
    mixed = frame.sample(frac=1, random_state=1)
    for clusters in ("customer_id", None):
        one = cx.key_drivers(frame, "satisfaction", asked, clusters=clusters, runs=30)
        other = cx.key_drivers(mixed, "satisfaction", asked, clusters=clusters, runs=30)
        pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-12)
        pd.testing.assert_frame_equal(one.penalty_reward, other.penalty_reward, rtol=1e-12)


def test_a_category_is_each_level_against_the_others() -> None:
    frame = world(8, 600)
    frame["team"] = np.repeat(["a", "b", "c"], 200)
    frame.loc[frame["team"] == "c", "satisfaction"] -= 3
    found = cx.key_drivers(frame, "satisfaction", ["ease", "team"], runs=20)
    assert set(found.table["driver"]) == {"ease", "team: b", "team: c"}
    assert found.look_first == "team: c"
    assert found.table.set_index("driver").loc["team: c", "how_often"] == pytest.approx(1 / 3)


def test_bad_input_is_refused() -> None:
    frame = world(1, 100)
    with pytest.raises(ArgumentError, match="no column nothing"):
        cx.key_drivers(frame, "satisfaction", ["ease", "nothing"])
    with pytest.raises(ArgumentError, match="each named once"):
        cx.key_drivers(frame, "satisfaction", ["ease", "ease"])
    with pytest.raises(ArgumentError, match="not a number, and as a category has no two levels"):
        cx.key_drivers(frame.assign(word="a"), "satisfaction", ["ease", "word"])
    days = frame.assign(day=pd.Timestamp("2024-01-01"))
    with pytest.raises(ArgumentError, match="not a number and no category"):
        cx.key_drivers(days, "satisfaction", ["ease", "day"])
    with pytest.raises(DataError, match="at least 40"):
        cx.key_drivers(frame.head(30), "satisfaction", DRIVERS)


@pytest.mark.shared
def test_mobile_phone_survey_is_explained_by_its_quality_items(shared: object) -> None:
    """ECSI mobile survey (Tenenhaus et al. 2005): R squared equals that of numpy's least squares."""
    frame = pd.read_csv(f"{shared}/data/ecsi_mobi.csv.gz")
    names = [f"PERQ{i}" for i in range(1, 7)] + ["PERV1", "PERV2"]
    found = cx.key_drivers(frame, "CUSA1", names, runs=40)
    X = np.column_stack([np.ones(len(frame)), frame[names]])
    y = frame["CUSA1"].to_numpy(float)
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert found.r_squared == pytest.approx(1 - residual.var() / y.var())
    assert found.n == 250
