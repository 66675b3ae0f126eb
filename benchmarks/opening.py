"""A study file over 50 million answers of 2 million customers, in Parquet: opening, first use, scorecard.

Seconds on the clock and in processor time; peak memory is that of the whole process.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS, CUSTOMERS = 50_000_000, 2_000_000

_CUSTOMERS = """
COPY (SELECT 'c' || i AS customer_id, TIMESTAMP '2021-01-01' + to_days((hash(i) % 300)::INT) AS started_at,
             'r' || (hash(i * 5) % 4) AS region
      FROM range({customers}) t(i)) TO '{path}' (FORMAT parquet)
"""
_RESPONSES = """
COPY (SELECT 'c' || (hash(i) % {customers})::VARCHAR AS customer_id,
             'team ' || (hash(i * 7) % 50)::VARCHAR AS team, (hash(i * 3) % 11)::DOUBLE AS score,
             TIMESTAMP '2022-01-01' + to_seconds((hash(i * 13) % 94608000)::BIGINT) AS responded_at
      FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
_STUDY = """
[study]
name = "Benchmark"
observed_until = 2025-12-31
[instruments]
nps = "nps"
[[sources]]
table = "customers"
file = "customers.parquet"
columns = { customer_id = "customer_id", started_at = "started_at", region = "region" }
[[sources]]
table = "responses"
file = "responses.parquet"
[sources.columns]
customer_id = "customer_id"
instrument = { constant = "nps" }
score = "score"
responded_at = "responded_at"
team = "team"
"""


def _timed(label: str, work: Callable[[], Any]) -> Any:
    start, busy = time.perf_counter(), time.process_time()
    found = work()
    print(
        f"  {label:<52} {time.perf_counter() - start:6.1f} s  {time.process_time() - busy:6.1f} cpu s",
        flush=True,
    )
    return found


def run() -> None:
    """Print seconds of each step and the peak memory."""
    import duckdb

    import cxresearch as cx

    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(config={"preserve_insertion_order": False})
        connection.execute(_CUSTOMERS.format(customers=CUSTOMERS, path=Path(folder, "customers.parquet")))
        connection.execute(
            _RESPONSES.format(customers=CUSTOMERS, rows=ROWS, path=Path(folder, "responses.parquet"))
        )
        connection.close()
        Path(folder, "study.toml").write_text(_STUDY)
        size = sum(path.stat().st_size for path in Path(folder).glob("*.parquet")) / 1e9
        print(f" {ROWS:,} answers of {CUSTOMERS:,} customers, {size:.1f} GB of Parquet")
        study = _timed("opening the study file", lambda: cx.read_study(folder))
        _timed("proving every row clean and every customer known", lambda: study.table("responses"))
        card = {"by": "team", "every": "month", "metrics": ["nps"], "clusters": None}
        _timed("scorecard of NPS by team and month", lambda: cx.scorecard(study, **card))
        _timed("counts and flags of all tables", lambda: (study.counts(), study.flags()))
        print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GB")
