"""SQL of others, of a study file or inside a database: no machine, no files, no settings, and an end."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

import cxresearch as cx
from cxresearch.data.checking.check_study import check_study
from cxresearch.data.loading.spill_folder import spill_folder
from cxresearch.data.starter.write_starter import start_study
from cxresearch.errors import StudyError

HEAD = """\
[study]
name = "SQL"
observed_until = 2024-12-31
query_seconds = 3

[instruments]
nps = "nps"
"""
COLUMNS = """\
columns = { customer_id = "id", responded_at = "at", score = "score", instrument = { constant = "nps" } }"""
FROM_FILE = f'\n[[sources]]\ntable = "responses"\nfile = "answers.csv"\n{COLUMNS}\n'
FLAG = '\n[[flags]]\ntable = "responses"\nname = "looked"\nsql = """{sql}"""\n'
NEVER = "SELECT count(*) FROM range(1000000000000) AS a, range(1000000000000) AS b"
REFUSED = r"tells of the machine|does not declare"
TELLING = [
    "SELECT length(getenv('HOME'))",
    "SELECT length(\"getenv\" ('HOME'))",
    "SELECT ('HOME').getenv()",
    "SELECT length(current_setting('temp_directory'))",
    "SELECT length(system.main.current_setting/* ( */('temp_directory'))",
    "SELECT count(*) FROM duckdb_settings()",
    "SELECT count(*) FROM duckdb_secrets()",
    "SELECT count(*) FROM duckdb_databases",
    "SELECT count(*) FROM information_schema.tables",
    "SELECT count(*) FROM query('SELECT 1')",
    "SELECT count(*) FROM query_table(['answers'])",
    "SELECT count(*) FROM read_text('/etc/hostname')",
    "SELECT count(*) FROM glob('/etc/*')",
    "SELECT length(getvariable('x'))",
    "SELECT length(version())",
]


def study(folder: Path, text: str) -> cx.Study:
    (folder / "answers.csv").write_text("id,at,score\na,2024-03-01,7\nb,2024-03-02,9\n")
    (folder / "study.toml").write_text(text)
    return cx.read_study(folder / "study.toml")


def database(folder: Path, *statements: str) -> str:
    with duckdb.connect(str(folder / "crm.duckdb")) as connection:
        connection.execute("CREATE TABLE plain AS SELECT 'a' AS id, DATE '2024-03-01' AS at, 7 AS score")
        for statement in statements:
            connection.execute(statement)
    return f'\n[[sources]]\ntable = "responses"\nfile = "crm.duckdb"\nduckdb_table = "answers"\n{COLUMNS}\n'


@pytest.mark.parametrize("sql", TELLING)
def test_a_flag_that_asks_for_the_machine_is_refused(tmp_path, sql) -> None:
    with pytest.raises(StudyError, match=REFUSED):
        study(tmp_path, HEAD + FROM_FILE + FLAG.format(sql=sql)).flags()


def test_columns_may_have_the_names_of_functions(tmp_path) -> None:
    named = "SELECT 1 AS version, 2 AS query, 'getenv(' AS current_setting"
    sql = f"SELECT count(*) FROM ({named}) AS t WHERE t.version = 1 AND query = 2"
    flags = study(tmp_path, HEAD + FROM_FILE + FLAG.format(sql=sql)).flags()
    assert flags["rows"].tolist() == [1]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("'inf'::DOUBLE", "inf"),
        ("'nan'::DOUBLE", "nan"),
        ("'many'", "many"),
        ("[1, 2]", "1, 2"),
        ("{'a': 1}", "a"),
        ("-5", "-5"),
        ("2.5", "2.5"),
        ("DATE '2024-01-01'", "2024-01-01"),
        ("1, 2", "2 columns"),
        ("* FROM range(3)", "3 rows"),
        ("1 WHERE false", "0 rows"),
        ("10::HUGEINT * 1000000000000000000000", "10000000"),
    ],
)
def test_a_flag_that_is_no_count_is_refused_with_what_it_gave(tmp_path, value, said) -> None:
    counted = study(tmp_path, HEAD + FROM_FILE + FLAG.format(sql=f"SELECT {value}"))
    with pytest.raises(StudyError, match="flag looked") as error:
        check_study(counted)
    assert said in str(error.value)


def test_a_flag_that_never_ends_is_ended(tmp_path) -> None:
    counted = study(tmp_path, HEAD + FROM_FILE + FLAG.format(sql=NEVER))
    began = time.monotonic()
    with pytest.raises(StudyError, match="did not end within 3 s"):
        counted.flags()
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    "rows", ["range(1000000000000) AS a, range(1000000000000) AS b WHERE a.range < 0", "range(1000000000000)"]
)
def test_a_view_that_never_ends_is_ended(tmp_path, rows) -> None:
    view = f"CREATE VIEW answers AS SELECT 'a' AS id, DATE '2024-03-01' AS at, 7 AS score FROM {rows}"
    source = database(tmp_path, view)
    began = time.monotonic()
    with pytest.raises(StudyError, match="did not end within 3 s"):
        check_study(study(tmp_path, HEAD + source))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE VIEW answers AS SELECT * FROM read_text('/etc/hostname')"],
        ["CREATE VIEW answers AS SELECT 'a' AS id, current_setting('temp_directory') AS at, 7 AS score"],
        [
            "CREATE VIEW inner_one AS SELECT value AS id, name AS at, 7 AS score FROM duckdb_settings()",
            "CREATE VIEW answers AS SELECT * FROM inner_one",
        ],
        [
            "CREATE MACRO place() AS current_setting('temp_directory')",
            "CREATE VIEW answers AS SELECT place() AS id, 7 AS at, 7 AS score",
        ],
    ],
)
def test_a_view_that_asks_for_the_machine_is_refused(tmp_path, statements) -> None:
    with pytest.raises(StudyError, match=REFUSED):
        study(tmp_path, HEAD + database(tmp_path, *statements))


def test_a_view_reads_no_file_that_the_study_does_not_declare(tmp_path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("id,at,score\nhidden-word,2024-03-01,7\n")
    source = database(tmp_path, f"CREATE VIEW answers AS SELECT * FROM '{secret}'")
    with pytest.raises(StudyError, match="does not declare"):
        study(tmp_path, HEAD + source)
    # Nor does a first look at a folder that holds such a database.
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "crm.duckdb").rename(alone / "crm.duckdb")
    try:
        start_study(alone)
    except StudyError as error:
        assert "hidden-word" not in str(error)
    assert all("hidden-word" not in file.read_text() for file in alone.glob("*.toml"))


def test_settings_are_locked_once_the_inputs_are_open(tmp_path) -> None:
    connection = study(tmp_path, HEAD + FROM_FILE).checked.connection
    for statement in ("SET enable_external_access = true", "SET memory_limit = '1GB'", "LOAD httpfs"):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)


def test_what_does_not_fit_into_memory_is_private_and_gone_afterwards(tmp_path) -> None:
    code = (
        "from cxresearch.data.readers.connection import connect\n"
        "import os, stat, sys\n"
        "c = connect(); c.execute(\"SET memory_limit = '40MB'; SET threads = 1\")\n"
        "c.execute('CREATE TABLE t AS SELECT range AS a, hash(range)::VARCHAR AS b FROM range(1500000)')\n"
        "folder = c.execute(\"SELECT current_setting('temp_directory')\").fetchall()[0][0]\n"
        "parent = os.path.dirname(folder)\n"
        "print(oct(stat.S_IMODE(os.stat(parent).st_mode)), len(os.listdir(folder)), parent, flush=True)\n"
        "sys.stdin.read()\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def begin() -> tuple[subprocess.Popen[str], list[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().split()

    killed, (mode, files, parent) = begin()
    assert mode == "0o700" and int(files) > 0
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert Path(parent).is_dir()
    # The next one removes what the killed one left, and its own folder at its end.
    after, (_, _, its_own) = begin()
    assert not Path(parent).exists() and Path(its_own).is_dir()
    after.communicate("")
    assert list(tmp_path.glob("cxresearch-spill-*")) == []


def test_each_connection_spills_into_a_folder_of_its_own() -> None:
    gc.collect()
    assert spill_folder() != spill_folder()
    assert spill_folder().parent == spill_folder().parent
