"""The pass that refuses revenue which goes on after customers ended, beside the MRR bridge it guards.

``CX_CONTRADICTION_ROWS`` sets the number of levels (24 million unless set); every 24 are one customer, and
one customer in three ended and stopped paying. Each settlement is timed in a study of its own: nobody has to
say anything (the two tables agree), and ``revenue_ends="at_ended_at"``, which joins the ends to the levels.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = 24_000_000


def write_tables(folder: Path, rows: int) -> None:
    """Write levels of two years and their customers, of whom one in three ended."""
    import duckdb

    customers = rows // 24
    connection = duckdb.connect()
    connection.execute(f"""
        copy (
            select printf('C%07d', i) as customer_id, timestamp '2023-12-01' as started_at,
                   case when i % 3 = 0 then timestamp '2025-11-01' end as ended_at
            from range({customers}) t(i)
        ) to '{folder}/customers.parquet' (format parquet)
    """)
    connection.execute(f"""
        copy (
            select printf('C%07d', i % {customers}) as customer_id,
                   timestamp '2024-01-01' + interval 1 minute * cast(
                       (i // {customers}) * 43_200 + hash(i) % 43_200 as bigint) as effective_at,
                   case when (i % {customers}) % 3 = 0 and i // {customers} >= 22 then 0.0
                        else round(20 + (hash(i * 3) % 20_000) / 100.0, 2) end as mrr
            from range({rows}) t(i)
        ) to '{folder}/levels.parquet' (format parquet)
    """)


def _timed(folder: Path, settled: str | None) -> dict[str, float]:
    """Seconds and processor time of judging, of settling and of the bridge, in that order."""
    import duckdb

    import cxresearch as cx

    connection = duckdb.connect()
    connection.execute("set threads = 2; set enable_progress_bar = false")
    tables = {
        "customers": connection.sql(f"select * from read_parquet('{folder}/customers.parquet')"),
        "revenue": connection.sql(f"select * from read_parquet('{folder}/levels.parquet')"),
    }
    choices: Any = {"revenue_ends": settled}
    study = cx.Study.from_frames(
        tables, observed_until="2026-01-15", instruments={}, currency="EUR", **choices
    )
    figures: dict[str, float] = {}
    steps = {
        "judging": lambda: [study.checked.flawless(name) for name in ("customers", "revenue")],
        "settling": lambda: study.table("revenue"),
        "bridge": lambda: cx.revenue.mrr_bridge(study),
    }
    for name, step in steps.items():
        start, cpu = time.perf_counter(), time.process_time()
        step()
        figures[name] = time.perf_counter() - start
        figures[f"{name}_cpu"] = time.process_time() - cpu
    return figures


def run() -> None:
    """Print the seconds of each step and the cost of the pass as a share of the bridge."""
    rows = int(os.environ.get("CX_CONTRADICTION_ROWS", ROWS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, rows)
        print(f"{rows:,} levels of {rows // 24:,} customers, one in three ended; 2 threads")
        for settled in (None, "at_zero", "at_ended_at"):
            found = _timed(folder, settled)
            print(
                f"  revenue_ends = {settled!s:<11}  judging {found['judging']:6.2f} s, "
                f"settling {found['settling']:6.2f} s, bridge {found['bridge']:6.2f} s; "
                f"settling / bridge, CPU {found['settling_cpu'] / found['bridge_cpu']:.2f}"
            )
