"""Page, title, mail, index and history name study, segment, period, data cut and what leaving means."""

from __future__ import annotations

import email
import email.policy
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.reporting.writing.one_segment import narrow
from cxresearch.reporting.writing.whose import Whose, days_of, leaving_in_short, whose_of

OPEN = (
    "opened = present.open_study(study, segment=segment, customers=customers)\n"
    "answers = len(opened.table('responses').collect())"
)
SHOW = (
    "present.finding(f'{answers} answers.')\npresent.before_you_rely(opened, dated='end', kind='voluntary')"
)
SAVE = "present.save_results(finding=f'{answers} answers.', headline=[])"
PARAMETERS = 'study: str = "built-in"\nsegment: str = ""\ncustomers: int = 300'


@pytest.fixture
def two(run, notebook) -> list[Path]:
    """The page of everybody, and that of one segment."""
    path = notebook([OPEN, SHOW], parameters=PARAMETERS, save=SAVE)
    return [run(path).folder, run(path, parameters={"segment": "segment=smb"}).folder]


def test_all_five_stand_on_page_title_mail_and_lists(two) -> None:
    everybody, part = two
    for folder, segment in ((everybody, "all customers"), (part, "segment smb")):
        results = json.loads((folder / "results.json").read_text())
        whose = whose_of(results)
        assert whose is not None and whose.segment == segment
        assert (whose.study, whose.until) == ("synthetic company, seed 1", "2024-12-31")
        assert whose.leaving == "at the end, of their own accord"
        first = pd.Timestamp(whose.period.split(" to ")[0])
        assert pd.Timestamp("2021-12-01") < first < pd.Timestamp("2023-01-01")
        page = (folder / "report.html").read_text(encoding="utf-8")
        (title,) = re.findall(r"<title>(.*?)</title>", page)
        mail = email.message_from_bytes((folder / "email.eml").read_bytes(), policy=email.policy.default)
        index = (folder.parent / "index.html").read_text(encoding="utf-8")
        overview = (folder.parents[2] / "index.html").read_text(encoding="utf-8")
        html = (folder / "email.html").read_text(encoding="utf-8")
        for text in (title, mail["Subject"], index.split("<h2>Runs")[1], index, overview):
            assert whose.line() in text
        for _, value in whose.facts():
            assert value in page.split("</dl>")[0]
            assert value in mail.get_body(("plain",)).get_content() and value in html


def test_the_page_of_a_segment_never_reads_like_the_companys(two) -> None:
    everybody, part = ((folder / "report.html").read_text(encoding="utf-8") for folder in two)
    assert "Only segment smb" in re.findall(r"<h1>(.*?)</h1>", part)[0]
    assert re.search(r"cx-finding.*?Only segment smb: [\d]+ answers", part, flags=re.DOTALL)
    assert "Only " not in everybody
    finding = json.loads((two[1] / "results.json").read_text())["finding"]
    assert finding.startswith("Only segment smb: ")
    # Each leads to where both stand.
    front = (two[0].parents[2] / "index.html").read_text(encoding="utf-8")
    assert front.count('id="small"') == 1
    for folder in two:
        assert 'href="../../index.html#small"' in (folder.parent / "index.html").read_text(encoding="utf-8")
        assert f'href="small/{folder.parent.name}/index.html"' in front


def test_a_column_with_one_value_left_splits_nothing() -> None:
    study = cx.synthetic.synthetic_study(customers=300, tier="B")
    assert "segment" in study.segments
    part = narrow(study, "segment=smb")
    assert part.segments == tuple(name for name in study.segments if name != "segment")
    from cxresearch.reporting.captions import usual_segment

    assert usual_segment(part) != "segment"


def test_a_page_without_a_study_says_nothing_of_one(run, notebook) -> None:
    folder = run(notebook([])).folder
    assert json.loads((folder / "results.json").read_text())["whose"] == {}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<title>A small report</title>" in page and 'class="whose"' not in page


def people(**columns: object) -> cx.Study:
    frame = pd.DataFrame({"customer_id": ["a", "b"], "started_at": ["2023-02-03", "2024-01-01"], **columns})
    return cx.Study.from_frames({"customers": frame}, observed_until="2024-06-30", timezone="Asia/Tokyo")


def test_leaving_in_short_follows_what_is_mapped() -> None:
    ended = {"ended_at": ["2024-03-01", None]}
    both = people(**ended, notice_at=["2024-02-01", None], end_kind=["voluntary", None])
    assert leaving_in_short(both, dated="notice", kind="voluntary").startswith(
        "at notice, else at the end, of"
    )
    assert (
        leaving_in_short(people(**ended), dated="notice", kind="voluntary")
        == "at the end, whatever the reason"
    )
    assert leaving_in_short(people(), dated="end") == "not recorded"
    assert leaving_in_short(both, dated="") == "not counted here"


def test_days_are_local_and_end_with_the_cut() -> None:
    assert days_of(people(), ("customers",)) == "2023-02-03 to 2024-06-30"


def test_a_line_of_the_time_before_tells_nothing() -> None:
    assert whose_of({}) is None and whose_of({"whose": {"study": "x"}}) is None
    whose = Whose(study="x", segment="all customers", period="p", until="d")
    assert whose_of({"whose": whose.to_dict()}) == whose
