"""Change points of 5 metrics x 50 groups x 1,000 days: cxresearch beside PELT of ruptures.

A tenth of the groups steps down on a day of its own. Both get the same answers: cxresearch as a study on
DuckDB, PELT as daily means, least squares, penalty of the BIC with a robust sigma. ruptures (BSD) is an
optional peer: ``pip install ruptures``; without it its line is left out. Times are on the clock and of the
processor (the fairer one on a busy machine), imports and making the answers apart.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

ANSWERS = int(os.environ.get("CX_BENCH_ANSWERS", "500_000"))
DAYS = 1_000
GROUPS = 50
FALLEN = 5
METRICS = ("nps", "csat", "csat_top_2_box", "ces", "ces_top_2_box")
_START = pd.Timestamp("2022-01-01")


def answers(seed: int = 1) -> tuple[pd.DataFrame, dict[str, int]]:
    """Answers to three questions by customers who answer five times on average; days of the planted falls."""
    rng = np.random.default_rng(seed)
    people = ANSWERS // 5
    group = rng.integers(0, GROUPS, people)
    who = rng.integers(0, people, ANSWERS)
    day = rng.integers(0, DAYS, ANSWERS)
    fell_on = np.full(GROUPS, DAYS)
    fell_on[:FALLEN] = rng.integers(200, 800, FALLEN)
    mood = 0.7 * rng.standard_normal(people)[who] + 0.7 * rng.standard_normal(ANSWERS)
    mood -= 0.3 * (day >= fell_on[group[who]])
    question = rng.integers(0, 3, ANSWERS)
    nps = np.digitize(mood, [-1.6, -1.2, -1.0, -0.8, -0.6, -0.4, -0.2, 0.1, 0.5, 1.0])
    csat = np.digitize(mood, [-1.6, -1.0, -0.4, 0.5]) + 1
    ces = np.digitize(mood, [-1.8, -1.3, -0.9, -0.4, 0.3, 1.0]) + 1
    frame = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "instrument": np.array(["nps", "csat", "ces"])[question],
            "score": np.choose(question, [nps, csat, ces]).astype(float),
            "responded_at": _START + pd.to_timedelta(day, unit="D"),
            "team": np.char.add("team ", np.char.zfill(group[who].astype(str), 2)),
        }
    )
    return frame, {f"team {k:02d}": int(fell_on[k]) for k in range(FALLEN)}


def study_of(frame: pd.DataFrame) -> Any:
    """A study on DuckDB."""
    import cxresearch as cx

    people = pd.DataFrame({"customer_id": frame["customer_id"].unique(), "started_at": _START})
    return cx.Study.from_frames(
        {"customers": people, "responses": frame},
        observed_until=_START + pd.Timedelta(days=DAYS),
        instruments={"nps": cx.NPS, "csat": cx.CSAT, "ces": cx.CES2},
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work returns, its seconds on the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - processor


def search(families: list[list[Any]]) -> list[Any]:
    """Search the families, one a metric."""
    from cxresearch.stats.change_points.change_point import find_changes

    return [find_changes(family, rng=np.random.default_rng(1)) for family in families]


def pelt(signal: np.ndarray, *, least: int) -> list[int]:
    """Ends of the stretches that PELT names in a series."""
    import ruptures

    sigma = np.median(np.abs(np.diff(signal))) / 0.6745 / np.sqrt(2)
    model = ruptures.Pelt(model="l2", min_size=least, jump=1).fit(signal)
    ends: list[int] = model.predict(pen=2 * sigma**2 * np.log(len(signal)))[:-1]
    return ends


def weekly(sums: Any) -> np.ndarray:
    """Mean of each whole week of a series."""
    week = (sums.day - sums.day[0]) // 7
    weeks = int(week[-1])
    total = np.bincount(week, weights=sums.total)[:weeks]
    base: np.ndarray = np.bincount(week, weights=sums.base)[:weeks]
    return total / base


def run() -> None:
    """Print seconds, and how near the days are on the planted falls."""
    from cxresearch.voice.when.metric_series import metric_series
    from cxresearch.voice.when.score_series import day_number

    frame, truth = answers()
    study = study_of(frame)
    study.counts()  # rows are judged once, and not in the times below
    first = int(day_number([_START])[0])
    read, clock, processor = timed(lambda: [metric_series(study, name, by="team") for name in METRICS])
    print(
        f"{ANSWERS:,} answers to sums by day, 5 metrics x {GROUPS} groups: "
        f"{clock:.2f} s, processor {processor:.2f} s"
    )
    families = [list(series.sums) for series in read]
    found, clock, processor = timed(lambda: search(families))
    print(f"search, 999 draws: {clock:.2f} s, processor {processor:.2f} s")
    named: dict[Any, list[int]] = {}
    false = 0
    for name, series, result in zip(METRICS, read, found, strict=True):
        for change in result.changes:
            team = str(series.groups[change.series]["team"])
            named.setdefault((name, team), []).append(change.day - first)
            false += team not in truth
    if importlib.util.find_spec("ruptures") is None:
        print("ruptures is not installed: no peer")
        return
    daily = families[0][0].total / families[0][0].base
    _, clock_pelt, processor_pelt = timed(lambda: pelt(daily, least=14))
    print(f"PELT on one of the 250 daily series: {clock_pelt:.2f} s, processor {processor_pelt:.2f} s")
    print(f"ratio of processor times, cxresearch on all 250 / PELT on one: {processor / processor_pelt:.2f}")
    guessed, clock_pelt, processor_pelt = timed(
        lambda: [pelt(weekly(sums), least=4) for family in families for sums in family]
    )
    print(f"PELT on all 250 as weekly means: {clock_pelt:.2f} s, processor {processor_pelt:.2f} s")
    compare(truth, named, false, guessed)


def compare(truth: dict[str, int], named: dict[Any, list[int]], false: int, guessed: list[list[int]]) -> None:
    """Print what each found of the planted falls, and how near."""
    places = [(name, f"team {k:02d}") for name in METRICS for k in range(GROUPS)]
    other = {place: [7 * end for end in ends] for place, ends in zip(places, guessed, strict=True) if ends}
    both = [place for place in places if place in named and place in other and place[1] in truth]
    ours_off = [min(abs(day - truth[place[1]]) for day in named[place]) for place in both]
    pelt_off = [min(abs(day - truth[place[1]]) for day in other[place]) for place in both]
    false_pelt = sum(len(days) for place, days in other.items() if place[1] not in truth)
    planted = FALLEN * len(METRICS)
    seen = sum(place[1] in truth for place in named)
    seen_pelt = sum(place[1] in truth for place in other)
    print(f"planted falls seen: cxresearch {seen} of {planted}, PELT {seen_pelt}")
    print(f"changes named where there is none: cxresearch {false}, PELT {false_pelt}")
    print(
        f"mean days off where both saw it: cxresearch {np.mean(ours_off):.1f}, PELT {np.mean(pelt_off):.1f}"
    )
