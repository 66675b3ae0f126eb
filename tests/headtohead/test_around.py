"""Around the contest: power, segments, sensitivity, non-response, added information, alarms, claims."""

import dataclasses

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.headtohead.claims.churn_claims import risk_difference
from cxresearch.headtohead.claims.evidence import judged
from cxresearch.headtohead.contest.covariates import covariates


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=5, customers=6_000, scenario="nps", censoring=0.2)


@pytest.fixture(scope="module")
def company() -> cx.Study:
    return cx.synthetic.synthetic_study(seed=2, customers=2_000, tier="B")


@pytest.fixture(scope="module")
def stacked(company: cx.Study) -> cx.classifier.Landmarks:
    return cx.landmark(company, every="quarter", horizon_days=180, keep_silent=True)


# Power


def test_power_by_formula_and_by_simulation_agree(marks: cx.classifier.Landmarks) -> None:
    found = cx.contest.power_compare(
        marks, ("ces", "nps"), rows=[1_500], simulation=cx.contest.Simulation(runs=150)
    )
    row = found.table.iloc[0]
    assert (
        row["simulated_difference_low"] - 0.03
        < row["power_difference"]
        < row["simulated_difference_high"] + 0.03
    )
    contrast = cx.compare(marks, ["ces", "nps"], metrics=()).contrast("ces", "nps")
    assert found.difference == pytest.approx(contrast.difference, abs=1e-12)
    assert found.unit_sd == pytest.approx(contrast.se * marks.n_rows**0.5, rel=1e-9)


def test_power_counts_rows_of_a_customer_as_dependent() -> None:
    rows = cx.synthetic.synthetic_landmarks(seed=5, customers=2_000, stacked=True)
    found = cx.contest.power_compare(
        rows, ("ces", "nps"), rows=[1_000], simulation=cx.contest.Simulation(runs=20)
    )
    alone = cx.compare(rows, ["ces", "nps"], clusters=None, metrics=()).contrast("ces", "nps")
    assert found.unit_sd > 1.05 * alone.se * rows.n_rows**0.5


def test_power_without_a_pilot() -> None:
    # n = ((z_.975 + z_.8) 1.07 / .054)^2
    found = cx.contest.power_compare(difference=0.054)
    expected = ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * 1.07 / 0.054) ** 2
    assert found.rows_for_difference == pytest.approx(expected)
    assert "3,082 rows" in str(found)


def test_power_settings_are_checked(marks: cx.classifier.Landmarks) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="difference is not given"):
        cx.contest.power_compare()
    with pytest.raises(cx.errors.ArgumentError, match="draws from a pilot"):
        cx.contest.power_compare(difference=0.1, simulation=cx.contest.Simulation(runs=10))
    with pytest.raises(cx.errors.ArgumentError, match="the two scores"):
        cx.contest.power_compare(marks, ("ces", "nps", "csat"))


def test_simulation_is_the_same_whatever_the_processes(marks: cx.classifier.Landmarks) -> None:
    one = cx.contest.power_compare(
        marks, ("ces", "nps"), rows=[300], simulation=cx.contest.Simulation(runs=16)
    )
    with joblib.parallel_config(backend="threading"):
        two = cx.contest.power_compare(
            marks, ("ces", "nps"), rows=[300], simulation=cx.contest.Simulation(runs=16, n_jobs=2)
        )
    pd.testing.assert_frame_equal(one.table, two.table)


# Segments


def segmented(marks: cx.classifier.Landmarks, shares: list[float]) -> cx.classifier.Landmarks:
    rng = np.random.default_rng(1)
    part = rng.choice([f"s{i}" for i in range(len(shares))], marks.n_rows, p=shares)
    return dataclasses.replace(marks, frame=marks.frame.assign(region=part), segments=("region",))


def test_segments_are_pooled(marks: cx.classifier.Landmarks) -> None:
    by = segmented(marks, [0.4, 0.3, 0.295, 0.005])
    found = cx.contest.compare_segments(by, ("ces", "nps"), by="region")
    assert list(found.table["segment"]) == ["s0", "s1", "s2"]
    assert "fewer than 10" in found.left_out.iloc[0]["reason"]
    whole = cx.compare(by, ["ces", "nps"], metrics=()).contrast("ces", "nps")
    assert found.pooled is not None
    assert found.pooled.value == pytest.approx(whole.difference, abs=2 * whole.se)
    assert found.pooled.k == 3
    one = cx.compare(
        dataclasses.replace(by, frame=by.frame[by.frame["region"] == "s1"]), ["ces", "nps"], metrics=()
    )
    assert found.table.iloc[1]["difference"] == pytest.approx(float(one.contrast("ces", "nps")))


def test_a_winner_that_differs_is_said(marks: cx.classifier.Landmarks) -> None:
    frames = []
    for place, scenario in enumerate(("ces", "nps")):
        for copy in range(3):
            rows = cx.synthetic.synthetic_landmarks(
                seed=40 + 3 * place + copy, customers=8_000, scenario=scenario
            ).frame
            frames.append(
                rows.assign(market=f"{scenario}{copy}", customer_id=rows["customer_id"] + f"{place}{copy}")
            )
    both = dataclasses.replace(marks, frame=pd.concat(frames, ignore_index=True), segments=("market",))
    found = cx.contest.compare_segments(both, ("ces", "nps"), by="market")
    assert "The winner differs by market" in found.finding
    assert found.pooled.prediction_low < 0 < found.pooled.prediction_high


def test_one_winner_everywhere_is_not_called_two(marks: cx.classifier.Landmarks) -> None:
    comparison = cx.compare(marks, ["ces", "nps"], metrics=())
    sizes = {f"s{place}": 0.05 + 0.002 * place for place in range(6)}
    found = cx.contest.pool_comparisons(
        {
            name: dataclasses.replace(
                comparison, contrasts=comparison.contrasts.assign(difference=size, se=0.0005, p_value=1e-9)
            )
            for name, size in sizes.items()
        }
    )
    assert "wherever one looks" in found.finding
    assert "The size of the difference varies by study" in found.finding


def test_too_little_is_not_called_equal(marks: cx.classifier.Landmarks) -> None:
    comparison = cx.compare(marks, ["ces", "nps"], metrics=())
    far = {"a": 0.2, "b": 0.1}
    found = cx.contest.pool_comparisons(
        {
            name: dataclasses.replace(
                comparison, contrasts=comparison.contrasts.assign(difference=gap, se=0.05)
            )
            for name, gap in far.items()
        }
    )
    assert "one cannot say whether CES or NPS predicts better" in found.finding


def test_unknown_segment_is_refused(marks: cx.classifier.Landmarks) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="segment column"):
        cx.contest.compare_segments(marks, ("ces", "nps"), by="planet")


# Sensitivity


def test_sensitivity_lists_every_choice(stacked: cx.classifier.Landmarks) -> None:
    found = cx.contest.sensitivity(stacked, ("ces", "nps"))
    assert found.table.iloc[0]["kind"] == "primary"
    assert {"horizon", "form", "controls", "rows"} <= set(found.table["kind"])
    again = cx.compare(stacked, ["ces", "nps"], form="top_box", metrics=()).contrasts.iloc[0]
    line = found.table.set_index("choice").loc["satisfied or not (top-box)"]
    assert line["difference"] == pytest.approx(again["difference"])
    assert "first complete row of each customer" in set(found.table["choice"])
    assert (found.table.loc[found.table["note"] == "", "verdict"] != "").all()
    assert "-0." not in str(found)
    assert "\N{MINUS SIGN}0." in str(found)


def test_other_controls_are_judged_by_the_same_rule(marks: cx.classifier.Landmarks) -> None:
    """A margin nothing can exceed makes them equivalent; a copy of the churn makes them differ."""
    choice = "involuntary leavers counted as stayers"
    wide = cx.contest.sensitivity(marks, ("ces", "nps"), forms=(), margin=0.4).table.set_index("choice")
    assert wide.loc[choice, "verdict"] == "equivalent"
    gone = (marks.frame["event"] == 1) & (marks.frame["duration_days"] <= marks.horizon_days)
    seen = marks.frame.assign(ces=marks.frame["ces"].where(~gone, 1))
    told = cx.contest.sensitivity(dataclasses.replace(marks, frame=seen), ("ces", "nps"), forms=())
    assert told.table.set_index("choice").loc[choice, "verdict"] == "CES better"
    turned = cx.contest.sensitivity(dataclasses.replace(marks, frame=seen), ("nps", "ces"), forms=())
    assert turned.table.set_index("choice").loc[choice, "verdict"] == "CES better"


def test_an_unknown_contestant_names_the_instruments(marks: cx.classifier.Landmarks) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=r"'ces', 'nps'.*--set contestants=a,b"):
        cx.contest.sensitivity(marks, ("ces", "effort"))


def test_a_choice_that_cannot_be_made_is_named(marks: cx.classifier.Landmarks) -> None:
    happy = marks.frame.assign(ces=marks.frame["ces"].clip(lower=5))
    found = cx.contest.sensitivity(
        dataclasses.replace(marks, frame=happy), ("ces", "nps"), horizons_days=[9_999]
    )
    notes = " ".join(found.table["note"])
    assert "one distinct score" in notes
    assert "nobody is followed" in notes


# Non-response


def test_weights_undo_a_known_selection() -> None:
    """Answering depends on tenure, tenure on churn and on the score: weighting helps."""
    rng = np.random.default_rng(3)
    whole = cx.synthetic.synthetic_landmarks(seed=9, customers=30_000)
    gone = (whole.frame["event"] == 1) & (whole.frame["duration_days"] <= whole.horizon_days)
    tenure = 2.0 * gone + rng.normal(size=whole.n_rows)
    unhappy = (whole.frame["ces"] <= 5).to_numpy()
    tenure = tenure + 1.0 * unhappy
    answered = rng.random(whole.n_rows) < 1 / (1 + np.exp(0.5 + 1.5 * tenure))
    frame = whole.frame.assign(tenure_days=tenure)
    frame.loc[~answered, ["ces", "nps"]] = np.nan
    part = cx.classifier.Landmarks.from_frame(
        frame,
        instruments={"ces": cx.CES2, "nps": cx.NPS},
        horizon_days=whole.horizon_days,
        features=["tenure_days"],
    )
    weights = cx.contest.response_weights(part, ["ces", "nps"], truncate=(0, 1))
    assert weights[answered].mean() == pytest.approx(1, abs=0.05)
    truth = cx.compare(whole, ["ces", "nps"], metrics=()).auc("ces").value
    plain = cx.compare(part, ["ces", "nps"], metrics=()).auc("ces")
    weighted = cx.compare(part, ["ces", "nps"], weights=weights, metrics=()).auc("ces")
    assert abs(weighted.value - truth) < 3 * weighted.se
    assert abs(weighted.value - truth) < abs(plain.value - truth)


def test_both_populations_side_by_side(stacked: cx.classifier.Landmarks) -> None:
    found = cx.contest.nonresponse(stacked, ("ces", "nps"))
    assert list(found.contests["population"])[:2] == ["those who answered", "weighted to all customers"]
    assert found.response_rate == pytest.approx(stacked.frame[["ces", "nps"]].notna().all(axis=1).mean())
    assert found.silence.iloc[0]["n"] == stacked.n_rows
    assert found.weights["n_effective"].iloc[0] < found.contests["n"].iloc[0]
    churn = found.table.set_index("group")
    mixed = found.response_rate * churn.loc["answered", "churn"]
    mixed += (1 - found.response_rate) * churn.loc["silent", "churn"]
    assert mixed == pytest.approx(churn.loc["all customers", "churn"], abs=0.01)


def test_silence_by_hand() -> None:
    """All forty silent customers leave and twenty of sixty others: an AUC by hand, and no certainty."""
    rng = np.random.default_rng(1)
    silent = np.repeat([False, True], [60, 40])
    gone = silent | (np.arange(100) < 20)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(100)],
            "landmark_at": pd.Timestamp("2024-01-01"),
            "ces": np.where(silent, np.nan, rng.integers(1, 8, 100)),
            "nps": np.where(silent, np.nan, rng.integers(0, 11, 100)),
            "tenure_days": rng.uniform(10, 900, 100),
            "duration_days": np.where(gone, 30.0, 200.0),
            "event": gone.astype(int),
        }
    )
    marks = cx.classifier.Landmarks.from_frame(
        frame,
        instruments={"ces": cx.CES2, "nps": cx.NPS},
        horizon_days=180,
        features=["tenure_days"],
    )
    found = cx.contest.nonresponse(marks, ("ces", "nps"))
    churn = found.table.set_index("group")
    assert churn.loc["silent", ["low", "high"]].isna().all()
    assert churn.loc["answered", "low"] < 1 / 3 < churn.loc["answered", "high"]
    line = found.silence.iloc[0]
    assert line["auc"] == pytest.approx((40 + 20 / 2) / 60)  # stayers all answered: 40 pairs won, 20 tied
    assert line["low"] < line["auc"] < line["high"] < 1
    assert line["p_chance"] < 1e-6


def test_weights_need_silence(marks: cx.classifier.Landmarks) -> None:
    with pytest.raises(cx.errors.DataError, match="every row has answered"):
        cx.contest.response_weights(marks, ["ces", "nps"])


# Added information


def test_added_information_finds_what_was_planted() -> None:
    """In scenario "nps" loyalty drives churn; in "null" nothing does."""
    driven = cx.contest.added_information(
        cx.synthetic.synthetic_landmarks(seed=1, customers=6_000, scenario="nps"), ["ces", "nps"]
    )
    table = driven.table.set_index("question")
    assert table.loc["does NPS add to CES?", "p_wald"] < 1e-6
    assert table.loc["does NPS add to CES?", "adequacy"] < table.loc["does CES add to NPS?", "adequacy"]
    assert (driven.vuong["z"] < 0).all()
    nothing = cx.contest.added_information(
        cx.synthetic.synthetic_landmarks(seed=4, customers=4_000, scenario="null"), ["ces", "nps"]
    )
    assert "adds nothing that can be shown" in nothing.finding


def test_added_information_over_the_records(stacked: cx.classifier.Landmarks) -> None:
    found = cx.contest.added_information(stacked, ["ces", "nps"])
    assert found.controls == ("tenure_days", "mrr", "tickets_90d", "usage_30d")
    assert "does CES add to the records and the other scores?" in set(found.table["question"])
    assert found.table["adequacy"].between(0, 1 + 1e-9).all()


def test_covariates_mark_what_is_missing_and_drop_copies() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, np.nan, 4], "b": [2.0, 4, 6, 9], "c": ["x", "y", "x", "y"], "d": 1.0})
    frame["copy"] = frame["b"] * 3
    table = covariates(frame, ["a", "b", "copy", "c", "d"])
    assert list(table.columns) == ["a", "a_missing", "b"]
    assert table["a"].iloc[2] == 0


# Alarms


def test_planted_leaks_are_caught(marks: cx.classifier.Landmarks) -> None:
    frame = marks.frame
    gone = ((frame["event"] == 1) & (frame["duration_days"] <= marks.horizon_days)).to_numpy()
    soon = ((frame["event"] == 1) & (frame["duration_days"] <= 30)).to_numpy()
    rng = np.random.default_rng(2)
    planted = cx.classifier.Landmarks.from_frame(
        frame.assign(
            logins=np.where(gone, 0.0, 5 + rng.random(len(frame))),
            last_seen=np.where(gone, np.nan, rng.random(len(frame))),
            csat=np.where(soon, 1.0, rng.integers(2, 6, len(frame))),
        ),
        instruments=dict(marks.instruments),
        horizon_days=marks.horizon_days,
        features=["logins", "last_seen"],
    )
    alarms = cx.classifier.leak_alarms(planted).set_index("column")["alarm"]
    assert alarms["logins"] == "too good"
    assert alarms["last_seen"] == "ends with the customer"
    assert alarms["csat"] == "follows churn"
    assert cx.classifier.leak_alarms(marks).empty


# Claims


def test_ten_claims_with_a_verdict_each(company: cx.Study, stacked: cx.classifier.Landmarks) -> None:
    audit = cx.contest.audit_claims(company, marks=stacked)
    assert len(audit.claims) == 10
    assert set(audit.table["verdict"]) <= {"supported", "contradicted", "underpowered", "not testable"}
    assert audit.claim("effort_by_generation").verdict == "not testable"
    tested = audit.table[audit.table["verdict"] != "not testable"]
    assert len(tested) >= 6
    assert (tested["low"] <= tested["estimate"] + 1e-9).all()
    assert (tested["high"] >= tested["estimate"] - 1e-9).all()


def planted_study() -> cx.Study:
    """Quick replies please by .8 points, solved or not; slow resolution costs 1; spending grows by 80 %."""
    rng = np.random.default_rng(7)
    n, start = 1_500, pd.Timestamp("2022-01-01")
    ids = [f"c{i}" for i in range(n)]
    generation = rng.choice(["boomer", "x", "z"], n)
    asked = start + pd.to_timedelta(200 + rng.random(n) * 100, unit="D")
    wait, hours = rng.exponential(4, n).clip(0, 9), rng.choice([10.0, 100.0], n)
    score = 3 + 0.8 * (wait < np.median(wait)) - 1.0 * (hours > 48) + rng.normal(0, 0.7, n)
    csat = pd.DataFrame({"customer_id": ids, "instrument": "csat", "score": score.round().clip(1, 5)})
    ces = pd.DataFrame({"customer_id": ids, "instrument": "ces"})
    ces["score"] = (5 - 1.0 * (generation == "boomer") + rng.normal(0, 1, n)).round().clip(1, 7)
    created = asked - pd.to_timedelta(120, unit="h")
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in range(n)],
            "customer_id": ids,
            "created_at": created,
            "first_replied_at": created + pd.to_timedelta(wait, unit="h"),
            "resolved_at": created + pd.to_timedelta(hours, unit="h"),
            "reopens": rng.integers(0, 2, n),
        }
    )
    month = pd.to_timedelta(30.4375, unit="D")
    late = pd.DataFrame({"customer_id": ids, "ordered_at": start + 33 * month, "amount": rng.gamma(4, 45, n)})
    early = pd.DataFrame({"customer_id": ids, "ordered_at": start + 2 * month, "amount": rng.gamma(4, 25, n)})
    return cx.Study.from_frames(
        {
            "customers": pd.DataFrame({"customer_id": ids, "started_at": start, "generation": generation}),
            "responses": pd.concat([csat.assign(responded_at=asked), ces.assign(responded_at=asked)]),
            "tickets": tickets,
            "orders": pd.concat([early, late]),
        },
        observed_until=pd.Timestamp("2025-06-01").to_pydatetime(),
        instruments={"csat": cx.CSAT, "ces": cx.CES2},
    )


def test_planted_truths_are_supported() -> None:
    audit = cx.contest.audit_claims(planted_study())
    verdicts = {item.name: item.verdict for item in audit.claims}
    assert verdicts["quick_replies_please"] == "supported"
    assert verdicts["slow_resolution_hurts"] == "supported"
    assert verdicts["repeat_customers_spend"] == "supported"
    assert verdicts["effort_by_generation"] == "supported"
    assert audit.claim("slow_resolution_hurts").estimate == pytest.approx(-0.95, abs=0.15)
    assert audit.claim("repeat_customers_spend").estimate == pytest.approx(1.8, abs=0.1)
    assert verdicts["csat_no_guide"] == "not testable"  # nobody was asked for NPS


def test_csat_claim_both_ways() -> None:
    """Where CSAT predicts, the claim is contradicted; where it is noise and NPS predicts, supported."""
    study = planted_study()
    driven = cx.synthetic.synthetic_landmarks(seed=1, customers=20_000, scenario="nps")
    assert cx.contest.audit_claims(study, marks=driven).claim("csat_no_guide").verdict == "contradicted"
    rng = np.random.default_rng(1)
    noise = driven.frame.assign(csat=rng.integers(1, 6, driven.n_rows).astype(float))
    useless = dataclasses.replace(driven, frame=noise)
    found = cx.contest.audit_claims(study, marks=useless).claim("csat_no_guide")
    assert found.verdict in ("supported", "underpowered")
    assert found.low > 0


def test_risk_difference_by_hand() -> None:
    rows = pd.DataFrame({"customer_id": list("abcdefgh"), "duration_days": [5.0, 5, 50, 50, 5, 50, 50, 50]})
    rows["event"] = [1, 1, 0, 0, 1, 0, 0, 0]
    rows["nps"] = [1.0, 2, 3, 4, 5, 6, 7, 8]
    marks = cx.classifier.Landmarks.from_frame(rows, instruments={"nps": cx.NPS}, horizon_days=10)
    group = np.array([True] * 4 + [False] * 4)
    bad, rest, gap, low, high = risk_difference(marks, group, np.ones(8, dtype=bool), 0.95)
    assert (bad, rest, gap) == pytest.approx((0.5, 0.25, 0.25))
    # without censoring: the two-sample binomial variance, times n/(n - 1) of all rows
    se = ((0.5 * 0.5 / 4 + 0.25 * 0.75 / 4) * 8 / 7) ** 0.5
    assert high - low == pytest.approx(2 * 1.959964 * se, rel=1e-6)


def test_rule_of_verdicts() -> None:
    assert judged(0.01, 0.2, at_least=0, ruled_out_below=0.02) == "supported"
    assert judged(-0.2, 0.01, at_least=0, ruled_out_below=0.02) == "contradicted"
    assert judged(-0.2, 0.2, at_least=0, ruled_out_below=0.02) == "underpowered"


def test_pictures_around(marks: cx.classifier.Landmarks) -> None:
    import matplotlib.pyplot as plt

    by = segmented(marks, [0.5, 0.5])
    drawn = [
        cx.plot(cx.contest.compare_segments(by, ("ces", "nps"), by="region")),
        cx.plot(cx.contest.sensitivity(marks, ("ces", "nps"))),
        cx.plot(cx.contest.power_compare(difference=0.03)),
    ]
    words = [
        " ".join(t.get_text() for t in ax.figure.findobj(lambda a: hasattr(a, "get_text"))) for ax in drawn
    ]
    assert "average" in words[0]
    assert "primary analysis" in words[1]
    assert "rows" in words[2]
    for ax in drawn:
        plt.close(ax.figure)
