"""Contest of 3 scores at 4 horizons: AUC and Brier score with clustered errors and all paired contrasts.

Reference on the same kind of machine at 100,000 rows: riskRegression::Score takes 4.5 s and 1.05 GB, without
clusters; timeROC does not finish 7,032 rows in 10 minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys

_CHILD = """
import json, resource, sys, time
import cxresearch as cx
from sklearn.metrics import roc_auc_score

rows = int(sys.argv[1])
marks = cx.synthetic.synthetic_landmarks(seed=1, customers=rows, censoring=0.3)
horizons, scores = [365.25, 91, 182, 274], ["ces", "nps", "csat"]
cx.compare(cx.synthetic.synthetic_landmarks(customers=2_000), scores, metrics=("brier",))  # imports
found = {"rows": rows, "memory_before": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

def clock(call, times):
    best = (float("inf"), float("inf"))
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best

found["wall"], found["cpu"] = clock(
    lambda: cx.compare(marks, scores, horizon_days=horizons, metrics=("brier",)), 3
)
found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
frame = marks.frame
churned = (frame["event"] == 1) & (frame["duration_days"] <= 365.25)
found["peer_wall"], found["peer_cpu"] = clock(
    lambda: [roc_auc_score(churned, -frame[name]) for name in scores for _ in horizons], 1
)
print(json.dumps(found))
"""


def measure(rows: int) -> dict[str, float]:
    """Time and peak memory (MB) of one contest in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(rows)], capture_output=True, text=True, check=True, timeout=900
    )
    return json.loads(done.stdout.splitlines()[-1])


def run(sizes: tuple[int, ...] = (100_000, 1_000_000)) -> list[dict[str, float]]:
    """Print time, memory and the ratio to twelve bare sklearn AUCs without any error or censoring."""
    results = [measure(rows) for rows in sizes]
    print(
        f"{'rows':>10} {'wall s':>8} {'cpu s':>8} {'peak MB':>8} {'12 sklearn AUCs, cpu s':>24} {'ratio':>6}"
    )
    for found in results:
        print(
            f"{found['rows']:>10,.0f} {found['wall']:>8.2f} {found['cpu']:>8.2f} {found['memory']:>8,.0f} "
            f"{found['peer_cpu']:>24.2f} {found['cpu'] / found['peer_cpu']:>6.2f}"
        )
    if len(results) > 1:
        growth = results[-1]["cpu"] / results[0]["cpu"]
        print(f"{sizes[-1] / sizes[0]:.0f} times the rows take {growth:.1f} times the time")
    return results


if __name__ == "__main__":
    run()
