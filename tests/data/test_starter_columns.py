"""cxresearch init chooses columns by what they hold: scores, times, ids, segments; or asks."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import cxresearch as cx
from cxresearch.data.starter.score_columns import is_derived, misfit, number_in
from cxresearch.data.starter.write_starter import write_starter_study
from cxresearch.data.validation.outcome_names import tells_the_outcome

CUT = "[study]\nobserved_until = 2024-12-31"


def written(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return write_starter_study(folder).read_text(encoding="utf-8")


def source(text: str, table: str) -> dict[str, Any]:
    (one,) = [entry for entry in tomllib.loads(text)["sources"] if entry["table"] == table]
    return one


def customers(n: int) -> str:
    return "customer_id,started_at\n" + "".join(f"c{i},2023-01-05\n" for i in range(n))


def opened(folder: Path, text: str) -> cx.Study:
    (folder / "study.toml").write_text(text.replace("[study]", CUT), encoding="utf-8")
    return cx.read_study(folder)


def test_the_number_may_stand_behind_the_words(tmp_path: Path) -> None:
    question = "How likely is it that you would recommend this company to a friend or colleague?"
    answers = ["Extremely likely - 10", "9", "Not at all likely - 0", "8", "7", "6", "Extremely likely - 10"]
    rows = "".join(f"11800{i},02/14/2024 08:10:0{i} AM,c{i},{answer}\n" for i, answer in enumerate(answers))
    survey = f"Respondent ID,End Date,Custom Data 1,{question}\n,,,Response\n{rows}"
    text = written(tmp_path, customers=customers(9), survey=survey)
    assert source(text, "responses")["skip_rows"] == 1
    assert source(text, "responses")["columns"]["customer_id"] == "Custom Data 1"
    estimate = cx.nps(opened(tmp_path, text).table("responses").collect("pandas").to_native()["score"])
    # promoters 10, 9, 10; detractors 0, 6; n 7: 100 (3 - 2) / 7
    assert estimate.value == pytest.approx(100 / 7)
    assert estimate.n == 7


def test_a_group_made_from_the_answers_is_no_score_and_a_question_names_its_column(tmp_path: Path) -> None:
    head = "StartDate,RecordedDate,ResponseId,ExternalReference,QID2_NPS_GROUP,QID2,QID3_TEXT\n"
    questions = "Start Date,Recorded Date,Response ID,External,Recommend us? - Group,Recommend us?,Why?\n"
    ids = ",".join(f'"{{""ImportId"":""{name}""}}"' for name in "abcdefg") + "\n"
    answers = [10] * 7 + [8] * 3 + [2] * 2
    groups = {10: 3, 8: 2, 2: 1}
    rows = "".join(
        f"2024-02-01 10:00:00,2024-02-01 10:05:00,R{i},c{i},{groups[answer]},{answer},\n"
        for i, answer in enumerate(answers)
    )
    text = written(tmp_path, customers=customers(12), qualtrics=head + questions + ids + rows)
    assert source(text, "responses")["scores"] == {"nps": "QID2"}
    assert 'nps = "QID2"\n' in text  # its question says so, below the names
    scores = opened(tmp_path, text).table("responses").collect("pandas").to_native()["score"]
    assert cx.nps(scores).value == pytest.approx(100 * (7 - 2) / 12)


def test_several_columns_that_may_be_the_score_are_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"c{i},2024-03-01,{i % 11},{(i + 3) % 11}\n" for i in range(40))
    text = written(tmp_path, nps="customer_id,responded_at,NPS product,NPS service\n" + rows)
    assert "scores" not in source(text, "responses") or not source(text, "responses")["scores"]
    assert "# TODO several columns may be nps: which one holds the answers?" in text
    assert '# nps = "NPS product"  # answers' in text
    assert '# nps = "NPS service"  # answers' in text


@pytest.mark.parametrize(
    ("answers", "doubt"),
    [
        ([1, 2, 3, 4] * 10, "answers seen: 1 to 4, nobody at the ends of 0 to 10"),
        ([1, 3, 4, 5] * 10, "answers seen: 1 to 5, nobody at the ends of 0 to 10"),
        ([*range(10)] * 10, "answers seen: 0 to 9, nobody at 10 of 0 to 10"),
        ([*range(1, 11)] * 20, "answers seen: 1 to 10, nobody at 0 of 0 to 10"),
        ([0, 50, 99] * 10, "answers seen: 0 to 99, outside 0 to 10"),
    ],
)
def test_answers_that_do_not_fit_the_scale_are_asked_about(answers: list[int], doubt: str) -> None:
    assert misfit("nps", [str(answer) for answer in answers]) == doubt


def test_an_end_of_the_scale_seen_only_far_down_settles_the_doubt(tmp_path: Path) -> None:
    rows = "".join(f"c{i},2024-03-01,{i % 10}\n" for i in range(300)) + "c1,2024-03-02,10\n"
    text = written(tmp_path, nps="customer_id,responded_at,NPS\n" + rows)
    assert source(text, "responses")["scores"] == {"nps": "NPS"}


def test_texts_among_the_answers_are_asked_about_and_the_column_is_found(tmp_path: Path) -> None:
    rows = "c1,2024-02-01,9\nc2,2024-02-01,Prefer not to answer\nc3,2024-02-02,3\nc4,2024-02-03,10\n"
    text = written(
        tmp_path, customers=customers(6), nps="customer_id,date,NPS\n" + rows + "c5,2024-02-03,8.5\n"
    )
    assert "# TODO '8.5' are no whole answers: these rows will be set aside" in text
    assert source(text, "responses")["scores"]["nps"] == {
        "column": "NPS",
        "missing": ["Prefer not to answer"],
    }
    decided = text.replace('blank_scores = "reject"', 'blank_scores = "not_asked"')
    study = opened(tmp_path, decided)
    assert study.rejects()["value"].tolist() == ["8.5"]
    scores = study.checked.valid("responses").collect("pandas").to_native()["score"]
    assert sorted(scores.dropna()) == [3.0, 9.0, 10.0]


def test_the_time_of_a_load_is_not_taken_where_another_stands_beside_it(tmp_path: Path) -> None:
    rows = "".join(f"c{i},{i % 11},2024-06-01 02:00:00,2024-0{1 + i % 5}-11\n" for i in range(30))
    text = written(tmp_path, nps="customer_id,nps,created_at,taken_on\n" + rows)
    assert "responded_at" not in source(text, "responses")["columns"]
    assert "all 'created_at' lie on 2024-06-01" in text
    assert "others: 'taken_on' 2024-01-11 to 2024-05-11" in text


def test_all_rows_on_one_day_are_doubted_by_init_and_check(tmp_path: Path) -> None:
    rows = "".join(f"c{i},{i % 11},2024-06-01 02:00:00\n" for i in range(30))
    text = written(tmp_path, customers=customers(30), nps="customer_id,nps,responded_at\n" + rows)
    assert "all 'responded_at' lie on 2024-06-01" in text
    flags = cx.check_study(opened(tmp_path, text)).flags
    doubted = flags[flags["flag"] == "times on one day"]
    assert dict(zip(doubted["table"], doubted["rows"], strict=True)) == {"responses": 30}


def outcomes_file(*, status: bool = True) -> str:
    lines = ["customer_id,started_at,ended_at,Customer Status,Kind,Contract"]
    for i in range(120):
        left = i % 3 == 0
        ended = "2024-05-01" if left else ""
        kind = f"k{i % 4}" if left else "none"
        named = ("Churned" if left else "Stayed") if status else "x"
        contract = "Month" if i % 2 else "Year"
        lines.append(f"c{i},2023-01-05,{ended},{named},{kind},{contract}")
    return "\n".join(lines) + "\n"


def test_columns_that_know_who_left_are_no_segments(tmp_path: Path) -> None:
    text = written(tmp_path, customers=outcomes_file())
    columns = source(text, "customers")["columns"]
    assert columns == {
        "customer_id": "customer_id",
        "started_at": "started_at",
        "ended_at": "ended_at",
        "customer_status": {"column": "Customer Status", "outcome": True},
        "kind": {"column": "Kind", "outcome": True},
        "contract": "Contract",
    }


def test_a_segment_that_knows_who_left_is_doubted_by_check(tmp_path: Path) -> None:
    text = written(tmp_path, customers=outcomes_file())
    text = text.replace('kind = { column = "Kind", outcome = true }', 'kind = "Kind"')
    study = opened(tmp_path, text)
    assert study.segments == ("kind", "contract")
    flags = cx.check_study(study).flags
    details = dict(zip(flags["flag"], flags["detail"], strict=True))
    assert details["segment knows who left"].startswith("kind knows who left")


def test_an_outcome_named_as_a_segment_on_purpose_stays_one(tmp_path: Path) -> None:
    text = written(tmp_path, customers=outcomes_file(status=False))
    text = text.replace('contract = "Contract"', 'status = "Customer Status"')
    text = text.replace("[study]", '[study]\nsegments = ["status"]')
    assert opened(tmp_path, text).segments == ("status",)


def test_goodman_and_kruskal_by_hand() -> None:
    # lambda = 1 - errors within / errors without: (3 + 2) / 40 = .125 of the errors are left
    assert tells_the_outcome([60, 40], [3, 38])
    # 10 + 15 errors of 35 stay: lambda .29
    assert not tells_the_outcome([60, 40], [10, 25])
    assert not tells_the_outcome([60, 4], [0, 4])


def test_check_names_scales_of_which_an_end_is_never_used(tmp_path: Path) -> None:
    rows = "".join(f"c{i % 30},{1 + i % 10},2024-0{1 + i % 9}-01\n" for i in range(600))
    text = written(tmp_path, customers=customers(30), x_nps="customer_id,score,responded_at\n" + rows)
    text = text.replace('# nps = "nps"', 'nps = "nps"')
    flags = cx.check_study(opened(tmp_path, text)).flags.set_index("flag")
    assert flags.loc["nps hardly fits its scale", "rows"] == 600
    assert "answers from 1 to 10, nobody at 0 of 0 to 10" in flags.loc["nps hardly fits its scale", "detail"]


def test_columns_that_carry_our_own_names_are_kept(tmp_path: Path) -> None:
    rows = "".join(f"c{i},2024-03-01,{i % 11},onboarding,north,web\n" for i in range(20))
    text = written(tmp_path, nps="customer_id,responded_at,nps,stage,team,channel\n" + rows)
    columns = source(text, "responses")["columns"]
    assert {"stage", "team", "channel"} <= set(columns)
    (tmp_path / "study.toml").unlink()
    (tmp_path / "nps.csv").unlink()
    rows = "".join(f"c{i},2024-03-01,10,active,1,forever\n" for i in range(20))
    text = written(tmp_path, revenue="customer_id,effective_at,mrr,status,discount,discount_kind\n" + rows)
    assert {"status", "discount", "discount_kind"} <= set(source(text, "revenue")["columns"])


@pytest.mark.parametrize("name", ["NPS month", "nps_wave", "csat_surveys_sent", "NPS Category", "ces date"])
def test_derived_names(name: str) -> None:
    assert is_derived(name)


@pytest.mark.parametrize("text", ["8.5", "3,5", "0-6", "n/a", "", "Week five", "2024-01-05", "100"])
def test_texts_that_are_no_answer(text: str) -> None:
    assert number_in(text) is None
