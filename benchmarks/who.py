"""The search for unhappy groups beside one grouped pass written by hand in DuckDB over the same columns.

Both read the same table in DuckDB's memory.
"""

from __future__ import annotations

import time
from itertools import combinations

import duckdb

from cxresearch.data.study import Study
from cxresearch.scales import NPS
from cxresearch.voice.who.who import who

LEVELS = (5, 3, 8, 12, 4, 6, 10, 2, 7, 20, 5, 9)


def run(rows: int = 10_000_000, customers: int = 4_000_000) -> None:
    """Print both times; the pass by hand returns counts and means alone, without judging them."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    columns = [f"c{place}" for place in range(len(LEVELS))]
    _answers(connection, columns, rows, customers)
    start = time.perf_counter()
    groups = len(connection.execute(_by_hand(columns)).fetchall())
    by_hand = time.perf_counter() - start
    study = Study.from_frames(
        {"responses": connection.table("answers")}, observed_until="2025-01-01", instruments={"nps": NPS}
    )
    start = time.perf_counter()
    result = who(study, "nps", by=columns)
    search = time.perf_counter() - start
    print(f"{rows:,} answers, 12 columns and their pairs: {groups:,} groups, {len(result.cells):,} judged")
    print(
        f"one grouped pass by hand {by_hand:.1f} s, the search {search:.1f} s, ratio {search / by_hand:.2f}"
    )


def _answers(connection: duckdb.DuckDBPyConnection, columns: list[str], rows: int, customers: int) -> None:
    drawn = ", ".join(
        f"'level ' || (hash(range * 12 + {place}) % {size})::VARCHAR AS {column}"
        for place, (column, size) in enumerate(zip(columns, LEVELS, strict=True))
    )
    connection.execute(
        f"CREATE TABLE answers AS SELECT 'c' || (hash(range) % {customers})::VARCHAR AS customer_id, "
        "'nps' AS instrument, (hash(range + 1) % 11)::DOUBLE AS score, "
        f"TIMESTAMP '2024-01-01' + to_seconds(range % 30000000) AS responded_at, {drawn} FROM range({rows})"
    )


def _by_hand(columns: list[str]) -> str:
    """Counts and the NPS of every column and every pair, in one statement."""
    sets = [(column,) for column in columns] + list(combinations(columns, 2))
    groupings = ", ".join("(" + ", ".join(chosen) + ")" for chosen in sets)
    return (
        f"SELECT {', '.join(columns)}, count(*), avg(CASE WHEN score >= 9 THEN 100 WHEN score <= 6 THEN -100 "
        f"ELSE 0 END) FROM answers GROUP BY GROUPING SETS ({groupings})"
    )
