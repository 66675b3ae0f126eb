"""Kinds of raw files: rows that do not count, zones, encodings, leavers, logs, missing ids, early cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import write_starter_study
from cxresearch.errors import StudyError

STUDY = '[study]\nobserved_until = 2024-12-31\n{study}\n[instruments]\nnps = "nps"\ncsat = "csat"\n{sources}'
SOURCE = '[[sources]]\ntable = "{table}"\nfile = "{file}"\n{keys}\n[sources.columns]\n{columns}\n'


def source(table: str, file: str, columns: str, keys: str = "") -> str:
    return SOURCE.format(table=table, file=file, columns=columns, keys=keys)


def opened(folder: Path, files: dict[str, str | bytes], *sources: str, study: str = "") -> cx.Study:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        (folder / name).write_bytes(data)
    text = STUDY.format(study=study, sources="\n".join(sources))
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return cx.read_study(folder)


def rows_of(study: cx.Study, table: str) -> pd.DataFrame:
    return study.checked.valid(table).collect().to_pandas()


ANSWER = 'customer_id = "who"\nresponded_at = "day"\ninstrument = { constant = "nps" }\nscore = "score"'


class TestWhere:
    @pytest.mark.parametrize(
        ("condition", "taken"),
        [
            ("{ status = 0 }", "ad"),
            ('{ status = ["0", "IP Address"] }', "abd"),
            ('{ status = { not = ["1", "preview"] } }', "abde"),
            ("{ progress = { at_least = 100 } }", "ac"),
            ("{ progress = { at_most = 60 } }", "be"),
            ("{ day = { at_least = 2024-01-03, at_most = 2024-01-04 } }", "cd"),
            ("{ progress = { present = true } }", "abce"),
            ("{ status = { present = false } }", "e"),
            ("{ test = false }", "abd"),
            ('{ status = "0", progress = { at_least = 1 } }', "a"),
        ],
    )
    def test_takes_rows_by_value_and_range(self, tmp_path: Path, condition: str, taken: str) -> None:
        rows = (
            "who,day,score,status,progress,test\na,2024-01-01,9,0,100,FALSE\n"
            "b,2024-01-02,8,ip address ,60,False\n"
            "c,2024-01-03,7,1,100,TRUE\nd,2024-01-04,6,0,,false\ne,2024-01-05,5,,30,\n"
        )
        study = opened(
            tmp_path, {"a.csv": rows}, source("responses", "a.csv", ANSWER, f"where = {condition}")
        )
        assert "".join(rows_of(study, "responses")["customer_id"]) == taken
        assert study.counts().iloc[0].tolist() == ["responses", 5, len(taken), 0, 5 - len(taken)]

    def test_rows_are_valid_rejected_or_left_out_always(self, tmp_path: Path) -> None:
        random = np.random.default_rng(5)
        for n in (1, 7, 60):
            frame = pd.DataFrame(
                {
                    "who": random.choice(["a", "b", ""], n),
                    "day": random.choice(["2024-02-01", "x", "2025-02-01"], n),
                    "q1": random.choice(["9", "", "11", "four"], n),
                    "q2": random.choice(["1", "", "9"], n),
                    "status": random.choice(["0", "1", ""], n),
                }
            )
            columns = 'customer_id = "who"\nresponded_at = "day"\n[sources.scores]\nnps = "q1"\ncsat = "q2"'
            for blank in ("reject", "not_asked"):
                for after in ("reject", "leave_out"):
                    keys = f'where = {{ status = {{ not = "1" }} }}\nblank_scores = "{blank}"'
                    study = opened(
                        tmp_path,
                        {"a.csv": frame.to_csv(index=False)},
                        source("responses", "a.csv", columns, keys),
                        study=f'after_cut = "{after}"',
                    )
                    cells = frame[["q1", "q2"]].replace("", np.nan).notna().to_numpy().sum()
                    every = int(cells) if blank == "not_asked" else 2 * n
                    counts = study.counts().iloc[0]
                    parts = counts["valid"] + counts["rejected"] + counts["left_out"]
                    assert counts["rows"] == parts == every
                    assert len(study.rejects()) == counts["rejected"]

    def test_a_column_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="column 'statsu' is not in the file"):
            opened(
                tmp_path,
                {"a.csv": "who,day,score,status\na,2024-01-01,9,0\n"},
                source("responses", "a.csv", ANSWER, 'where = { statsu = "0" }'),
            )

    def test_a_condition_that_says_nothing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="says nothing, or too much"):
            opened(
                tmp_path,
                {"a.csv": "who,day,score,status\na,2024-01-01,9,0\n"},
                source("responses", "a.csv", ANSWER, "where = { status = {} }"),
            )


QUALTRICS = (
    "StartDate,Status,Progress,Finished,RecordedDate,ExternalReference,DistributionChannel,NPS\n"
    "2024-01-01 10:00:00,0,100,1,2024-01-01 10:05:00,c1,email,9\n"
    "2024-01-01 10:00:00,1,100,1,2024-01-01 10:05:00,c2,preview,10\n"
    "2024-01-01 10:00:00,0,40,0,2024-01-01 10:05:00,c3,email,3\n"
)


def test_previews_and_unfinished_answers_are_left_out_by_init_and_listed(tmp_path: Path) -> None:
    (tmp_path / "qualtrics.csv").write_text(QUALTRICS)
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert "1 by 'Status' (previews, tests and spam, unfinished answers and tests)" in text
    assert "1 by 'Progress' (unfinished questionnaires)" in text
    path.write_text(text.replace("# observed_until = 2024-01-01", "observed_until = 2024-12-31"))
    assert rows_of(cx.read_study(path), "responses")["customer_id"].tolist() == ["c1"]


def test_columns_that_tell_previews_and_stand_unused_are_a_doubt(tmp_path: Path) -> None:
    columns = (
        'customer_id = "ExternalReference"\nresponded_at = "RecordedDate"\n[sources.scores]\nnps = "NPS"'
    )
    study = opened(tmp_path, {"q.csv": QUALTRICS}, source("responses", "q.csv", columns))
    flags = study.flags().set_index("flag")["rows"].to_dict()
    assert flags == {
        "perhaps previews, tests and spam, unfinished answers and tests: Status stands unused, see where": 1,
        "perhaps unfinished questionnaires: Progress stands unused, see where": 1,
        "perhaps unfinished questionnaires: Finished stands unused, see where": 1,
        "perhaps previews and tests: DistributionChannel stands unused, see where": 1,
    }
    where = (
        'where = { Status = "0", Progress = 100, Finished = 1, DistributionChannel = { not = "preview" } }'
    )
    said = opened(tmp_path, {"q.csv": QUALTRICS}, source("responses", "q.csv", columns, where))
    assert len(said.flags()) == 0


class TestZones:
    def zoned(self, folder: Path, moment: str, zones: str = "") -> pd.Timestamp:
        read = f'{{ column = "day", date_format = "%Y-%m-%d %H:%M:%S %Z"{zones} }}'
        study = opened(
            folder,
            {"a.csv": f"who,day,score\na,{moment},9\n"},
            source("responses", "a.csv", ANSWER.replace('"day"', read)),
            study='timezone = "Asia/Tokyo"',
        )
        return rows_of(study, "responses")["responded_at"].iloc[0]

    @pytest.mark.parametrize(
        ("zone", "hour"),
        [
            *(("UTC", 12), ("Z", 12), ("GMT", 12), ("GMT-4", 16), ("UTC+2", 10), ("UTC+05:30", 6.5)),
            *(("+02:00", 10), ("-0330", 15.5), ("CEST", 10), ("EDT", 16), ("PDT", 19), ("AEST", 2)),
        ],
    )
    def test_names_with_one_meaning_are_read(self, tmp_path: Path, zone: str, hour: float) -> None:
        expected = pd.Timestamp("2024-06-01") + pd.Timedelta(hours=hour)
        assert self.zoned(tmp_path, f"2024-06-01 12:00:00 {zone}") == expected

    @pytest.mark.parametrize("zone", ["BST", "AST", "CST", "IST", "EST", "PST"])
    def test_names_with_several_meanings_are_refused(self, tmp_path: Path, zone: str) -> None:
        with pytest.raises(
            StudyError, match=rf"'{zone}' is the abbreviation of several time zones.*zones = "
        ):
            self.zoned(tmp_path, f"2024-06-01 12:00:00 {zone}")

    def test_the_declared_meaning_holds(self, tmp_path: Path) -> None:
        moment = "2024-06-01 00:30:00 BST"
        assert self.zoned(tmp_path, moment, ', zones = { BST = "Europe/London" }').hour == 23
        assert self.zoned(tmp_path, moment, ', zones = { BST = "+06:00" }').hour == 18
        with pytest.raises(StudyError, match="time zone 'Londn' is unknown"):
            self.zoned(tmp_path, moment, ', zones = { BST = "Londn" }')

    def test_init_asks_which_zone_an_abbreviation_means(self, tmp_path: Path) -> None:
        (tmp_path / "nps.csv").write_text("customer_id,Submitted At,NPS\nc1,2024-06-01 00:30:00 BST,9\n")
        text = write_starter_study(tmp_path).read_text()
        assert "# TODO which zones are meant? BST is +01:00 (Britain, summer) or +06:00 (Bangladesh)" in text

    def test_zones_that_a_file_gives_itself(self, tmp_path: Path) -> None:
        ids = [f'{{""ImportId"":""{name}"",""timeZone"":""America/Denver""}}' for name in ("s", "r")]
        (tmp_path / "qualtrics.csv").write_text(
            "StartDate,RecordedDate,ExternalReference,NPS\nStart Date,Recorded Date,External,Recommend?\n"
            f'"{ids[0]}","{ids[1]}","{{""ImportId"":""e""}}","{{""ImportId"":""n""}}"\n'
            "2024-06-01 10:00:00,2024-06-01 10:05:00,c1,9\n"
        )
        (tmp_path / "customers.csv").write_text("id,Created (UTC)\nc1,2024-01-05 09:59\n")
        text = write_starter_study(tmp_path).read_text()
        assert 'responded_at = { column = "RecordedDate", timezone = "America/Denver" }' in text
        assert 'started_at = { column = "Created (UTC)", timezone = "UTC" }' in text


def people(started: Any, ended: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ["a"], "started_at": [started], "ended_at": [ended]})


@pytest.mark.parametrize(
    "frame",
    [
        people("2024-02-01", "2024-04-01"),
        people(pd.Timestamp("2024-02-01"), pd.Timestamp("2024-04-01")),
        people(pd.Timestamp("2024-02-01").date(), pd.Timestamp("2024-04-01").date()),
        duckdb.sql("select 'a' customer_id, date '2024-02-01' started_at, date '2024-04-01' ended_at"),
    ],
    ids=["text", "midnights", "dates", "relation"],
)
def test_dates_without_a_clock_are_local_days_in_frames_as_in_files(tmp_path: Path, frame: Any) -> None:
    zone = "America/New_York"
    study = cx.Study.from_frames(
        {"customers": frame}, observed_until="2024-04-01", instruments={}, timezone=zone
    )
    (tmp_path / "c.csv").write_text("customer_id,started_at,ended_at\na,2024-02-01,2024-04-01\n")
    names = ("customer_id", "started_at", "ended_at")
    columns = "\n".join(f'{name} = "{name}"' for name in names)
    file = opened(tmp_path, {}, source("customers", "c.csv", columns), study=f'timezone = "{zone}"')
    for one in (study, file):
        row = rows_of(one, "customers").iloc[0]
        assert row["started_at"] == pd.Timestamp("2024-02-01 05:00")
        assert row["ended_at"] == pd.Timestamp("2024-04-01 04:00")
    assert study.observed_until == pd.Timestamp("2024-04-02 03:59:59.999999")
    tables = cx.check_study(study).tables
    assert tables["first"].iloc[0] == pd.Timestamp("2024-02-01")


def test_a_clock_in_a_naive_timestamp_is_utc_and_in_a_text_local() -> None:
    def starts(*values: Any) -> list[pd.Timestamp]:
        frame = pd.DataFrame({"customer_id": range(len(values)), "started_at": values})
        study = cx.Study.from_frames(
            {"customers": frame}, observed_until="2024-12-31", instruments={}, timezone="America/New_York"
        )
        return rows_of(study, "customers")["started_at"].tolist()

    moments = [pd.Timestamp("2024-02-01 00:00"), pd.Timestamp("2024-02-01 12:00")]
    assert starts(*moments) == moments
    assert starts("2024-02-01 12:00", "2024-02-01 12:00Z") == [
        pd.Timestamp("2024-02-01 17:00"),
        pd.Timestamp("2024-02-01 12:00"),
    ]


@pytest.mark.parametrize(
    ("encoding", "comment"),
    [
        ("utf-16", "super 😀"),
        ("utf-16-le", "naïve 👍"),
        ("windows-1252", "Côte d’Ivoire – 5 €"),
        ("mac-roman", "Müller läuft – „gut“"),
        ("shift_jis", "とても良い"),
        ("latin-1", "Größe"),
    ],
)
def test_encodings_are_read_as_declared(tmp_path: Path, encoding: str, comment: str) -> None:
    rows = f"who,day,score,comment\na,2024-01-01,9,{comment}\nb,2024-01-02,8,\n".encode(encoding)
    columns = f'{ANSWER}\ncomment = "comment"'
    study = opened(
        tmp_path, {"a.csv": rows}, source("responses", "a.csv", columns, f'encoding = "{encoding}"')
    )
    assert rows_of(study, "responses")["comment"].tolist() == [comment, None]


@pytest.mark.parametrize("encoding", ["utf-16", "windows-1252", "mac-roman"])
def test_init_recognises_encodings(tmp_path: Path, encoding: str) -> None:
    text = "customer_id,date,nps,comment\na,2024-01-01,9,Schöne Grüße – „toll“\nb,2024-01-02,8,für später\n"
    (tmp_path / "nps.csv").write_bytes(text.encode(encoding))
    assert f'encoding = "{encoding}"' in write_starter_study(tmp_path).read_text()


def test_an_encoding_that_does_not_fit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    rows = "who,day,score,comment\na,2024-01-01,9,x\x81\n".encode("latin-1")
    columns = f'{ANSWER}\ncomment = "comment"'
    with pytest.raises(StudyError, match=r"not cp1252: 0x81 means nothing there.*declare another encoding"):
        opened(tmp_path, {"a.csv": rows}, source("responses", "a.csv", columns, 'encoding = "windows-1252"'))
    with pytest.raises(StudyError, match=r"encoding 'klingon' is not known.*iconv"):
        opened(tmp_path, {"a.csv": rows}, source("responses", "a.csv", columns, 'encoding = "klingon"'))


CUSTOMER = 'customer_id = "id"\nstarted_at = "since"'


def test_a_list_of_leavers_completes_the_customers(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "c.csv": "id,since\na,2024-01-01\nb,2024-01-01\nc,2024-01-01\n",
        "l.csv": "who,left\nb,2024-05-01\nz,2024-05-01\nc,2024-05-01\nc,2024-06-01\n",
    }
    study = opened(
        tmp_path,
        files,
        source("customers", "c.csv", CUSTOMER),
        source("customers", "l.csv", 'customer_id = "who"\nended_at = "left"', 'rows = "leavers"'),
    )
    rows = rows_of(study, "customers").set_index("customer_id")["ended_at"]
    assert rows["b"] == pd.Timestamp("2024-05-01")
    assert rows[["a", "c"]].isna().all()
    assert study.summary("customers").rejected == {"two_ends:ended_at": 2, "unknown_customer:customer_id": 1}
    assert study.rejects()["value"].tolist() == ["z", "c", "c"]


def test_init_reads_a_list_of_leavers_a_log_and_tickets_without_an_id(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,signup_date\na,2024-01-01\nb,2024-01-01\n")
    (tmp_path / "churned.csv").write_text("customer_id,churn_date,reason\nb,2024-05-01,price\n")
    (tmp_path / "event_log.csv").write_text(
        "user_id,event,timestamp\na,login,2024-02-01 10:00\na,login,2024-02-01 11:00\n"
        "b,export,2024-02-02 10:00\n"
    )
    (tmp_path / "tickets.csv").write_text(
        "customer_id,created_at,solved_at\na,2024-02-01,2024-02-02\na,2024-02-01,2024-02-02\n"
    )
    path = write_starter_study(tmp_path)
    path.write_text(path.read_text().replace("# observed_until = 2024-05-01", "observed_until = 2024-12-31"))
    study = cx.read_study(path)
    assert rows_of(study, "customers")["ended_at"].notna().tolist() == [False, True]
    usage = rows_of(study, "usage")
    assert usage["quantity"].tolist() == [1, 1, 1]
    assert usage["feature"].tolist() == ["login", "login", "export"]
    assert rows_of(study, "tickets")["ticket_id"].nunique() == 2


def test_a_log_without_a_number_counts_rows_in_frames_too() -> None:
    log = pd.DataFrame(
        {"customer_id": ["a", "a"], "used_at": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 11:00"])}
    )
    for frame in (log, duckdb.from_df(log)):
        study = cx.Study.from_frames({"usage": frame}, observed_until="2024-12-31", instruments={})
        assert rows_of(study, "usage")["quantity"].tolist() == [1.0, 1.0]


def test_a_question_without_a_readable_answer_is_not_diluted_by_a_wide_file(tmp_path: Path) -> None:
    rows = "who,day,q1,q2\n" + "".join(f"c{i},2024-01-01,9,{'n/a' if i % 2 else 4}\n" for i in range(40))
    columns = 'customer_id = "who"\nresponded_at = "day"\n[sources.scores]\nnps = "q1"\ncsat = "q2"'
    study = opened(
        tmp_path,
        {"a.csv": rows},
        "[limits]\nmax_reject_share = 0.3\n",
        source("responses", "a.csv", columns),
    )
    assert study.summary("responses").set_aside == 20
    with pytest.raises(StudyError, match="20 of 80 rows"):
        study.table("responses")


def test_a_cut_before_the_end_of_an_export_leaves_out_and_says_so(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "c.csv": "id,since\na,2024-01-01\nb,2025-02-01\n",
        "r.csv": "who,day,sent,score\na,2024-06-01,2024-05-31,9\na,2025-01-05,2024-12-30,3\n"
        "a,2025-03-05,2025-03-01,3\n",
        "t.csv": "id,who,opened,solved,state\n1,a,2024-06-01,2024-06-02,closed\n"
        "2,a,2024-12-30,2025-01-05,closed\n"
        "3,a,2025-01-01,,open\n",
    }
    ticket = (
        'ticket_id = "id"\ncustomer_id = "who"\ncreated_at = "opened"\n'
        'resolved_at = "solved"\nstatus = "state"'
    )
    sources = (
        source("customers", "c.csv", CUSTOMER),
        source("responses", "r.csv", f'{ANSWER}\nsent_at = "sent"'),
        source("tickets", "t.csv", ticket),
    )
    with pytest.raises(StudyError, match=r"after the data cut.*after_cut = 'leave_out'"):
        opened(tmp_path, files, *sources).table("responses")
    study = opened(tmp_path, files, *sources, study='after_cut = "leave_out"')
    assert study.counts().values.tolist() == [
        ["customers", 2, 1, 0, 1],
        ["responses", 3, 2, 0, 1],
        ["tickets", 3, 2, 0, 1],
    ]
    assert rows_of(study, "responses")["score"].isna().tolist() == [False, True]
    assert rows_of(study, "tickets")["resolved_at"].isna().tolist() == [False, True]
    assert "left out" in str(cx.check_study(study))


class TestTickets:
    def tickets(self, *states: str) -> cx.Study:
        frame = pd.DataFrame(
            {
                "ticket_id": range(len(states)),
                "created_at": pd.Timestamp("2024-03-01 09:00"),
                "resolved_at": pd.Timestamp("2024-03-01 11:00"),
                "status": states,
            }
        )
        return cx.Study.from_frames({"tickets": frame}, observed_until="2024-12-31", instruments={})

    def test_an_old_resolution_does_not_close_an_open_ticket(self) -> None:
        study = self.tickets("Closed", "Open", "Pending", "on-hold", "Reopened", "solved", "new")
        assert rows_of(study, "tickets")["resolved_at"].isna().tolist() == [False, *[True] * 4, False, True]
        assert study.summary("tickets").flags["reopened"] == 5

    def test_merged_and_unknown_statuses_are_counted(self) -> None:
        flags = self.tickets("merged", "deleted", "blocked", "closed").summary("tickets").flags
        assert (flags["no_ticket"], flags["status_unknown"], flags["reopened"]) == (2, 1, 0)


def test_canceled_beside_cancel_at_period_end_is_the_request(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(
        "customer_id,created_at,canceled_at,cancel_at_period_end,ended_at\na,2024-01-01,2024-02-01,true,2024-03-01\n"
    )
    text = write_starter_study(tmp_path).read_text()
    assert 'ended_at = "ended_at"' in text
    assert 'notice_at = "canceled_at"' in text


def test_a_file_given_twice_is_left_out(tmp_path: Path) -> None:
    rows = "customer_id,date,nps\na,2024-01-01,9\nb,2024-01-02,8\n"
    for name in ("nps_january.csv", "export.csv"):
        (tmp_path / name).write_text(rows)
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert "to the byte: left out, its rows would count twice" in text
    path.write_text(text.replace("# observed_until = 2024-01-02", "observed_until = 2024-12-31"))
    assert cx.read_study(path).counts()["rows"].tolist() == [2]


def test_a_column_that_knows_who_left_is_an_outcome_whatever_its_name(tmp_path: Path) -> None:
    lines = ["customer_id,started_at,ended_at,Kind,Contract"]
    for i in range(120):
        left = i % 3 == 0
        lines.append(
            f"c{i},2023-01-05,{'2024-05-01' if left else ''},{f'k{i % 4}' if left else 'none'},{'MY'[i % 2]}"
        )
    (tmp_path / "customers.csv").write_text("\n".join(lines) + "\n")
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert 'kind = { column = "Kind", outcome = true }' in text
    path.write_text(text.replace("# observed_until = 2024-05-01", "observed_until = 2024-12-31"))
    study = cx.read_study(path)
    assert (study.segments, study.outcomes) == (("contract",), ("kind",))


def test_the_time_of_a_load_is_not_taken_where_another_stands_beside_it(tmp_path: Path) -> None:
    rows = "".join(f"c{i},{i % 11},2024-06-01 02:00:00,2024-0{1 + i % 5}-11\n" for i in range(30))
    (tmp_path / "nps.csv").write_text("customer_id,nps,created_at,taken_on\n" + rows)
    text = write_starter_study(tmp_path).read_text()
    assert '# responded_at = "created_at"' in text
    assert "all 'created_at' lie on 2024-06-01" in text
    assert "others: 'taken_on' 2024-01-11 to 2024-05-11" in text
    (tmp_path / "study.toml").unlink()
    (tmp_path / "nps.csv").write_text("customer_id,nps,created_at,surveyed_at\n" + rows)
    assert 'responded_at = "surveyed_at"' in write_starter_study(tmp_path).read_text()


@pytest.mark.parametrize(
    ("header", "score"),
    [
        ("nps_wave,nps_score,csat_surveys_sent,NPS month", "nps_score"),
        ("NPS Category,Recommend us? (0-10),x,y", "Recommend us? (0-10)"),
    ],
)
def test_derived_names_are_no_scores(tmp_path: Path, header: str, score: str) -> None:
    names = header.split(",")
    rows = "".join(
        ",".join([f"c{i}", "2024-03-01", *(str(i % 11 if name == score else 1 + i % 3) for name in names)])
        + "\n"
        for i in range(60)
    )
    (tmp_path / "survey.csv").write_text(f"customer_id,responded_at,{header}\n{rows}")
    path = write_starter_study(tmp_path)
    path.write_text(path.read_text().replace("# observed_until = 2024-03-01", "observed_until = 2024-12-31"))
    answers = rows_of(cx.read_study(path), "responses")
    assert sorted(answers["score"]) == sorted(i % 11 for i in range(60))


@pytest.mark.parametrize(
    "answers", [[1, 2, 3, 4] * 10, [1, 2, 3, 4, 5] * 8, list(range(10)) * 10, [0, 50, 99] * 10]
)
def test_answers_beside_the_scale_are_asked_about(tmp_path: Path, answers: list[int]) -> None:
    rows = "".join(f"c{i},2024-03-01,{answer}\n" for i, answer in enumerate(answers))
    (tmp_path / "survey.csv").write_text("customer_id,responded_at,NPS\n" + rows)
    text = write_starter_study(tmp_path).read_text()
    assert "another scale?" in text or "TODO required: score" in text
    assert '\nnps = "nps"' not in text


def test_the_check_doubts_answers_beside_their_scale_and_times_on_one_day() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(60)],
            "instrument": "nps",
            "score": [float(i % 10) for i in range(60)],
            "responded_at": pd.Timestamp("2024-03-01 10:00"),
        }
    )
    study = cx.Study.from_frames(
        {"responses": frame}, observed_until="2024-12-31", instruments={"nps": cx.NPS}
    )
    flags = cx.check_study(study).flags.set_index("flag")
    assert flags.loc["nps hardly fits its scale", "rows"] == 60
    assert "nobody at 10 of 0 to 10" in flags.loc["nps hardly fits its scale", "detail"]
    assert flags.loc["times on one day", "rows"] == 60


def test_stand_ins_for_no_end_are_no_end(tmp_path: Path) -> None:
    rows = "".join(f"c{i},2023-01-05,{'2024-05-01' if i % 5 == 0 else '9999-12-31'}\n" for i in range(20))
    (tmp_path / "customers.csv").write_text("customer_id,start_date,end_date\n" + rows)
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert 'missing = ["9999-12-31"]  # TODO check' in text
    path.write_text(text.replace("# observed_until = 2024-05-01", "observed_until = 2024-12-31"))
    assert rows_of(cx.read_study(path), "customers")["ended_at"].notna().sum() == 4


def test_an_end_of_a_contract_is_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"c{i},2023-01-05,2025-01-0{i % 9 + 1}\n" for i in range(20))
    (tmp_path / "customers.csv").write_text("customer_id,start_date,contract_end\n" + rows)
    text = write_starter_study(tmp_path).read_text()
    assert "# TODO is 'contract_end' when they left, or when a contract runs out?" in text
    assert "\nended_at" not in text


def test_partial_answers_are_left_out_and_the_answer_not_the_start_dates_them(tmp_path: Path) -> None:
    rows = "".join(
        f"id{i},{i % 11},c{i},2024-01-03 10:00,2024-01-04 10:05,{'partial' if i % 4 == 0 else 'completed'}\n"
        for i in range(40)
    )
    question = "How likely are you to recommend us to a friend?"
    (tmp_path / "typeform.csv").write_text(
        f"#,{question},customer_id,Start Date (UTC),Submit Date (UTC),Response Type\n{rows}"
    )
    path = write_starter_study(tmp_path)
    path.write_text(path.read_text().replace("# observed_until = 2024-01-04", "observed_until = 2024-12-31"))
    answers = rows_of(cx.read_study(path), "responses")
    assert len(answers) == 30
    assert answers["responded_at"].dt.day.eq(4).all()


def test_a_month_is_a_date_and_a_month_of_all_customers_a_snapshot(tmp_path: Path) -> None:
    rows = "".join(
        f"2024-{month:02d},c{i},{50 + i}\n" for month in range(1, 7) for i in range(30) if month <= 3 or i % 5
    )
    (tmp_path / "mrr_by_month.csv").write_text("month,customer_id,mrr\n" + rows)
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert 'effective_at = { column = "month", date_format = "%Y-%m" }' in text
    path.write_text(text.replace("# observed_until = 2024-12-31", "observed_until = 2024-06-30"))
    levels = rows_of(cx.read_study(path), "revenue")
    gone = levels[levels["mrr"] == 0]
    assert gone["effective_at"].unique().tolist() == [pd.Timestamp("2024-04-01")]
    assert len(gone) == 6
