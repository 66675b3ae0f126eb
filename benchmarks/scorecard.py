"""NPS by 50 segments and 36 months, intervals included: cxresearch, hand-written DuckDB SQL, pandas.

Each contestant runs in a process of its own, so that its peak memory is its own; times are the best of three
after imports, on the clock and in processor time (the fairer one on a busy machine). Answers lie in one
Parquet file; files are made in a temporary folder and removed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = int(os.environ.get("CX_BENCH_ROWS", "50_000_000"))
PANDAS_ROWS = ROWS // 5

_MAKE = """
COPY (SELECT 'c' || (hash(i) % {people})::VARCHAR AS customer_id,
             'segment_' || lpad((hash(i * 7 + 1) % 50)::VARCHAR, 2, '0') AS segment,
             (CASE WHEN u < .05 THEN u * 100 WHEN u < .15 THEN 6 WHEN u < .24 THEN 7 WHEN u < .43 THEN 8
                   WHEN u < .65 THEN 9 ELSE 10 END)::INT::DOUBLE AS score,
             TIMESTAMP '2022-01-01' + to_seconds((hash(i * 13 + 5) % 94608000)::BIGINT) AS responded_at
      FROM (SELECT i, (hash(i * 3 + 2) % 1000000) / 1e6 AS u FROM range({rows}) t(i)))
TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

_STUDY = """
[study]
name = "Benchmark"
observed_until = 2025-12-31
[instruments]
nps = "nps"
[[sources]]
table = "responses"
file = "{file}"
[sources.columns]
customer_id = "customer_id"
instrument = {{ constant = "nps" }}
score = "score"
responded_at = "responded_at"
team = "segment"
"""

_SQL = """
WITH cells AS (
    SELECT segment, date_trunc('month', responded_at) AS period, count(score) AS n,
           count(*) FILTER (score >= 9) AS promoters, count(*) FILTER (score <= 6) AS detractors
    FROM '{path}' GROUP BY ALL),
nps AS (
    SELECT *, (promoters - detractors) / n AS value,
           sqrt(((promoters + detractors) / n - ((promoters - detractors) / n) ** 2) / n) AS se
    FROM cells)
SELECT segment, period, 100 * value AS value, 100 * (value - 1.96 * se) AS low,
       100 * (value + 1.96 * se) AS high, 100 * se AS se, n
FROM nps ORDER BY segment, period
"""


def sql(path: str) -> Any:
    """Wald intervals: what one writes by hand."""
    import duckdb

    return duckdb.connect().execute(_SQL.format(path=path)).df()


def cx_frame(path: str) -> Any:
    """A DuckDB relation over the file, scores checked in the same pass."""
    import duckdb

    import cxresearch as cx

    relation = duckdb.connect().read_parquet(path)
    return cx.metric_table(relation, "nps", by="segment", every="month", clusters=None)


def cx_study(path: str) -> Any:
    """A study over the file: every row validated by every rule, then the whole scorecard."""
    return cx_ready(_study(path))


def cx_file(path: str) -> Any:
    """The same from a study file: columns mapped, blank texts and endless numbers looked for."""
    import cxresearch as cx

    study_file = Path(path).with_name("study.toml")
    study_file.write_text(_STUDY.format(file=Path(path).name))
    return cx.scorecard(cx.read_study(study_file), by="team", every="month", metrics=["nps"]).table


def cx_ready(study: Any) -> Any:
    """The whole scorecard of a study whose rows have been validated before."""
    import cxresearch as cx

    return cx.scorecard(study, by="segment", every="month", metrics=["nps"]).table


def _study(path: str) -> Any:
    import duckdb

    import cxresearch as cx

    answers = duckdb.connect().read_parquet(path).project("*, 'nps' AS instrument")
    return cx.Study.from_frames(
        {"responses": answers}, observed_until="2025-12-31", instruments={"nps": cx.NPS}
    )


def pandas(path: str) -> Any:
    """The usual notebook cell: flags, groupby, Wald."""
    import numpy as np
    import pandas as pd

    rows = pd.read_parquet(path, columns=["segment", "responded_at", "score"])
    rows["period"] = rows["responded_at"].dt.to_period("M").dt.start_time
    rows["promoter"], rows["detractor"] = rows["score"] >= 9, rows["score"] <= 6
    cells = rows.groupby(["segment", "period"]).agg(
        n=("score", "count"), promoters=("promoter", "sum"), detractors=("detractor", "sum")
    )
    value = (cells["promoters"] - cells["detractors"]) / cells["n"]
    se = np.sqrt(((cells["promoters"] + cells["detractors"]) / cells["n"] - value**2) / cells["n"])
    return cells.assign(value=100 * value, low=100 * (value - 1.96 * se), high=100 * (value + 1.96 * se))


def pandas_apply(path: str) -> Any:
    """The same result as ours, score intervals included, from a groupby that calls cx.nps on each cell."""
    import pandas as pd

    import cxresearch as cx

    rows = pd.read_parquet(path, columns=["segment", "responded_at", "score"])
    period = rows["responded_at"].dt.to_period("M").dt.start_time
    cells = rows["score"].groupby([rows["segment"], period]).apply(cx.nps)
    return pd.DataFrame([cell.to_dict() for cell in cells], index=cells.index)


CONTESTANTS: dict[str, Callable[[Any], Any]] = {
    "sql": sql,
    "cx_frame": cx_frame,
    "cx_study": cx_study,
    "cx_file": cx_file,
    "cx_ready": cx_ready,
    "pandas": pandas,
    "pandas_apply": pandas_apply,
}


def _measure(contestant: str, path: str) -> dict[str, float]:
    """Run one contestant in this process."""
    if contestant.startswith("cx"):
        import cxresearch as cx

        cx.metric_table, cx.scorecard, cx.Study  # noqa: B018 - loads them before the clock starts
    subject: Any = path
    if contestant == "cx_ready":
        subject = _study(path)
        subject.counts()
    times, work = [], []
    for _ in range(3):
        start, busy = time.perf_counter(), time.process_time()
        found = CONTESTANTS[contestant](subject)
        times.append(time.perf_counter() - start)
        work.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    check = float((found["value"] * found["n"]).sum())
    return {"seconds": min(times), "cpu": min(work), "peak_gb": peak, "check": check}


def _in_own_process(contestant: str, path: Path) -> dict[str, float]:
    call = [sys.executable, "-m", "benchmarks.scorecard", contestant, str(path)]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(label: str, found: dict[str, float], peer: dict[str, float]) -> None:
    clock, work = found["seconds"] / peer["seconds"], found["cpu"] / peer["cpu"]
    print(
        f"  {label:<46} {found['seconds']:7.2f} s {clock:6.2f} x  {found['cpu']:7.2f} cpu s {work:6.2f} x"
        f"  {found['peak_gb']:5.2f} GB",
        flush=True,
    )


def _same(found: dict[str, float], peer: dict[str, float]) -> None:
    assert abs(found["check"] / peer["check"] - 1) < 1e-9, (found, peer)


def run() -> None:
    """Print times, peak memory and ratios."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        big, small = Path(folder, "big.parquet"), Path(folder, "small.parquet")
        for path, rows in ((big, ROWS), (small, PANDAS_ROWS)):
            connection = duckdb.connect(config={"preserve_insertion_order": False})
            connection.execute(_MAKE.format(people=max(rows // 10, 1), rows=rows, path=path))
            connection.close()
        print(f" {ROWS:,} answers, 50 segments x 36 months; ratio to hand-written SQL (goal: 1.25, 1.5 GB)")
        peer = _in_own_process("sql", big)
        _print("DuckDB SQL by hand, Wald interval", peer, peer)
        for name, label in (
            ("cx_frame", "cx.metric_table, score interval"),
            ("cx_ready", "cx.scorecard of a validated study"),
            ("cx_study", "cx.scorecard, first use: all rows validated"),
            ("cx_file", "cx.scorecard of a study file, first use"),
        ):
            found = _in_own_process(name, big)
            _same(found, peer)
            _print(label, found, peer)
        print(f" {PANDAS_ROWS:,} answers; ratio to cx.metric_table (goal: pandas at least 10)")
        ours = _in_own_process("cx_frame", small)
        _print("cx.metric_table, score interval", ours, ours)
        for name, label in (
            ("pandas", "pandas groupby of flags, Wald interval"),
            ("pandas_apply", "pandas groupby, score interval of each cell"),
        ):
            found = _in_own_process(name, small)
            _same(found, ours)
            _print(label, found, ours)


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2])))
