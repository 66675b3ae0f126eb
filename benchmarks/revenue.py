"""The MRR bridge on 24 million levels beside the same query written by hand in DuckDB SQL, and beside pandas.

Each side runs in a process of its own, so that the peak memory printed is its own. The hand-written query
and the pandas code return the same sufficient statistics as ``cx.revenue.mrr_bridge``, intervals included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, PANDAS_ROWS = 24_000_000, 10_000_000

_BY_HAND = """
with levels as (
    select customer_id, effective_at as moment, date_trunc('month', effective_at) as period,
           cast(floor(mrr * 100 + 0.5) as bigint) as cents
    from read_parquet('{path}')
    where effective_at <= timestamp '2026-01-15'
), ends as (
    select * from (
        select *, lead(period) over (partition by customer_id order by moment) as following from levels
    ) where following is null or following <> period
), moves as (
    select period, moment, cents,
           coalesce(lag(cents) over (partition by customer_id order by moment), 0) as before,
           min(case when cents > 0 then moment end)
               over (partition by customer_id order by moment rows unbounded preceding) as since
    from ends
), kinds as (
    select period, cents, before, cents - before as change,
           case when cents > 0 and before = 0 and since = moment then 'new'
                when cents > 0 and before = 0 then 'reactivation'
                when before > 0 and cents = 0 then 'churn'
                when cents > before then 'expansion'
                when cents < before then 'contraction' end as kind
    from moves
)
select period, kind, count(*) as n, sum(change) as change, sum(change::double * change) as square,
       sum(change::double * before) as cross_sum,
       sum(case when before > 0 then change::double * change / before else 0 end) as relative,
       sum(cents::double * cents - before::double * before) as levels
from kinds group by period, kind order by period, kind
"""


def write_levels(path: Path, rows: int) -> None:
    """Write two years of monthly levels; every 24 rows are one customer."""
    import duckdb

    customers = rows // 24
    duckdb.connect().execute(f"""
        copy (
            select printf('C%07d', i % {customers}) as customer_id,
                   timestamp '2024-01-01' + interval 1 minute * cast(
                       (i // {customers}) * 43_200 + hash(i) % 43_200 as bigint) as effective_at,
                   case when hash(i * 7) % 25 = 0 then 0.0
                        else round(20 + (hash(i * 3) % 20_000) / 100.0, 2) end as mrr
            from range({rows}) t(i)
        ) to '{path}' (format parquet)
    """)


def _connect(folder: str):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set memory_limit = '900MB'; set threads = 2; set temp_directory = '{folder}'")
    connection.execute("set enable_progress_bar = false")
    return connection


def ours(path: str, folder: str) -> dict[str, float]:
    """Time ``cx.revenue.mrr_bridge``; opening and judging the rows of the study is timed by itself."""
    import cxresearch as cx

    levels = _connect(folder).sql(f"select * from read_parquet('{path}')")
    study = cx.Study.from_frames(
        {"revenue": levels}, observed_until="2026-01-15", instruments={}, currency="EUR"
    )
    start = time.perf_counter()
    study.table("revenue")
    judged, cpu = time.perf_counter(), time.process_time()
    bridge = cx.revenue.mrr_bridge(study)
    return {
        "judging": judged - start,
        "seconds": time.perf_counter() - judged,
        "cpu": time.process_time() - cpu,
        "closing": float(bridge.table["closing"].iloc[-1]),
    }


def by_hand(path: str, folder: str) -> dict[str, float]:
    """Time the hand-written query."""
    connection = _connect(folder)
    start, cpu = time.perf_counter(), time.process_time()
    rows = connection.execute(_BY_HAND.format(path=path)).df()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "closing": float(rows["change"].sum()) / 100,
    }


def in_pandas(path: str, folder: str) -> dict[str, float]:  # noqa: ARG001
    """Time what an analyst writes in pandas: last level a month, shift, classify, square, group."""
    import numpy as np
    import pandas as pd

    start, cpu = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(path)
    frame = frame[frame["effective_at"] <= "2026-01-15"]  # the data cut, as on the other sides
    frame["period"] = frame["effective_at"].dt.to_period("M")
    frame = frame.sort_values(["customer_id", "effective_at"])
    last = frame.groupby(["customer_id", "period"], sort=False)["mrr"].last().reset_index()
    last["before"] = last.groupby("customer_id", sort=False)["mrr"].shift().fillna(0.0)
    ever = last["mrr"].gt(0).groupby(last["customer_id"], sort=False).cumsum()
    change = last["mrr"] - last["before"]
    last["kind"] = np.select(
        [
            last["mrr"].gt(0) & last["before"].eq(0) & ever.eq(1),
            last["mrr"].gt(0) & last["before"].eq(0),
            last["mrr"].eq(0) & last["before"].gt(0),
            change.gt(0),
            change.lt(0),
        ],
        ["new", "reactivation", "churn", "expansion", "contraction"],
        "none",
    )
    last["change"], last["square"], last["cross"] = change, change**2, change * last["before"]
    last["relative"] = (change**2 / last["before"]).where(last["before"] > 0, 0.0)
    last["levels"] = last["mrr"] ** 2 - last["before"] ** 2
    sums = {name: (name, "sum") for name in ("change", "square", "cross", "relative", "levels")}
    table = last.groupby(["period", "kind"]).agg(n=("change", "count"), **sums)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "closing": float(table["change"].sum()),
    }


def _apart(side: str, path: Path, folder: str) -> dict[str, float]:
    code = f"from benchmarks.revenue import _report, {side}; _report({side}({str(path)!r}, {folder!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    return json.loads(done.stdout.splitlines()[-1])


def _report(found: dict[str, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(found | {"gigabytes": peak}))


def run() -> None:
    """Print seconds, ratio and peak memory; both sides in turn, best of two."""
    print(f"{os.cpu_count()} cores, 2 threads, 900 MB for DuckDB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "levels.parquet"
        write_levels(path, ROWS)
        rounds = [(_apart("ours", path, folder), _apart("by_hand", path, folder)) for _ in range(2)]
        mine, hand = (min((pair[side] for pair in rounds), key=lambda r: r["seconds"]) for side in (0, 1))
        assert abs(mine["closing"] - hand["closing"]) < 0.005, (mine, hand)
        print(f"MRR bridge, {ROWS:,} levels of {ROWS // 24:,} customers, from Parquet")
        print(f"  cx.revenue.mrr_bridge     {mine['seconds']:6.1f} s, peak {mine['gigabytes']:.2f} GB")
        print(f"  (judging the rows {mine['judging']:6.1f} s, once a study)")
        print(f"  DuckDB SQL        {hand['seconds']:6.1f} s, peak {hand['gigabytes']:.2f} GB")
        print(f"  ratio             {mine['seconds'] / hand['seconds']:6.2f}  (wanted: 1.25 at most)")
        print(f"  ratio, CPU time   {mine['cpu'] / hand['cpu']:6.2f}  (what a busy machine does not blur)")
        write_levels(path, PANDAS_ROWS)
        mine, slow = _apart("ours", path, folder), _apart("in_pandas", path, folder)
        assert abs(mine["closing"] - slow["closing"]) < 0.005 * PANDAS_ROWS**0.5, (mine, slow)
        print(f"MRR bridge, {PANDAS_ROWS:,} levels")
        print(f"  cx.revenue.mrr_bridge     {mine['seconds']:6.1f} s, peak {mine['gigabytes']:.2f} GB")
        print(f"  pandas            {slow['seconds']:6.1f} s, peak {slow['gigabytes']:.2f} GB")
        print(f"  pandas / ours     {slow['seconds'] / mine['seconds']:6.1f}  (wanted: 10 at least)")
        print(f"  the same, CPU     {slow['cpu'] / mine['cpu']:6.1f}")
