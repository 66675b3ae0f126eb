"""``cx.compare``: agreement with pROC, properties, verdicts and refusals."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.headtohead.contest.verdicts import Pair, decision, needed_rows, verdict
from cxresearch.stats.prediction.delong import delong


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=3, customers=4_000, censoring=0.3)


def landmarks(**columns: object) -> cx.classifier.Landmarks:
    rows = pd.DataFrame(columns)
    rows.insert(0, "customer_id", [f"c{i}" for i in range(len(rows))])
    return cx.classifier.Landmarks.from_frame(
        rows, instruments={"nps": cx.NPS, "ces": cx.CES2}, horizon_days=100
    )


def test_without_censoring_it_is_delong() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=2, customers=1_500)
    frame = marks.frame[marks.frame["event"] != 2]  # DeLong knows one kind of event
    marks = dataclasses.replace(marks, frame=frame)
    found = cx.compare(marks, ["ces", "nps"]).contrast("ces", "nps")
    churned = ((frame["event"] == 1) & (frame["duration_days"] <= marks.horizon_days)).astype(int)
    plain = delong(churned, {"ces": -frame["ces"], "nps": -frame["nps"]}).contrast("ces", "nps")
    assert found.difference == pytest.approx(plain.difference, abs=1e-12)
    assert found.se == pytest.approx(plain.se, rel=0.01)


def test_table_has_everything(marks: cx.classifier.Landmarks) -> None:
    found = cx.compare(marks, ["ces", "nps", "csat"], horizon_days=[180, 90])
    assert list(found.table["score"].unique()) == ["ces", "nps", "csat"]
    assert len(found.table) == 6
    assert len(found.contrasts) == 6
    assert found.contrasts["primary"].sum() == 1
    assert (found.table["low"] < found.table["auc"]).all()
    assert (found.table["low_joint"] < found.table["low"]).all()
    assert (found.table["tie_share"].between(0.1, 0.5)).all()
    assert found.n_cases == found.table["cases"].iloc[0]
    assert found.horizon_days == 180


def test_swapping_contestants_negates_the_difference(marks: cx.classifier.Landmarks) -> None:
    one = cx.compare(marks, ["ces", "nps"]).contrast("ces", "nps")
    other = cx.compare(marks, ["nps", "ces"]).contrast("nps", "ces")
    assert one.difference == pytest.approx(-other.difference, abs=1e-15)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-15)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-12)


def test_row_order_is_irrelevant(marks: cx.classifier.Landmarks) -> None:
    shuffled = dataclasses.replace(marks, frame=marks.frame.sample(frac=1, random_state=1))
    one, other = (cx.compare(m, ["ces", "nps", "csat"]) for m in (marks, shuffled))
    pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-10)
    pd.testing.assert_frame_equal(one.contrasts, other.contrasts, rtol=1e-8)


def test_a_customer_twice_is_no_second_customer(marks: cx.classifier.Landmarks) -> None:
    """Every row doubled within its customer: the same estimates and the same standard errors."""
    again = marks.frame.assign(landmark_at=marks.frame["landmark_at"] + pd.Timedelta(days=1))
    doubled = dataclasses.replace(
        marks, frame=pd.concat([marks.frame, again], ignore_index=True), stacked=True, observed_until=None
    )
    one, two = (cx.compare(m, ["ces", "nps"]) for m in (marks, doubled))
    np.testing.assert_allclose(one.table["auc"], two.table["auc"], rtol=1e-12)
    np.testing.assert_allclose(one.table["se"], two.table["se"], rtol=1e-9)
    naive = cx.compare(doubled, ["ces", "nps"], clusters=None)
    np.testing.assert_allclose(naive.table["se"], one.table["se"] / np.sqrt(2), rtol=1e-3)


def test_identical_scores_are_equivalent(marks: cx.classifier.Landmarks) -> None:
    frame = marks.frame.assign(csat=marks.frame["ces"].clip(upper=5), ces=marks.frame["ces"].clip(upper=5))
    found = cx.compare(dataclasses.replace(marks, frame=frame), ["ces", "csat"])
    row = found.contrasts.iloc[0]
    assert (row["difference"], row["se"], row["p_value"]) == (0, 0, 1)
    assert found.verdict == "equivalent"


def test_who_was_left_out_is_counted(marks: cx.classifier.Landmarks) -> None:
    frame = marks.frame.copy()
    frame.loc[:9, "ces"] = np.nan
    frame.loc[5:19, "nps"] = np.nan
    found = cx.compare(dataclasses.replace(marks, frame=frame), ["ces", "nps"])
    counts = dict(zip(found.left_out["reason"], found.left_out["rows"], strict=True))
    assert counts == {"no answer to CES": 5, "no answer to NPS": 10, "no answer to CES nor NPS": 5}
    assert found.n == marks.n_rows - 20


def test_a_score_that_runs_backwards_is_named_and_not_turned(marks: cx.classifier.Landmarks) -> None:
    frame = marks.frame.assign(ces=8 - marks.frame["ces"])
    found = cx.compare(dataclasses.replace(marks, frame=frame), ["ces", "nps"])
    assert found.auc("ces").value < 0.5
    assert "CES runs backwards" in found.finding
    assert any("never turned round" in text for text in found.notes)


def test_low_effort_is_good_when_declared_so(marks: cx.classifier.Landmarks) -> None:
    low_effort = dataclasses.replace(cx.CES2, direction="low_is_good", top=(1, 2, 3), bottom=(5, 6, 7))
    flipped = dataclasses.replace(
        marks,
        frame=marks.frame.assign(ces=8 - marks.frame["ces"]),
        instruments={**marks.instruments, "ces": low_effort},
    )
    one, other = (cx.compare(m, ["ces", "nps"]).auc("ces").value for m in (marks, flipped))
    assert one == pytest.approx(other, abs=1e-12)


def test_a_leak_raises_suspicion(marks: cx.classifier.Landmarks) -> None:
    gone = (marks.frame["event"] == 1) & (marks.frame["duration_days"] <= marks.horizon_days)
    leaky = dataclasses.replace(marks, frame=marks.frame.assign(ces=np.where(gone, 1.0, 7.0)))
    found = cx.compare(leaky, ["ces", "nps"])
    assert found.auc("ces").note == "suspiciously good"
    assert any("suspiciously good" in text for text in found.notes)


def test_followed_to_the_last_day_is_followed_past_it() -> None:
    """Rows cut at the horizon itself are known not to have left within it."""
    duration = [10, 50, 100, 100, 100, 100.0]
    event, nps, ces = [1, 1, 0, 0, 0, 0], [1, 6, 9, 10, 5, 9], [2, 4, 7, 5, 6, 3]
    cut = cx.compare(landmarks(nps=nps, ces=ces, duration_days=duration, event=event), ["nps", "ces"])
    longer = [value + (100 if value == 100 else 0) for value in duration]
    full = cx.compare(landmarks(nps=nps, ces=ces, duration_days=longer, event=event), ["nps", "ces"])
    pd.testing.assert_frame_equal(cut.table, full.table)


def test_the_horizon_is_met_up_to_rounding() -> None:
    """A leaver at 0.1 + 0.2 and a customer cut there are on time for a horizon of 0.3."""
    event, nps, ces = [1, 1, 1, 0, 0, 0], [1, 6, 9, 10, 5, 9], [2, 4, 7, 5, 6, 3]
    tables = []
    for end in (0.3, 0.1 + 0.2):
        marks = landmarks(nps=nps, ces=ces, duration_days=[0.1, 0.2, end, end, 0.6, 0.7], event=event)
        tables.append(cx.compare(marks, ["nps", "ces"], horizon_days=0.3).table)
    pd.testing.assert_frame_equal(*tables)


def pair(**changes: float) -> Pair:
    base = {
        "first_auc": 0.61,
        "second_auc": 0.6,
        "difference": 0.01,
        "low": -0.01,
        "high": 0.03,
        "se": 0.0102,
        "p_value": 0.33,
        "p_equivalence": 0.16,
        "n": 11_000,
        "margin": 0.02,
        "level": 0.95,
    }
    return Pair(first="CES", second="NPS", **{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"p_value": 0.01}, "first"),
        ({"p_value": 0.01, "difference": -0.01}, "second"),
        ({"p_equivalence": 0.01}, "equivalent"),
        ({"p_value": 0.01, "p_equivalence": 0.01}, "equivalent"),
        ({}, "inconclusive"),
        ({"p_value": float("nan"), "p_equivalence": float("nan"), "se": 0.0}, "inconclusive"),
    ],
)
def test_decisions(changes: dict, expected: str) -> None:
    assert decision(pair(**changes)) == expected


def test_rows_that_would_decide() -> None:
    # sqrt(N) SE = 1.07: a true difference of .023 needs about 17,000 rows, .054 about 3,100 (METHODS.md)
    for difference, about in ((0.023, 16_987), (0.054, 3_082)):
        found = needed_rows(
            pair(difference=difference, p_value=0.3, p_equivalence=0.6, se=1.07 / 11_000**0.5)
        )
        assert found == pytest.approx(about, abs=1)
    assert "you would need 17,000 rows" in verdict(pair(difference=0.023, se=1.07 / 11_000**0.5))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: cx.compare(m, ["ces", "effort"]), cx.errors.ArgumentError, "unknown instrument 'effort'"),
        (lambda m: cx.compare(m, ["ces"]), cx.errors.ArgumentError, "two or more"),
        (lambda m: cx.compare(m, ["ces", "ces"]), cx.errors.ArgumentError, "two or more different"),
        (lambda m: cx.compare(m, "ces"), cx.errors.ArgumentError, "a list"),
        (lambda m: cx.compare(m, ["ces", "nps"], level=95), cx.errors.ArgumentError, "level"),
        (lambda m: cx.compare(m, ["ces", "nps"], margin=-1), cx.errors.ArgumentError, "margin"),
        (lambda m: cx.compare(m, ["ces", "nps"], horizon_days=0), cx.errors.ArgumentError, "horizon"),
        (
            lambda m: cx.compare(m, ["ces", "nps"], horizon_days=9999),
            cx.errors.DataError,
            "nobody is followed",
        ),
        (lambda m: cx.compare(m, ["ces", "nps"], clusters="household"), cx.errors.ArgumentError, "household"),
        (
            lambda m: cx.compare(m, ["ces", "nps"], primary=("ces", "csat")),
            cx.errors.ArgumentError,
            "primary",
        ),
    ],
)
def test_bad_settings_are_refused(marks: cx.classifier.Landmarks, call, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call(marks)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"nps": [1, 2, 3, 4], "event": [0, 0, 0, 0]}, "nobody churned"),
        (
            {"nps": [1, 2, 3, 4], "event": [1, 1, 1, 1], "duration_days": [9, 9, 9, 9]},
            "everyone churned within",
        ),
        ({"nps": [1, 2, 3, 4], "event": [1, 0, 1, 1], "duration_days": [9, 8, 9, 9]}, "nobody is followed"),
        ({"nps": [5, 5, 5, 5], "event": [1, 0, 1, 0]}, "one distinct score"),
        ({"nps": [np.nan] * 4, "event": [1, 0, 1, 0]}, "no row has an answer"),
    ],
)
def test_data_without_an_answer_are_refused(columns: dict, words: str) -> None:
    base = {"ces": [1, 4, 2, 7], "duration_days": [10, 200, 30, 300]}
    with pytest.raises(cx.errors.DataError, match=words):
        cx.compare(landmarks(**{**base, **columns}), ["nps", "ces"])


def test_text_html_and_json(marks: cx.classifier.Landmarks) -> None:
    found = cx.compare(marks, ["ces", "nps"])
    assert str(found).startswith(found.finding)
    assert found.finding.split(":")[0] in found._repr_html_()
    plain = found.to_dict()
    assert plain["contrasts"][0]["difference"] == pytest.approx(float(found.contrast("ces", "nps")))


@pytest.mark.parametrize("kind", ["auc", "differences", "roc", "lift", "calibration", "decision"])
def test_pictures(marks: cx.classifier.Landmarks, kind: str) -> None:
    import matplotlib.pyplot as plt

    axes = cx.plot(cx.compare(marks, ["ces", "nps"]), kind=kind)
    shown = " ".join(text.get_text() for text in axes.figure.findobj(lambda a: hasattr(a, "get_text")))
    assert "CES" in shown
    assert "NPS" in shown
    plt.close(axes.figure)


@pytest.mark.parametrize("seed", range(5))
def test_holm_over_the_others_equals_statsmodels(seed: int) -> None:
    from statsmodels.stats.multitest import multipletests

    from cxresearch.headtohead.contest.contest_judgement import _holm_of_others

    rng = np.random.default_rng(seed)
    p_values = pd.Series(rng.random(7) ** 3).round(2)
    p_values[4] = np.nan
    adjusted = _holm_of_others(p_values)
    assert adjusted[0] == p_values[0]
    others = [1, 2, 3, 5, 6]
    np.testing.assert_allclose(adjusted[others], multipletests(p_values[others], method="holm")[1])
    assert np.isnan(adjusted[4])
