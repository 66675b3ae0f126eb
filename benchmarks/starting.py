"""``init`` on 30 exports of together 1 GB, beside DuckDB's own sniffer on the same files."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

#: Files and megabytes of all of them; CX_STARTING_MB makes a smaller run.
FILES = 30
MEGABYTES = int(os.environ.get("CX_STARTING_MB", "1000"))
MOST_SECONDS = 20
MOST_MEGABYTES = 500

# Layouts of the trade; `i` counts rows. Ids are shared, days run over a year.
_DAY = "strftime(TIMESTAMP '2024-01-01' + INTERVAL 1 MINUTE * (i % 500000), '%Y-%m-%d %H:%M:%S')"
_WHO = "'cus_' || (i % 20000)"
_TEXT = "'made-up words on row ' || i || ' about the service and the price'"
_LAYOUTS = {
    "tickets": f"""
        i AS "Id", 'Ann' AS "Requester", {_WHO} AS "Requester external id", 'a.test' AS "Requester domain",
        'Ann' AS "Submitter", 'Bob' AS "Assignee", 'Tier 1' AS "Group", {_TEXT} AS "Subject",
        'Solved' AS "Status", 'Web' AS "Via", 'Question' AS "Ticket type", {_DAY} AS "Created at",
        {_DAY} AS "Solved at", 'Good' AS "Satisfaction Score", 1 AS "Group stations",
        1 AS "Assignee stations", 0 AS "Reopens", 2 AS "Replies", 30 AS "First reply time in minutes" """,
    "events": f"""
        i AS amplitude_id, {_DAY} AS client_event_time, {_DAY} AS event_time, 'open' AS event_type,
        '{{}}' AS event_properties, {_DAY} AS server_upload_time, i % 999 AS session_id, {_WHO} AS user_id,
        '{{}}' AS user_properties, 'e' || i AS uuid, 'd' AS device_id""",
    "answers": f"""
        {_WHO} AS customer, {_DAY} AS answered_at, i % 11 AS nps, {_TEXT} AS comment, 'DE' AS country""",
}


def write_files(folder: Path) -> int:
    """Write the files, and the list of customers; return the bytes of all of them."""
    share = MEGABYTES * 1_000_000 // FILES
    connection = duckdb.connect()
    for number in range(FILES - 1):
        name, columns = list(_LAYOUTS.items())[number % len(_LAYOUTS)]
        path = folder / f"{name}_{number:02d}.csv"
        _write(connection, columns, 2000, path)
        rows = max(2000 * share // path.stat().st_size, 2000)
        # Every file begins elsewhere: equal files would be taken for copies.
        _write(connection, columns.replace("i %", f"(i + {number}) %"), rows, path)
    listing = f"'cus_' || i AS customer_id, {_DAY} AS started_at, 'basic' AS plan"
    _write(connection, listing, 20_000, folder / "customers.csv")
    return sum(path.stat().st_size for path in folder.iterdir())


def _write(connection: duckdb.DuckDBPyConnection, columns: str, rows: int, path: Path) -> None:
    connection.execute(f"COPY (SELECT {columns} FROM range({rows}) AS t(i)) TO '{path}' (HEADER)")


def sniff(folder: Path) -> float:
    """Seconds that DuckDB's sniffer takes for the header, types and notation of every file."""
    begin = time.perf_counter()
    for path in sorted(folder.glob("*.csv")):
        duckdb.connect().execute(f"SELECT * FROM sniff_csv('{path}')").fetchall()
    return time.perf_counter() - begin


def start(folder: Path) -> tuple[float, float]:
    """Seconds and megabytes at the peak of ``cxresearch init`` in a process of its own."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "cxresearch", "init", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def run() -> None:
    """Print seconds, peak memory and the ratio to the sniffer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_files(folder)
        peer = sniff(folder)
        seconds, megabytes = start(folder)
    print(f"init on {FILES} files of {size / 1e6:,.0f} MB: {seconds:.1f} s, {megabytes:,.0f} MB at the peak")
    print(f"DuckDB's sniffer on the same files: {peer:.1f} s, ratio {seconds / peer:.1f}")
    print(f"limits: {MOST_SECONDS} s and {MOST_MEGABYTES} MB for 1,000 MB")
