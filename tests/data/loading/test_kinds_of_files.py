"""Spreadsheets, labelled files, JSON, SQLite, folders, addresses, a server: each read to the same rows."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import start_study
from cxresearch.errors import StudyError

ROWS = [("a", date(2024, 1, 5), "pro"), ("b", date(2024, 2, 1), "basic"), ("007", date(2024, 3, 1), "pro")]
HEADER = ("customer_id", "started_at", "plan")
WANTED = [("a", "2024-01-05", "pro"), ("b", "2024-02-01", "basic"), ("007", "2024-03-01", "pro")]


def study_of(folder: Path, source: str) -> cx.Study:
    (folder / "study.toml").write_text(
        "[study]\nobserved_until = 2024-12-31\n[[sources]]\ntable = 'customers'\n"
        + source
        + "\n[sources.columns]\n"
        "customer_id = 'customer_id'\nstarted_at = 'started_at'\nplan = 'plan'\n",
        encoding="utf-8",
    )
    return cx.read_study(folder)


def rows(study: cx.Study) -> list[tuple[str, str, str]]:
    frame = study.table("customers").collect().to_pandas()
    return [(r.customer_id, f"{r.started_at:%Y-%m-%d}", r.plan) for r in frame.itertuples()]


def cell_xml(reference: str, value: object) -> str:
    if isinstance(value, date):
        days = (value - date(1899, 12, 30)).days
        return f'<c r="{reference}" s="1"><v>{days}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{reference}"><v>{value}</v></c>'
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def workbook(path: Path, sheets: dict[str, list[tuple[object, ...]]]) -> None:
    """A workbook as small as the format allows, with one style for dates."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        names = "".join(
            f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, start=1)
        )
        book.writestr("xl/workbook.xml", f"<workbook {space} {links}><sheets>{names}</sheets></workbook>")
        parts = [
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/s{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        ]
        parts.append(f'<Relationship Id="rs" Type="{office}/styles" Target="styles.xml"/>')
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{"".join(parts)}</Relationships>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="'
            f'{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="app'
            f'lication/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlfor'
            f'mats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentTy'
            f'pe="{kind}.sheet.main+xml"/></Types>',
        )
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet {space}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" apply'
            f'NumberFormat="1"/></cellXfs></styleSheet>',
        )
        for i, lines in enumerate(sheets.values(), start=1):
            data = "".join(
                f'<row r="{y}">'
                + "".join(
                    cell_xml(f"{'ABCDEFGHIJ'[x]}{y}", value) for x, value in enumerate(line) if value != ""
                )
                + "</row>"
                for y, line in enumerate(lines, start=1)
            )
            book.writestr(
                f"xl/worksheets/s{i}.xml", f"<worksheet {space}><sheetData>{data}</sheetData></worksheet>"
            )


def test_a_sheet_below_a_title_line(tmp_path: Path) -> None:
    lines: list[tuple[object, ...]] = [("Customers of 2024", "", ""), ("", "", ""), HEADER, *ROWS]
    workbook(tmp_path / "crm.xlsx", {"Notes": [("made up",)], "Customers": lines})
    assert rows(study_of(tmp_path, "file = 'crm.xlsx'\nsheet = 'Customers'\nheader_row = 3")) == WANTED
    with pytest.raises(StudyError, match=r"several sheets.*'Notes'"):
        study_of(tmp_path, "file = 'crm.xlsx'\nheader_row = 3")
    with pytest.raises(StudyError, match="perhaps you meant 'Customers'"):
        study_of(tmp_path, "file = 'crm.xlsx'\nsheet = 'Customer'\nheader_row = 3")


def test_init_finds_the_sheet_and_its_header(tmp_path: Path) -> None:
    many = [(f"c{i}", date(2024, 1, 1 + i), ["pro", "basic"][i % 2]) for i in range(12)]
    workbook(tmp_path / "crm.xlsx", {"Kunden": [("All customers", "", ""), HEADER, *many]})
    choices = start_study(tmp_path, until="2024-12-31")
    assert choices.files[0].tables == ("customers",)
    assert choices.blocking == 0
    assert len(rows(cx.read_study(tmp_path))) == 12


def test_an_opendocument_sheet(tmp_path: Path) -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns"
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
            for value in line
        )
        + "</table:table-row>"
        for line in (HEADER, *ROWS)
    )
    with zipfile.ZipFile(tmp_path / "crm.ods", "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content xmlns:office="{office}:office:1.0"'
            f' xmlns:table="{office}:table:1.0" xmlns:text="{office}:text:1.0"><office:body><o'
            f'ffice:spreadsheet><table:table table:name="one">{cells}</table:table></office:sp'
            f"readsheet></office:body></office:document-content>",
        )
        book.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{office}:manifest:1.0"/>')
    assert rows(study_of(tmp_path, "file = 'crm.ods'")) == WANTED


def labelled(path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(12)],
            "asked": ["2024-05-01"] * 12,
            "V7": [float(i % 11) for i in range(11)] + [99.0],
            "region": [1.0, 2.0] * 6,
        }
    )
    labels = {
        "V7": "How likely are you to recommend us?",
        "id": "Customer",
        "asked": "Date",
        "region": "Region",
    }
    values = {"region": {1.0: "North", 2.0: "South"}}
    if path.suffix == ".sav":
        pyreadstat.write_sav(
            frame, str(path), column_labels=labels, variable_value_labels=values, missing_ranges={"V7": [99]}
        )
    else:
        pyreadstat.write_dta(
            frame.replace(99.0, None),
            str(path),
            column_labels=list(map(labels.get, frame)),
            variable_value_labels=values,
        )


@pytest.mark.parametrize("kind", ["sav", "dta"])
def test_codes_labels_and_missing_codes_of_a_labelled_file(tmp_path: Path, kind: str) -> None:
    labelled(tmp_path / f"survey.{kind}")
    (tmp_path / "study.toml").write_text(
        "[study]\nobserved_until = 2024-12-31\n[instruments]\nnps = 'nps'\n[[sources]]\ntable = 'responses'\n"
        f"file = 'survey.{kind}'\nblank_scores = 'not_asked'\n[sources.columns]\ncustomer_"
        f"id = 'id'\nresponded_at = 'asked'\n"
        "channel = 'region_label'\n[sources.scores]\nnps = 'V7'\n"
    )
    answers = cx.read_study(tmp_path).table("responses").collect().to_pandas()
    assert sorted(answers["score"]) == list(range(11))  # 99 was declared as no answer
    assert set(answers["channel"]) == {"North", "South"}


def test_init_reads_the_question_of_a_labelled_file(tmp_path: Path) -> None:
    labelled(tmp_path / "survey_2024.sav")
    text = start_study(tmp_path, until="2024-12-31").path.read_text(encoding="utf-8")
    assert 'nps = "V7"' in text


def test_json_lines_a_list_and_a_record_around_a_list(tmp_path: Path) -> None:
    records = [dict(zip(HEADER, line, strict=True)) for line in WANTED]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "b.json").write_text(json.dumps(records))
    (tmp_path / "c.json").write_text(json.dumps({"customers": records, "next_page": None}))
    for name in ("a.jsonl", "b.json", "c.json"):
        assert rows(study_of(tmp_path, f"file = '{name}'")) == WANTED


def test_records_within_json_records_are_columns_and_zones_are_kept(tmp_path: Path) -> None:
    lines = [{"id": i, "at": f"2024-05-0{i}T23:30:00-02:00", "who": {"id": "a", "mail": "x"}} for i in (1, 2)]
    (tmp_path / "t.json").write_text(json.dumps(lines))
    (tmp_path / "study.toml").write_text(
        "[study]\nobserved_until = 2024-12-31\n[[sources]]\ntable = 'tickets'\nfile = 't.json'\n"
        "columns = { ticket_id = 'id', created_at = 'at', customer_id = 'who.id' }\n"
    )
    tickets = cx.read_study(tmp_path).table("tickets").collect().to_pandas()
    assert tickets["created_at"].astype(str).tolist() == ["2024-05-02 01:30:00", "2024-05-03 01:30:00"]
    assert tickets["customer_id"].tolist() == ["a", "a"]


def test_a_table_of_sqlite(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("create table customers (customer_id text, started_at text, plan text)")
        connection.executemany("insert into customers values (?, ?, ?)", WANTED)
        connection.execute("create table empty (x text)")
    assert rows(study_of(tmp_path, "file = 'crm.db'\nsqlite_table = 'customers'")) == WANTED
    with pytest.raises(StudyError, match="perhaps you meant 'customers'"):
        study_of(tmp_path, "file = 'crm.db'\nsqlite_table = 'customer'")
    with pytest.raises(StudyError, match="empty"):
        study_of(tmp_path, "file = 'crm.db'\nsqlite_table = 'empty'")
    (tmp_path / "study.toml").unlink()
    (choice, _) = start_study(tmp_path, until="2024-12-31").files
    assert (choice.file, choice.tables) == ("crm.db, table customers", ("customers",))


def test_a_partitioned_folder(tmp_path: Path) -> None:
    frame = pd.DataFrame(WANTED, columns=HEADER)
    for plan, part in frame.groupby("plan"):
        folder = tmp_path / "crm" / f"plan={plan}"
        folder.mkdir(parents=True)
        part.drop(columns="plan").to_parquet(folder / "part.parquet")
    for source in ("crm", "crm/plan=*/*.parquet"):
        assert sorted(rows(study_of(tmp_path, f"file = '{source}'"))) == sorted(WANTED)


def test_a_lake_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "crm" / "_delta_log").mkdir(parents=True)
    with pytest.raises(StudyError, match="a Delta table: pass it as Arrow"):
        study_of(tmp_path, "file = 'crm'")


def test_a_file_behind_an_address(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://bucket/crm.csv", "w") as stream:
        stream.write("\n".join(",".join(line) for line in (HEADER, *WANTED)))
    assert rows(study_of(tmp_path, "file = 'memory://bucket/crm.csv'")) == WANTED
    with pytest.raises(StudyError, match="cannot be fetched"):
        study_of(tmp_path, "file = 'memory://bucket/none.csv'")
    with pytest.raises(StudyError, match="ftp://"):
        study_of(tmp_path, "file = 'ftp://host/crm.csv'")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of this test's own, on a socket."""
    if not shutil.which("initdb") or not shutil.which("pg_ctl"):
        pytest.skip("no PostgreSQL on this machine")
    pytest.importorskip("adbc_driver_postgresql")
    folder = Path("/tmp") / f"cx_pg_{os.getpid()}"
    folder.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        if subprocess.run(["id", "postgres"], check=False, capture_output=True).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser to be another")
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    port = 20000 + os.getpid() % 20000
    try:
        subprocess.run(
            [*as_user, "initdb", "-D", str(data), "-A", "trust", "-U", "cx"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        options = f"-c listen_addresses= -k {folder} -p {port} -c fsync=off"
        subprocess.run(
            [*as_user, "pg_ctl", "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        yield f"postgresql://cx:s3cret@/postgres?host={folder}&port={port}"
    finally:
        subprocess.run(
            [*as_user, "pg_ctl", "-D", str(data), "-m", "immediate", "stop"],
            check=False,
            capture_output=True,
            cwd="/",
        )
        shutil.rmtree(folder, ignore_errors=True)


def test_a_table_of_postgres_and_no_password_in_any_message(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adbc_driver_postgresql import dbapi

    monkeypatch.setenv("CX_TEST_DATABASE", postgres)
    with dbapi.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute("create table crm (customer_id text, started_at date, plan text)")
        for line in WANTED:
            cursor.execute("insert into crm values ('{}', '{}', '{}')".format(*line))
        connection.commit()
    assert rows(study_of(tmp_path, "database = 'CX_TEST_DATABASE'\ndatabase_table = 'crm'")) == WANTED
    with pytest.raises(StudyError) as caught:
        study_of(tmp_path, "database = 'CX_TEST_DATABASE'\ndatabase_table = 'none'")
    assert "s3cret" not in str(caught.value) and postgres not in str(caught.value)
    monkeypatch.setenv("CX_TEST_DATABASE", postgres.replace("port=", "port=1"))
    with pytest.raises(StudyError) as caught:
        study_of(tmp_path, "database = 'CX_TEST_DATABASE'\ndatabase_table = 'crm'")
    assert "s3cret" not in str(caught.value)


def test_servers_that_are_not_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CX_TEST_DATABASE", "snowflake://user:s3cret@account/db")
    with pytest.raises(StudyError, match="Snowflake is not read here") as caught:
        study_of(tmp_path, "database = 'CX_TEST_DATABASE'\ndatabase_table = 'crm'")
    assert "s3cret" not in str(caught.value)
    monkeypatch.delenv("CX_TEST_DATABASE")
    with pytest.raises(StudyError, match="is not set"):
        study_of(tmp_path, "database = 'CX_TEST_DATABASE'\ndatabase_table = 'crm'")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3-compatible store on this machine, with keys in the environment."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: no S3-compatible store")
    s3fs = pytest.importorskip("s3fs")
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    store.start()
    host, port = store.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("crm")
    yield "s3://crm"
    store.stop()


def test_files_of_an_object_store(bucket: str, tmp_path: Path) -> None:
    import s3fs

    store = s3fs.S3FileSystem()
    text = "\n".join(",".join(line) for line in (HEADER, *WANTED))
    store.pipe(f"{bucket}/a.csv", text.encode())
    pd.DataFrame(WANTED[:2], columns=HEADER).to_parquet(tmp_path / "p0.parquet")
    pd.DataFrame(WANTED[2:], columns=HEADER).to_parquet(tmp_path / "p1.parquet")
    for name in ("p0.parquet", "p1.parquet"):
        store.put(str(tmp_path / name), f"{bucket}/parts/{name}")
    assert rows(study_of(tmp_path, f"file = '{bucket}/a.csv'")) == WANTED
    assert sorted(rows(study_of(tmp_path, f"file = '{bucket}/parts/*.parquet'"))) == sorted(WANTED)
    with pytest.raises(StudyError, match="cannot be fetched") as caught:
        study_of(tmp_path, f"file = '{bucket}/none.csv'")
    assert "s3cret" not in str(caught.value)
