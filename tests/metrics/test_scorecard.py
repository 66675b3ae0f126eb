"""The scorecard as a whole: what moved, what is noise, what is hidden, what is said about the data."""

from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx


@cache
def study(
    *, drop: bool = False, ces_backwards: bool = False, seed: int = 3, until: str = "2024-04-30"
) -> cx.Study:
    """300 customers in two teams, NPS, CSAT and CES in four months; team b falls in the last if ``drop``."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(300)]})
    people["started_at"], people["segment"] = (
        pd.Timestamp("2023-01-01"),
        np.where(people.index < 150, "a", "b"),
    )
    mood = rng.normal(size=300)
    rows = []
    for month in range(1, 5):
        fall = np.where((people["segment"] == "b") & drop & (month == 4), 2.5, 0.0)
        feeling = mood - fall + 0.5 * rng.normal(size=300)
        for name, centre, spread, high in (("nps", 8, 1.5, 10), ("csat", 4, 0.8, 5), ("ces", 5, 1.2, 7)):
            low = 0 if name == "nps" else 1
            score = np.clip(np.round(centre + spread * feeling), low, high)
            if name == "ces" and ces_backwards:
                score = 8 - score
            part = people[["customer_id"]].assign(instrument=name, score=score.astype(float))
            rows.append(part.assign(responded_at=pd.Timestamp(2024, month, 15)))
    return cx.Study.from_frames(
        {"customers": people, "responses": pd.concat(rows)},
        observed_until=until,
        instruments={"nps": cx.NPS, "csat": cx.CSAT, "ces": cx.CES2},
        name="test",
    )


def test_tables_agree_with_the_plain_calls() -> None:
    card = cx.scorecard(study(), by="segment", every="month")
    assert list(card.labels) == [
        "nps", "csat", "csat_top_2_box", "csat_top_box", "ces", "ces_top_3_box", "ces_top_box",
    ]  # fmt: skip
    alone = cx.metric_table(study(), "csat_top_2_box", by="segment", every="month")
    mine = card.table[card.table["metric"] == "csat_top_2_box"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone)
    overall = cx.metric_table(study(), "nps", every="month")
    pd.testing.assert_frame_equal(
        card.overall[card.overall["metric"] == "nps"].reset_index(drop=True), overall
    )


def test_a_fall_is_found_and_noise_is_called_noise() -> None:
    moved = cx.scorecard(study(drop=True), by="segment", every="month", metrics=["nps", "csat"])
    verdicts = moved.changes.set_index(["metric", "group"])["verdict"]
    assert verdicts["nps", "b"] == "down" and verdicts["csat", "b"] == "down"
    assert verdicts["nps", "a"] == "within noise"
    assert (moved.changes.groupby("metric").size() == 3).all()
    rest = moved.rest.set_index(["metric", "group"])["verdict"]
    assert rest["nps", "b"] == "below" and rest["nps", "a"] == "above"
    assert "b NPS" in str(moved) and "Groups that moved" in str(moved)
    calm = cx.scorecard(study(), by="segment", every="month", metrics=["nps", "csat"])
    assert (calm.changes["verdict"] == "within noise").all()
    assert "none beyond noise" in str(calm)


def test_one_row_a_metric_for_the_first_page() -> None:
    card = cx.scorecard(study(drop=True), every="month")
    latest = card.latest
    assert latest["metric"].tolist() == list(card.labels)
    assert (latest["period"] == pd.Timestamp("2024-04-01")).all() and (latest["n"] == 300).all()
    assert latest.set_index("metric").loc["nps", "verdict"] == "down"
    assert (
        card.finding.startswith("2024-04: ") and "NPS fell by" in card.finding and "(worse)" in card.finding
    )
    assert set(card.estimates) == set(card.labels) and float(card.estimates["nps"]) == latest["value"].iloc[0]
    assert card.glance.shape == (7, 6)
    assert list(card.longer) == ["metric", "value", "trend"]
    assert card.longer["trend"].str.len().eq(4).all()  # a bar a month
    assert card.notes == ()
    html = card._repr_html_()
    assert html.count("<tr>") == 1 + len(latest) and "<script" not in html


def test_groups_of_the_judged_period_as_text() -> None:
    data = study(drop=True)
    card = cx.scorecard(data, by="segment", every="month", metrics=["nps"])
    groups = card.groups
    assert groups.columns.tolist() == ["metric", "segment", "value", "interval", "n", "missing", "note"]
    assert groups["segment"].tolist() == ["a", "b"] and (groups["metric"] == "NPS").all()
    answers = (
        data.table("responses").collect().to_pandas().merge(data.table("customers").collect().to_pandas())
    )
    april = answers[(answers["instrument"] == "nps") & (answers["responded_at"] >= "2024-04-01")]
    scores = april[april["segment"] == "b"]["score"]
    by_hand = 100 * ((scores >= 9).mean() - (scores <= 6).mean())
    assert groups["value"].iloc[1] == f"{by_hand:+.1f}".replace("-", "\N{MINUS SIGN}")
    assert groups["n"].iloc[1] == str(len(scores))


def test_an_unfinished_period_is_shown_and_not_judged() -> None:
    card = cx.scorecard(study(drop=True, until="2024-04-20"), by="segment", every="month")
    assert card.period == pd.Timestamp("2024-03-01") and card.overall["period"].max() > card.period
    assert (card.latest["period"] == card.period).all() and (card.changes["period"] == card.period).all()
    assert "not judged: data end on 2024-04-20" in str(card)
    assert (card.changes.loc[card.changes["verdict"] != "shown", "verdict"] == "within noise").all()
    assert "moved beyond noise" in card.finding and "NPS fell" not in card.finding


def test_families_of_the_correction() -> None:
    card = cx.scorecard(study(), by="segment", every="month")
    whole = card.changes[card.changes["group"] == "all"]
    judged = ["nps", "csat", "ces"]  # one measure a question
    assert whole.set_index("metric").loc[judged, "adjustment"].eq("Holm over 3").all()
    rest_of_them = whole[~whole["metric"].isin(judged)]
    assert rest_of_them["verdict"].eq("shown").all() and rest_of_them["p_adjusted"].isna().all()
    assert rest_of_them[["low", "high"]].notna().all(axis=None)
    # Two groups change in three questions, and differ from each other in three: nine hypotheses.
    groups = card.changes[card.changes["group"] != "all"]
    for table in (groups, card.rest):
        assert table.loc[table["metric"].isin(judged), "adjustment"].eq("Holm over 9").all()


def test_names_are_escaped() -> None:
    import dataclasses

    card = dataclasses.replace(cx.scorecard(study(), metrics=["nps"]), name="<script>x</script>")
    assert "<script>" not in card._repr_html_()


def test_without_periods_or_groups() -> None:
    card = cx.scorecard(study(), every=None)
    assert len(card.table) == 7 and card.changes.empty and card.rest.empty
    assert card.latest["verdict"].eq("").all() and "NPS" in str(card)
    assert card.to_dict()["every"] == ""


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="'nrx' is not available"):
        cx.scorecard(study(), metrics=["nrx"])
    with pytest.raises(cx.errors.ArgumentError, match="'team' is in neither responses nor customers"):
        cx.scorecard(study(), by="team", metrics=["nps"])


def test_a_backward_ces_is_a_hard_warning() -> None:
    with pytest.warns(cx.CxWarning, match=r"correlate negatively .*csat and ces -0\.9"):
        card = cx.scorecard(study(ces_backwards=True), metrics=["csat", "ces"])
    assert any("check the declared directions" in note for note in card.notes)
    with pytest.warns(cx.CxWarning, match="correlate negatively"):
        table = cx.survey.direction_check(study(ces_backwards=True))
    assert table.set_index(["first", "second"]).loc[("csat", "ces"), "verdict"] == "opposed"
    assert (cx.survey.direction_check(study())["verdict"] == "agree").all()


def test_linking_answers_of_a_customer_widens_the_whole() -> None:
    linked = cx.metric_table(study(), "nps")
    loose = cx.metric_table(study(), "nps", clusters=None)
    assert linked["se"].item() > 1.5 * loose["se"].item()
    assert "linked" in linked["method"].item() and "linked" not in loose["method"].item()


def test_beyond_the_limit_answers_are_not_linked_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxresearch.metrics.survey.answers_by_cell.LINKED_ROWS", 100)
    found = cx.metric_table(study(), "nps")
    assert found["method"].str.contains("taken as independent").all()
    asked = cx.metric_table(study(), "nps", clusters="customer_id")
    assert asked["method"].str.contains("linked").all()


@pytest.fixture(scope="module")
def card() -> cx.study.Scorecard:
    return cx.scorecard(study(drop=True), by="segment", every="month", metrics=["nps", "csat_top_2_box"])


def texts(ax: Any) -> str:
    marks = [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels()]
    marks += [ax._left_title] if hasattr(ax, "_left_title") else []
    return " | ".join(mark.get_text() for mark in marks)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ("NPS by month", "n 300 to 300", "95 %")),
        ({"split": True}, ("a", "b")),
        ({"kind": "groups"}, ("NPS by segment, 2024-04", "n 150", "all ")),
        (
            {"kind": "changes", "metric": "csat_top_2_box"},
            ("change of CSAT top-2-box since 2024-03", "n 150"),
        ),
    ],
)
def test_pictures_say_n_and_interval(
    card: cx.study.Scorecard, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    ax = cx.plot(card, **options)
    assert all(word in texts(ax) for word in words), texts(ax)
    plt.close(ax.figure)


def test_stacked_bar() -> None:
    found = cx.survey.score_breakdown(study(), "nps", by="segment", every="month")
    assert found.table[["detractors", "passives", "promoters"]].sum(axis=1).eq(150).all()
    share = (found.table["promoters"] - found.table["detractors"]) / 1.5
    assert share.to_numpy() == pytest.approx(found.table["value"].to_numpy())
    ax = cx.plot(found)
    assert "n 150" in texts(ax) and "a, 2024-01" in texts(ax)
    widths = sum(patch.get_width() for patch in ax.patches)
    assert widths == pytest.approx(100 * len(found.table))
    plt.close(ax.figure)
    with pytest.raises(cx.errors.ArgumentError, match="not declared"):
        cx.survey.score_breakdown(study(), "ease")


def test_one_period_hides_what_the_scorecard_hides_of_it() -> None:
    """A picture over all periods, less the periods of the table, would give a hidden cell away."""
    whole = cx.survey.score_breakdown(study(), "nps", by="segment", every="month").table
    first = cx.survey.score_breakdown(study(), "nps", by="segment", every="month", period="2024-01-20").table
    mine = whole[whole["group"].str.endswith("2024-01")].reset_index(drop=True)
    assert first["group"].tolist() == mine["group"].str.removesuffix(", 2024-01").tolist()
    pd.testing.assert_frame_equal(first.drop(columns="group"), mine.drop(columns="group"))
    for wrong in (
        {"period": "2031-01", "every": "month"},
        {"period": "2024-01"},
        {"period": "x", "every": "month"},
    ):
        with pytest.raises(cx.errors.ArgumentError):
            cx.survey.score_breakdown(study(), "nps", by="segment", **wrong)  # type: ignore[arg-type]


def test_stacked_bar_hides_small_groups() -> None:
    frame = pd.DataFrame(
        {"score": [9] * 50 + [3] * 3 + [8] * 20, "team": ["a"] * 50 + ["b"] * 3 + ["c"] * 20}
    )
    found = cx.survey.score_breakdown(frame, "nps", by="team")
    assert found.table["suppressed"].tolist() == [False, True, True]
    assert found.table.loc[1, ["detractors", "value"]].isna().all() and "too few answers" in str(found)
    ax = cx.plot(found)
    assert "too few to show, n 3" in texts(ax)
    plt.close(ax.figure)


def test_nothing_to_draw_is_said() -> None:
    card = cx.scorecard(study(), every=None, metrics=["nps"])
    for kind in ("trend", "groups", "changes"):
        with pytest.raises(cx.errors.ArgumentError, match="this scorecard has no"):
            cx.plot(card, kind=kind)


def scores_in(months: dict[str, dict[str, tuple[int, int, int]]], instrument: str = "nps") -> pd.DataFrame:
    """Answers by month and group: so many 10s, so many 8s, so many 0s (an NPS; for CSAT 5, 3 and 1)."""
    best, middle, worst = (10, 8, 0) if instrument == "nps" else (5, 3, 1)
    rows = [
        (f"{group}{place}", score, pd.Timestamp(f"{month}-10"), group)
        for month, groups in months.items()
        for group, (good, fair, bad) in groups.items()
        for place, score in enumerate([best] * good + [middle] * fair + [worst] * bad)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "score", "responded_at", "seg"])
    return frame.assign(instrument=instrument)


def study_with(*answers: pd.DataFrame, until: str = "2024-04-30") -> cx.Study:
    rows = pd.concat(answers)
    people = rows[["customer_id", "seg"]].drop_duplicates("customer_id")
    return cx.Study.from_frames(
        {"customers": people.assign(started_at="2023-01-01"), "responses": rows.drop(columns="seg")},
        observed_until=until,
        instruments={"nps": cx.NPS, "csat": cx.CSAT},
    )


UP, MID, DOWN = (70, 20, 10), (40, 30, 30), (10, 20, 70)


def test_a_group_called_all_is_not_the_whole() -> None:
    data = study_with(scores_in({"2024-03": {"all": UP, "b": UP}, "2024-04": {"all": DOWN, "b": UP}}))
    card = cx.scorecard(data, by="seg", metrics=["nps"])
    assert len(card.latest) == 1 and card.latest["change"].item() == pytest.approx(-60.0)
    assert card.finding.count("NPS fell") == 1 and "by 60.0" in card.finding
    assert card.changes["whole"].tolist() == [True, False, False]
    assert "all, NPS \N{MINUS SIGN}120.0" in card.groups_finding and "all NPS" in str(card)
    ax = cx.plot(card, kind="changes")
    assert [mark.get_text() for mark in ax.get_yticklabels()] == ["all groups", "all", "b"]
    plt.close(ax.figure)


def test_a_metric_without_answers_in_the_judged_period_is_not_judged() -> None:
    nps = scores_in({"2024-03": {"a": UP, "b": MID}, "2024-04": {"a": UP, "b": MID}})
    csat = scores_in({"2024-01": {"a": UP}, "2024-02": {"a": DOWN}}, "csat")
    card = cx.scorecard(study_with(nps, csat), by="seg", metrics=["nps", "csat"])
    assert card.period == pd.Timestamp("2024-04-01")
    assert set(card.changes["metric"]) == set(card.rest["metric"]) == {"nps"}
    assert "fell" not in card.finding and "Groups that moved: none" in str(card)
    assert "CSAT mean (2024-02) cannot be judged: nothing in 2024-04." in card.finding
    with pytest.raises(cx.errors.ArgumentError, match="'csat' has no change in the judged period"):
        cx.plot(card, kind="changes", metric="csat")


def test_a_period_compared_with_is_named_unless_it_is_the_one_before() -> None:
    gap = study_with(scores_in({"2024-01": {"a": UP, "b": UP}, "2024-04": {"a": DOWN, "b": UP}}))
    card = cx.scorecard(gap, by="seg", metrics=["nps"])
    assert "since 2024-01 (worse)" in card.finding
    assert card.latest["against"].tolist() == ["2024-01"]
    assert card.glance["change"].item().endswith("] since 2024-01")
    assert "a NPS \N{MINUS SIGN}120.0 since 2024-01" in str(card)
    assert card.groups_finding.split("unlike")[0].count("since 2024-01") == 1
    ax = cx.plot(card, kind="changes")
    assert "a\nsince 2024-01" in texts(ax)
    plt.close(ax.figure)
    calm = study_with(scores_in({"2024-01": {"a": UP}, "2024-04": {"a": UP}}))
    found = cx.scorecard(calm, metrics=["nps"]).finding
    assert found == "2024-04: NPS did not move beyond noise since 2024-01."
    close = study_with(scores_in({"2024-03": {"a": UP}, "2024-04": {"a": UP}}))
    assert cx.scorecard(close, metrics=["nps"]).finding.endswith("since the month before.")


def test_a_difference_without_an_interval_is_not_judged_and_not_noise() -> None:
    """One side without limits: its p-value is unknown, so that nobody can say whether it moved."""
    import dataclasses

    from cxresearch.metrics.scorecard.scorecard_families import verdicts

    card = cx.scorecard(
        study_with(scores_in({"2024-03": {"a": UP}, "2024-04": {"a": DOWN}})), metrics=["nps"]
    )
    rows = pd.concat([card.changes.drop(columns="verdict")] * 4, ignore_index=True)
    rows["p_adjusted"] = [0.001, 0.2, np.nan, np.nan]
    rows["suppressed"] = [False, False, False, True]
    found = verdicts(rows, {"nps": "scores"}, ("up", "down"), 0.95)
    assert found.tolist() == ["down", "within noise", "not judged", "not shown"]
    unknown = card.changes.assign(p_value=np.nan, p_adjusted=np.nan, verdict="not judged")
    said = dataclasses.replace(card, changes=unknown)
    assert "noise" not in said.finding and "noise" not in str(said)
    assert "NPS cannot be judged: without an interval on both sides." in said.finding
    assert said.glance["reading"].tolist() == ["not judged"]


def test_comparisons_of_groups_that_nobody_can_judge_are_counted() -> None:
    import dataclasses

    small = {"a": UP, "b": MID, "c": (1, 1, 1)}
    card = cx.scorecard(
        study_with(scores_in({"2024-03": small, "2024-04": small})), by="seg", metrics=["nps"]
    )
    assert "Groups that moved: none beyond noise (2 hidden)." in str(card)
    assert "no group moved beyond noise (2 hidden)." in card.groups_finding
    verdicts = card.changes["verdict"].mask(card.changes["group"] == "b", "not judged")
    blind = dataclasses.replace(card, changes=card.changes.assign(verdict=verdicts))
    assert "(1 cannot be judged, 2 hidden)" in blind.groups_finding


def test_what_hides_a_group_is_said_as_it_is() -> None:
    from cxresearch.results.hiding import why_hidden

    data = study_with(scores_in({"2024-04": {"a": UP, "b": (6, 3, 3), "c": (1, 1, 1)}}))
    card = cx.scorecard(data, by="seg", metrics=["nps"])
    notes = card.groups.set_index("seg")["note"]
    assert notes.to_dict() == {"a": "", "b": why_hidden(12), "c": why_hidden(3)}
    assert why_hidden(12) != why_hidden(3)
    mixed = cx.survey.score_breakdown(data, "nps", by="seg")
    assert str(mixed).splitlines()[1:] == [f"b: {why_hidden(12)}, n 12", f"c: {why_hidden(3)}, n 3"]


def test_a_table_that_cannot_be_judged_does_not_take_the_others_with_it() -> None:
    answers = scores_in({"2024-03": {"a": UP}, "2024-04": {"a": UP}}).drop(columns="seg")
    stamp = pd.to_datetime(["2024-03-01"])
    tickets = pd.DataFrame({"ticket_id": ["x"], "created_at": stamp, "resolved_at": stamp})
    money = pd.DataFrame({"customer_id": ["a0", "a1"], "mrr": [5.0, 7.0], "currency": ["EUR", "USD"]})
    money["effective_at"] = stamp[0]

    def card(**tables: pd.DataFrame) -> cx.study.Scorecard:
        study = cx.Study.from_frames(
            {"responses": answers, **tables},
            observed_until="2024-04-30",
            instruments={"nps": cx.NPS},
            currency="USD",
        )
        return cx.scorecard(study)

    assert list(card(tickets=tickets.iloc[:0]).latest["metric"]) == ["nps"]
    for rows, why in ((money.iloc[:0], "no row up to the data cut"), (money, "revenue is in EUR, USD")):
        found = card(revenue=rows)
        assert list(found.labels) == ["nps"] and len(found.notes) == 1
        assert found.notes[0].startswith("left out: MRR, Customer churn") and why in found.notes[0]
    with pytest.raises(cx.errors.DataError, match="EUR, USD"):
        study = cx.Study.from_frames(
            {"revenue": money}, observed_until="2024-04-30", instruments={}, currency="USD"
        )
        cx.scorecard(study)


@pytest.mark.parametrize(
    ("every", "until", "judged"),
    [
        ("day", "2024-04-10 08:00", "2024-04-09"),
        ("day", "2024-04-10", "2024-04-10"),  # a date is the end of that day
        ("week", "2024-04-14 08:00", "2024-04-01"),
        ("week", "2024-04-14", "2024-04-08"),
        ("month", "2024-04-30 08:00", "2024-04-01"),
        ("month", "2024-04-30 00:00:00", "2024-03-01"),  # opens the last day, which is not there at all
        ("month", "2024-04-30 00:00:01", "2024-04-01"),
        ("day", "2024-04-10 23:58", "2024-04-09"),
        ("month", "2024-04-20", "2024-03-01"),
        ("year", "2024-12-31 12:00", "2024-01-01"),
    ],
)
def test_a_running_period_is_not_judged(every: Any, until: str, judged: str) -> None:
    from cxresearch.metrics.base.periods import complete_periods, last_ended

    data = study_with(scores_in({"2024-03": {"a": UP}}), until=until)
    assert last_ended(data, every) == pd.Timestamp(judged)
    running = pd.Timestamp(judged) + pd.tseries.frequencies.to_offset(
        {"day": "D", "week": "7D", "month": "MS", "year": "YS"}[every]
    )
    assert complete_periods(data, [pd.Timestamp(judged), running], every).tolist() == [True, False]


def two_years(*, fall_after: str, targets: dict[str, float] | None = None) -> cx.Study:
    """NPS by month over two years, +60 until a day and -60 from then on."""
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
    answers = scores_in({month: {"a": UP if month <= fall_after else DOWN} for month in months})
    people = answers[["customer_id", "seg"]].drop_duplicates("customer_id")
    return cx.Study.from_frames(
        {"customers": people.assign(started_at="2022-01-01"), "responses": answers.drop(columns="seg")},
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS},
        targets=targets,
    )


def test_against_a_year_ago_as_against_the_month_before() -> None:
    card = cx.scorecard(two_years(fall_after="2024-04"))
    assert card.changes["verdict"].tolist() == ["within noise"]
    row = card.year_ago.iloc[0]
    assert (row["against"], row["difference"], row["verdict"]) == ("2023-12", pytest.approx(-120.0), "down")
    longer = card.longer.iloc[0]
    assert longer["year_ago"].startswith("\N{MINUS SIGN}120.0") and longer["reading"].startswith("down (p")
    assert longer["trend"] == "████▁▁▁▁▁▁▁▁"
    table = cx.metric_contrasts(two_years(fall_after="2024-04"), "nps", against="year_ago", every="month")
    assert table["period"].dt.year.eq(2024).all() and len(table) == 12
    assert table["difference"].round(6).tolist() == [0.0] * 4 + [-120.0] * 8


@pytest.mark.parametrize(("target", "words"), [(-80.0, "met"), (-60.0, "cannot tell"), (20.0, "missed")])
def test_a_target_is_met_or_missed_only_by_the_whole_interval(target: float, words: str) -> None:
    card = cx.scorecard(two_years(fall_after="2024-04", targets={"NPS": target}))
    assert card.targets == {"nps": target} and card.longer["target"].item().endswith(f": {words}")
    ax = cx.plot(card)
    assert "target" in texts(ax)
    plt.close(ax.figure)


@pytest.mark.parametrize("targets", [{"nsp": 30.0}, {"nps_response_rate": 90.0}])
def test_a_target_of_nothing_is_refused(targets: dict[str, float]) -> None:
    with pytest.raises(cx.errors.StudyError, match=r"\[targets\]"):
        cx.scorecard(two_years(fall_after="2024-04", targets=targets))


def test_revenue_says_its_change_and_its_currency() -> None:
    levels = pd.DataFrame(
        {
            "customer_id": [f"c{place}" for place in range(20)] + ["c0"],
            "effective_at": [pd.Timestamp("2024-01-05")] * 20 + [pd.Timestamp("2024-04-10")],
            "mrr": [100.0] * 20 + [350.0],
        }
    )
    data = cx.Study.from_frames(
        {"revenue": levels}, observed_until="2024-04-30", instruments={}, currency="EUR"
    )
    card = cx.scorecard(data, metrics=["mrr"])
    row = card.glance.iloc[0]
    assert row["value"] == "2,250 EUR" and row["change"] == "+250.00 EUR (+12.5 %)"
    assert row["reading"] == "a ledger: exact" and card.latest["against"].tolist() == ["2024-03"]
    assert "rose" not in card.finding


def test_declared_events_stand_on_trends_and_their_labels_never_overlap() -> None:
    days = pd.to_datetime(["2024-02-03", "2024-02-05", "2024-02-06", "2024-06-20", "2021-01-01"])
    kinds = ["outage", "release", "price_rise", "outage", "release"]
    answers = two_years(fall_after="2024-04")
    tables = {name: answers.table(name).collect().to_pandas() for name in ("customers", "responses")}
    tables["events"] = pd.DataFrame({"occurred_at": days, "kind": kinds})
    data = cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": cx.NPS})
    for picture in (cx.scorecard(data), cx.since_when(data, "nps", draws=99)):
        ax = cx.plot(picture)
        ax.figure.canvas.draw()
        labels = [mark for mark in ax.texts if mark.get_rotation() == 90]
        assert [mark.get_text() for mark in labels] == ["outage, release, price rise", "outage"]
        boxes = [mark.get_window_extent() for mark in labels]
        assert not boxes[0].overlaps(boxes[1])
        plt.close(ax.figure)
