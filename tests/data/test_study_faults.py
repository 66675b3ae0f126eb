"""Every fault a study can have: one clear message, or a row set aside under the right rule."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

import cxresearch as cx

Write = Callable[..., Path]
GOOD_CUSTOMERS = "id,since,until,kind,plan\nc1,2024-01-05,,,pro\nc2,2024-01-20,2024-06-30,voluntary,pro\n"
HEAD = "customer,question,answer,when\n"


def refusal(path: Path, table: str | None = None) -> str:
    with pytest.raises(cx.errors.StudyError) as caught:
        study = cx.read_study(path)
        for name in [table] if table else study.tables:
            study.table(name)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


def rules(path: Path) -> list[tuple[str, int, str, str, str]]:
    found = cx.read_study(path, on_reject="set_aside", max_reject_share=1).rejects()
    columns = ["table", "row", "rule", "column", "value"]
    return list(found[columns].itertuples(index=False, name=None))


def test_a_good_study_opens(write_study: Write) -> None:
    study = cx.read_study(write_study())
    assert study.tables == ("customers", "responses")
    assert study.segments == ("plan",)
    assert study.counts().to_dict("list") == {
        "table": ["customers", "responses"],
        "rows": [4, 5],
        "valid": [4, 5],
        "rejected": [0, 0],
        "left_out": [0, 0],
    }
    assert len(study.rejects()) == 0
    assert list(study.rejects().columns[:5]) == ["table", "row", "rule", "column", "value"]


class TestRowFaults:
    """Row faults refuse the table by default and name the row; on request they are set aside and counted."""

    @pytest.mark.parametrize(
        ("row", "rule", "column", "value"),
        [
            ("c1,nps,11,2024-03-01", "score_out_of_scale", "score", "11"),
            ("c1,ces,0,2024-03-01", "score_out_of_scale", "score", "0"),
            ("c1,nps,7.5,2024-03-01", "score_not_whole", "score", "7.5"),
            ("c1,nps,nine,2024-03-01", "not_a_number", "score", "nine"),
            ("c1,nps,1e999,2024-03-01", "not_a_number", "score", "1e999"),
            ("c1,nps,NaN,2024-03-01", "missing_score", "score", ""),
            ("c1,nps,,2024-03-01", "missing_score", "score", ""),
            ("c1,nps,9,2025-01-01", "after_cut", "responded_at", "2025-01-01 00:00:00"),
            ("c1,nps,9,2024-02-30", "not_a_time", "responded_at", "2024-02-30"),
            ("c1,nps,9,soon", "not_a_time", "responded_at", "soon"),
            ("c1,nps,9,", "missing_value", "responded_at", ""),
            (",nps,9,2024-03-01", "missing_value", "customer_id", ""),
            ("c1,,9,2024-03-01", "missing_value", "instrument", ""),
            ("c99,nps,9,2024-03-01", "unknown_customer", "customer_id", "c99"),
        ],
    )
    def test_responses(self, write_study: Write, row: str, rule: str, column: str, value: str) -> None:
        good = "c1,nps,9,2024-03-01\nc2,nps,4,2024-03-02\n"
        path = write_study(customers=GOOD_CUSTOMERS, responses=f"{HEAD}{good}{row}\n")
        assert rules(path) == [("responses", 3, rule, column, value)]
        message = refusal(path, "responses")
        assert "1 of 3 rows (33.3 %) of responses breaks a rule" in message
        assert "row 3" in message
        assert "on_reject = 'set_aside'" in message

    @pytest.mark.parametrize(
        ("row", "rule", "column", "value"),
        [
            ("c3,2024-03-01,2024-02-01,voluntary,pro", "end_before_start", "ended_at", "2024-02-01 00:00:00"),
            ("c3,2024-03-01,2024-04-01,bored,pro", "unknown_end_kind", "end_kind", "bored"),
            ("c3,2024-03-01,,voluntary,pro", "end_kind_without_end", "end_kind", "voluntary"),
            ("c3,2025-03-01,,,pro", "after_cut", "started_at", "2025-03-01 00:00:00"),
            (",2024-03-01,,,pro", "missing_value", "customer_id", ""),
            ("c3,,,,pro", "missing_value", "started_at", ""),
        ],
    )
    def test_customers(self, write_study: Write, row: str, rule: str, column: str, value: str) -> None:
        path = write_study(customers=f"{GOOD_CUSTOMERS}{row}\n", responses=f"{HEAD}c1,nps,9,2024-03-01\n")
        assert rules(path) == [("customers", 3, rule, column, value)]
        assert "row 3" in refusal(path)

    def test_answers_of_a_rejected_customer_go_with_them(self, write_study: Write) -> None:
        path = write_study(
            customers=f"{GOOD_CUSTOMERS}c3,2024-03-01,2024-02-01,,pro\n",
            responses=f"{HEAD}c1,nps,9,2024-03-01\nc3,nps,9,2024-03-01\n",
        )
        assert rules(path)[1] == ("responses", 2, "rejected_customer", "customer_id", "c3")

    def test_first_broken_rule_counts_and_a_row_is_rejected_once(self, write_study: Write) -> None:
        path = write_study(responses=f"{HEAD}c99,nps,11,2030-01-01\nc1,nps,9,2024-03-01\n")
        assert [(row, rule) for _, row, rule, *_ in rules(path)] == [(1, "unknown_customer")]

    def test_non_response_is_valid(self, write_study: Write) -> None:
        responses = (
            "customer,question,answer,when,sent\nc1,nps,,,2024-02-01\nc2,nps,9,2024-02-02,2024-02-01\n"
        )
        study = cx.read_study(write_study(responses=responses, columns='sent_at = "sent"'))
        assert study.counts().valid.tolist() == [4, 2]
        flags = study.flags().set_index("flag")["rows"]
        assert flags["no_score"] == 1

    def test_answer_before_it_was_asked_for(self, write_study: Write) -> None:
        responses = "customer,question,answer,when,sent\nc1,nps,9,2024-02-01,2024-02-02\n"
        path = write_study(responses=responses, columns='sent_at = "sent"')
        assert rules(path)[0][2] == "answer_before_invitation"


class TestTickets:
    TICKETS = """
[[sources]]
table = "tickets"
file = "tickets.csv"
columns = { ticket_id = "id", customer_id = "who", created_at = "opened", first_replied_at = "replied", \
resolved_at = "closed" }
"""

    @pytest.mark.parametrize(
        ("row", "rule"),
        [
            ("t2,c1,2024-02-02,2024-02-01,2024-02-03", "created_after_reply"),
            ("t2,c1,2024-02-02,,2024-02-01", "created_after_resolution"),
            ("t2,c1,2024-02-02,2024-02-04,2024-02-03", "reply_after_resolution"),
            ("t2,c1,2024-02-02,,2025-02-03", "after_cut"),
            ("t2,cx,2024-02-02,,2024-02-03", "unknown_customer"),
            ("t1,c1,2024-02-02,,2024-02-03", "duplicate_row"),
            (",c1,2024-02-02,,2024-02-03", "missing_value"),
        ],
    )
    def test_rejects(self, write_study: Write, tmp_path: Path, row: str, rule: str) -> None:
        head = "id,who,opened,replied,closed\nt1,c1,2024-02-01,,2024-02-03\n"
        (tmp_path / "tickets.csv").write_text(f"{head}{row}\n")
        path = write_study()
        path.write_text(path.read_text() + self.TICKETS)
        assert [(table, row, rule) for table, row, rule, *_ in rules(path)] == [("tickets", 2, rule)]

    def test_before_sign_up_is_a_flag_and_a_ticket_needs_no_customer(
        self, write_study: Write, tmp_path: Path
    ) -> None:
        rows = "id,who,opened,replied,closed\nt1,c1,2023-01-01,,\nt2,,2024-02-01,,\nt3,c2,2024-08-01,,\n"
        (tmp_path / "tickets.csv").write_text(rows)
        path = write_study()
        path.write_text(path.read_text() + self.TICKETS)
        study = cx.read_study(path)
        assert study.summary("tickets").flags == {"before_start": 1, "after_end": 1}
        assert study.summary("tickets").valid == 3


class TestLimits:
    RESPONSES = HEAD + "c1,nps,9,2024-03-01\n" * 9 + "c1,nps,11,2024-03-01\n"

    def test_refuse_is_the_default(self, write_study: Write) -> None:
        assert "1 of 10 rows (10 %) of responses" in refusal(write_study(responses=self.RESPONSES))

    def test_rejects_can_be_read_before_they_are_accepted(self, write_study: Write) -> None:
        study = cx.read_study(write_study(responses=self.RESPONSES))
        assert study.counts().rejected.tolist() == [0, 1]
        assert study.rejects("responses")["value"].tolist() == ["11"]

    def test_set_aside_up_to_the_share(self, write_study: Write) -> None:
        limits = '[limits]\non_reject = "set_aside"\nmax_reject_share = 0.1'
        study = cx.read_study(write_study(responses=self.RESPONSES, limits=limits))
        scores = study.table("responses").collect().to_native().column("score").to_pylist()
        assert scores == [9.0] * 9

    def test_beyond_the_share(self, write_study: Write) -> None:
        limits = '[limits]\non_reject = "set_aside"'
        message = refusal(write_study(responses=self.RESPONSES, limits=limits))
        assert "1 of 10 rows (10 %) of responses breaks a rule" in message
        assert "at most 5 %" in message

    def test_a_share_alone_means_set_aside(self, write_study: Write) -> None:
        path = write_study(responses=self.RESPONSES, limits="[limits]\nmax_reject_share = 0.5")
        assert cx.read_study(path).table("responses") is not None

    def test_nothing_valid_is_refused_at_any_share(self, write_study: Write) -> None:
        path = write_study(
            responses=f"{HEAD}c1,nps,11,2024-03-01\n", limits="[limits]\nmax_reject_share = 1.0"
        )
        assert "no valid row is left" in refusal(path)

    def test_limits_must_make_sense(self, write_study: Write) -> None:
        assert "share from 0 to 1" in refusal(write_study(limits="[limits]\nmax_reject_share = 5"))
        assert "'refuse', 'set_aside'" in refusal(write_study(limits='[limits]\non_reject = "ignore"'))


class TestStructure:
    """Faults of a whole table or file: refused whatever the limits say."""

    ALL = "[limits]\nmax_reject_share = 1.0"

    def test_duplicate_customer(self, write_study: Write) -> None:
        path = write_study(customers=f"{GOOD_CUSTOMERS}c1,2024-05-01,,,pro\n", limits=self.ALL)
        message = refusal(path, "responses")
        assert "row 1: customer_id 'c1'" in message
        assert "row 3: customer_id 'c1'" in message

    def test_unknown_instrument(self, write_study: Write) -> None:
        path = write_study(responses=f"{HEAD}c1,nps,9,2024-03-01\nc1,csat,5,2024-03-01\n", limits=self.ALL)
        message = refusal(path)
        assert "'csat'" in message
        assert "[instruments]" in message

    def test_direction_not_declared(self, write_study: Write) -> None:
        path = write_study(instruments="[instruments.effort]\nlow = 1\nhigh = 5")
        message = refusal(path)
        assert "direction of instrument 'effort' is not declared" in message
        assert "high_is_good" in message

    def test_ces_without_its_version(self, write_study: Write) -> None:
        path = write_study()
        path.write_text(path.read_text().replace('ces = "ces2"', 'ces = "ces"'))
        message = refusal(path)
        assert "'ces1'" in message
        assert "'ces2'" in message

    def test_missing_file(self, write_study: Write, tmp_path: Path) -> None:
        path = write_study()
        (tmp_path / "responses.csv").rename(tmp_path / "response.csv")
        message = refusal(path)
        assert "'responses.csv' does not exist" in message
        assert "perhaps you meant 'response.csv'" in message

    def test_missing_study_file(self, tmp_path: Path) -> None:
        assert "cxresearch init" in refusal(tmp_path)

    def test_missing_column(self, write_study: Write) -> None:
        message = refusal(write_study(responses="customer,question,answr,when\nc1,nps,9,2024-03-01\n"))
        assert "column 'answer' is not in the file" in message
        assert "perhaps you meant 'answr'" in message

    def test_column_twice_in_the_header(self, write_study: Write) -> None:
        path = write_study(responses="customer,question,answer,answer,when\nc1,nps,9,9,2024-03-01\n")
        assert "more than once" in refusal(path)

    def test_required_column_not_mapped(self, write_study: Write) -> None:
        path = write_study()
        path.write_text(path.read_text().replace('responded_at = "when"', ""))
        assert "'responded_at'" in refusal(path)

    @pytest.mark.parametrize(
        ("content", "says"),
        [("", "empty"), (HEAD, "header but no row"), (HEAD + "\n\n", "header but no row")],
    )
    def test_empty_table(self, write_study: Write, content: str, says: str) -> None:
        assert says in refusal(write_study(responses=content))

    def test_wrong_delimiter(self, write_study: Write) -> None:
        semicolons = "customer;question;answer;when\nc1;nps;9;2024-03-01\n"
        message = refusal(write_study(responses=semicolons))
        assert "one wide column" in message
        assert "delimiter = ';'" in message

    def test_declared_delimiter(self, write_study: Write) -> None:
        path = write_study(responses="customer\tquestion\tanswer\twhen\nc1\tnps\t9\t2024-03-01\n")
        path.write_text(
            path.read_text().replace('file = "responses.csv"', 'file = "responses.csv"\ndelimiter = "tab"')
        )
        assert cx.read_study(path).summary("responses").valid == 1

    def test_bom_is_read_as_a_mark(self, write_study: Write) -> None:
        path = write_study(responses=codecs.BOM_UTF8 + f"{HEAD}c1,nps,9,2024-03-01\n".encode())
        assert cx.read_study(path).summary("responses").valid == 1

    def test_not_utf8(self, write_study: Write) -> None:
        path = write_study(customers=f"{GOOD_CUSTOMERS}c3,2024-03-01,,,caf\xe9\n".encode("latin-1"))
        message = refusal(path)
        assert "not UTF-8: byte 104 is 0xe9" in message
        assert "customers.csv, line 4" in message
        assert "latin-1" in message
        path.write_text(
            path.read_text().replace('file = "customers.csv"', 'file = "customers.csv"\nencoding = "latin-1"')
        )
        plans = cx.read_study(path).table("customers").collect().to_native().column("plan").to_pylist()
        assert plans == ["pro", "pro", "café"]

    def test_utf16(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f"{HEAD}c1,nps,9,2024-03-01\n".encode("utf-16")))
        assert "encoding = 'utf-16'" in message

    def test_not_gzip(self, write_study: Write, tmp_path: Path) -> None:
        path = write_study()
        path.write_text(path.read_text().replace("responses.csv", "responses.csv.gz"))
        (tmp_path / "responses.csv.gz").write_bytes(b"customer,question\n")
        assert "not a gzip file" in refusal(path)
        (tmp_path / "responses.csv.gz").write_bytes(gzip.compress(b"x" * 100)[:-12])
        assert "cannot be read" in refusal(path)

    def test_ragged_row(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f"{HEAD}c1,nps,9,2024-03-01\nc1,nps,9,2024-03-01,x\n"))
        assert "line 3" in message

    def test_open_quote(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f'{HEAD}c1,nps,9,2024-03-01\nc1,"nps,9,2024-03-01\n'))
        assert "responses" in message

    def test_broken_parquet(self, write_study: Write, tmp_path: Path) -> None:
        path = write_study()
        path.write_text(path.read_text().replace("responses.csv", "responses.parquet"))
        (tmp_path / "responses.parquet").write_bytes(b"PAR1 this is no parquet file")
        assert "responses.parquet" in refusal(path)

    def test_two_readings_of_a_date(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f"{HEAD}c1,nps,9,03/04/2024\n"))
        assert "'03/04/2024' reads two ways: 3 April 2024 or 4 March 2024" in message
        assert "'%d/%m/%Y' or '%m/%d/%Y'" in message

    def test_other_rows_may_settle_it_but_nothing_is_guessed(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f"{HEAD}c1,nps,9,03/04/2024\nc1,nps,9,25/04/2024\n"))
        assert "other rows fit only '%d/%m/%Y'" in message

    def test_undeclared_format(self, write_study: Write) -> None:
        message = refusal(write_study(responses=f"{HEAD}c1,nps,9,25.04.2024\n"))
        assert "declare date_format = '%d.%m.%Y'" in message

    def test_ambiguous_date_deep_in_the_file(self, write_study: Write) -> None:
        many = "c1,nps,9,2024-03-01\n" * 10_001
        message = refusal(write_study(responses=f"{HEAD}{many}c1,nps,9,03/04/2024\n", limits=self.ALL))
        assert "03 April 2024 or 04 March 2024" in message
        assert "row 10,002" in message


class TestStudyFile:
    def test_unknown_keys_name_the_nearest(self, write_study: Write) -> None:
        assert "perhaps you meant 'timezone'" in refusal(write_study(study='timezon = "UTC"'))
        assert "perhaps you meant 'limits'" in refusal(write_study(limits="[limit]"))
        assert "perhaps you meant 'touchpoint'" in refusal(write_study(columns='touch_point = "question"'))

    def test_not_toml(self, write_study: Write) -> None:
        assert "line 4" in refusal(write_study(text="[study]\nname = 'x'\n\nobserved_until = = 1\n"))

    def test_no_data_cut(self, write_study: Write) -> None:
        path = write_study()
        path.write_text(path.read_text().replace("observed_until = 2024-12-31", ""))
        assert "observed_until is not declared" in refusal(path)

    def test_unknown_time_zone(self, write_study: Write) -> None:
        assert "'Europe/Atlantis'" in refusal(write_study(study='timezone = "Europe/Atlantis"'))

    def test_sql_may_only_select(self, write_study: Write) -> None:
        path = write_study()
        path.write_text(path.read_text().replace('file = "responses.csv"', 'sql = "drop table x"'))
        assert "one SELECT" in refusal(path)

    def test_sql_sees_only_declared_files(self, write_study: Write, tmp_path: Path) -> None:
        (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
        path = write_study()
        query = f"select * from read_csv('{tmp_path}/secret.csv')"
        path.write_text(path.read_text().replace('file = "responses.csv"', f'sql = "{query}"'))
        assert "does not declare" in refusal(path)

    def test_values_in_messages_are_short_and_printable(self, write_study: Write) -> None:
        nasty = "\x1b[31m" + "x" * 5_000
        message = refusal(write_study(responses=f"{HEAD}c1,nps,{nasty},2024-03-01\nc1,nps,9,2024-03-01\n"))
        assert "\x1b" not in message
        assert "x" * 60 not in message


class TestTargets:
    def test_numbers_and_shares_are_read(self, write_study: Write) -> None:
        path = write_study()
        text = path.read_text(encoding="utf-8")
        path.write_text(f'{text}\n[targets]\nnps = 40\n"SLA attainment" = "90.5 %"\n', encoding="utf-8")
        assert dict(cx.read_study(path).targets) == {"nps": 40.0, "SLA attainment": pytest.approx(0.905)}

    @pytest.mark.parametrize("value", ['"high"', "true", "nan", "inf", "[40]", '"90"'])
    def test_what_is_no_target_is_refused(self, write_study: Write, value: str) -> None:
        path = write_study()
        path.write_text(path.read_text(encoding="utf-8") + f"\n[targets]\nnps = {value}\n", encoding="utf-8")
        with pytest.raises(cx.errors.StudyError, match=r"target of 'nps' is .*\[targets\]"):
            cx.read_study(path)
