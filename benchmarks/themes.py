"""Themes of a million comments of 20 words: a codebook applied, themes discovered, memory used.

Each task runs in a process of its own, so that its peak memory is its own; ``CX_BENCH_TEXTS`` sets the
number of comments.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

TEXTS = int(os.environ.get("CX_BENCH_TEXTS", "1_000_000"))
TOPICS = 12
WORDS_A_TOPIC, COMMON_WORDS, WORDS_A_TEXT = 60, 20_000, 20
CODEBOOK = {
    f"theme{at}": [f"topic{at}word{word}" for word in range(6)] + [f"topic{at}wor* none"] for at in range(20)
}


def comments(n: int) -> list[str]:
    """Comments of one or two of twelve topics among common words of a long-tailed frequency."""
    rng = np.random.default_rng(1)
    common = np.array([f"word{at}" for at in range(COMMON_WORDS)], dtype=object)
    frequency = 1 / np.arange(5, COMMON_WORDS + 5)
    drawn = common[rng.choice(COMMON_WORDS, size=(n, 13), p=frequency / frequency.sum())]
    topic = rng.integers(0, TOPICS, n)
    told = rng.integers(0, WORDS_A_TOPIC, (n, WORDS_A_TEXT - 13))
    return [
        " ".join([*row, *(f"topic{at}word{word}" for word in words)])
        for row, at, words in zip(drawn, topic, told, strict=True)
    ]


def task(name: str, n: int) -> dict[str, float]:
    """One task on n comments: seconds on the clock, of processor time, and MB of the whole process."""
    import pandas as pd

    from cxresearch.data.study import Study
    from cxresearch.scales import NPS
    from cxresearch.stats.text.codebook import read_codebook
    from cxresearch.stats.text.topics import discover_topics
    from cxresearch.voice.why.themes import themes

    texts = comments(n)
    if name == "codebook":
        book = read_codebook(CODEBOOK)
        book.match(texts[:100])
        run = lambda: book.match(texts)  # noqa: E731
    elif name == "apply":
        topics = discover_topics(texts, size=12)
        run = lambda: topics.match(texts)  # noqa: E731
    else:
        answers = pd.DataFrame(
            {
                "customer_id": np.arange(n) // 3,
                "instrument": "nps",
                "score": (np.arange(n) % 11).astype(float),
                "responded_at": pd.Timestamp("2024-01-01")
                + pd.to_timedelta(np.arange(n) % 500_000, unit="min"),
                "comment": texts,
            }
        )
        study = Study.from_frames(
            {"responses": answers}, observed_until="2025-06-30", instruments={"nps": NPS}
        )
        run = lambda: themes(study)  # noqa: E731
    clock, processor = time.perf_counter(), time.process_time()
    found = run()
    seconds = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}
    shown = len(found.table) if name == "themes" else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**seconds, "megabytes": peak, "themes": shown}


def run() -> None:
    """Print the figures of all tasks."""
    for name in ("codebook", "apply", "themes"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.themes", name, str(TEXTS)],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        rate = TEXTS / found["processor"]
        print(
            f"{name}: {TEXTS:,} comments, {found['clock']:.0f} s on the clock, {found['processor']:.0f} s of "
            f"processor time ({rate:,.0f} a second of it), {found['megabytes']:,.0f} MB"
            + (f", {found['themes']} themes" if found["themes"] else "")
        )


if __name__ == "__main__":
    print(json.dumps(task(sys.argv[1], int(sys.argv[2]))))
