"""From a stage to the next: who comes through within some days, who is lost, who left, how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.survival.aalen_johansen import CumulativeIncidence, aalen_johansen

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Places
    from cxresearch.voice.stages.stage_entries import StageEntries

PASSED, LEFT = 1, 2
SELECTED = "only later customers are seen"
#: Of people seen in a stage before they became customers, more than this share makes the passage a selection.
MOST_SELECTED = 0.05


@dataclass(frozen=True, kw_only=True)
class Spells:
    """Times from entering a stage until the next one, the end or the data cut.

    Attributes
    ----------
    who : ndarray of int, shape (n,)
    start, days : ndarray, shape (n,)
        Day of entry, and days until the event or the end of the follow-up.
    event : ndarray of int, shape (n,)
        0 censored, 1 passed, 2 left.
    ahead : int
        Spells of customers who were in the next stage before this one: not counted.
    """

    who: Places
    start: Floats
    days: Floats
    event: Places
    ahead: int

    def __len__(self) -> int:
        """How many spells."""
        return len(self.who)


def spells(entries: StageEntries, first: int, then: int) -> Spells:
    """Return the spells from one stage to another, whatever lies between; only leaving competes.

    A customer who enters the first stage twice before the other waits since the first time. Whoever was in
    the later stage already when entering the earlier one (stages may overlap) has passed it beforehand.
    """
    both = (entries.stage == first) | (entries.stage == then)
    who, stage, day = entries.who[both], entries.stage[both], entries.day[both]
    same = np.zeros(len(who), dtype=bool)
    same[1:] = who[1:] == who[:-1]
    # Of a run of the same stage the first entry counts: the two stages alternate then.
    runs = ~(same & (stage == np.roll(stage, 1)))
    who, stage, day, same = who[runs], stage[runs], day[runs], same[runs]
    start = np.flatnonzero(stage == first)
    overlapping = np.zeros(len(who), dtype=bool)
    if first < then:
        # The customer's very first entry is into the later stage, and this is the second.
        opening = ~same & (stage == then)
        overlapping[1:] = opening[:-1] & same[1:]
    start_here = start[~overlapping[start]]
    following = np.minimum(start_here + 1, len(who) - 1)
    passed = (start_here + 1 < len(who)) & same[following]
    until = entries.until[who[start_here]]
    days = np.where(passed, day[following], until) - day[start_here]
    left = ~passed & np.isfinite(entries.ended[who[start_here]])
    return Spells(
        who=who[start_here],
        start=day[start_here],
        days=np.maximum(days, 0.0),
        event=np.where(passed, PASSED, np.where(left, LEFT, 0)),
        ahead=int(overlapping[start].sum()),
    )


def passages(entries: StageEntries, *, within_days: float, level: float) -> pd.DataFrame:
    """Return one row for each stage and the next, and for the last and the first where anybody goes round."""
    last = len(entries.stages) - 1
    pairs = [(place, place + 1) for place in range(last)]
    # A second round is one of a customer who enters the first stage a second time.
    if (np.bincount(entries.who[entries.stage == 0], minlength=1) > 1).any():
        pairs.append((last, 0))
    rows = [
        passage(entries, spells(entries, *pair), within_days=within_days, level=level)
        | {"from_stage": entries.stages[pair[0]], "to_stage": entries.stages[pair[1]]}
        for pair in pairs
    ]
    table = pd.DataFrame(rows)
    lead = ["from_stage", "to_stage"]
    return table[[*lead, *(name for name in table if name not in lead)]]


def passage(entries: StageEntries, part: Spells, *, within_days: float, level: float) -> dict[str, Any]:
    """Return the figures of one passage; shares are NaN where the data do not reach or are a selection."""
    blank = float("nan")
    row: dict[str, Any] = {
        "n": len(part),
        "customers": len(np.unique(part.who)),
        "ahead": part.ahead,
        "passed": int((part.event == PASSED).sum()),
        "left": int((part.event == LEFT).sum()),
        "waiting": int((part.event == 0).sum()),
    }
    shares = ("value", "low", "high", "se", "lost", "lost_low", "lost_high", "left_share", "stalled_share")
    row |= dict.fromkeys((*shares, "median_days", "median_low", "median_high"), blank)
    row["small_base"] = len(part) < SMALL_BASE
    row["note"] = ""
    if len(part) < SUPPRESS_BELOW:
        row["note"] = "nobody came here"
        if part.ahead:
            row["note"] = "all were in the next stage before"
        if len(part):
            row["note"] = f"fewer than {SUPPRESS_BELOW} came here"
        return row
    curve = _curve(part, level)
    row |= _half_way(curve)
    if _is_selected(entries, part):
        row["note"] = SELECTED
        return row
    at: Any = curve.incidence_at([within_days]).set_index("kind").to_dict("index")
    if np.isnan(at["passed"]["incidence"]):
        row["note"] = f"nobody has been followed for {within_days:g} days yet"
        return row
    row |= _shares(part, at, within_days, level)
    return row


def _curve(part: Spells, level: float) -> CumulativeIncidence:
    kinds = {PASSED: "passed", LEFT: "left"}
    # One customer may go round several times: rows depend on each other within customers.
    clusters = part.who
    return aalen_johansen(part.days, part.event, clusters=clusters, kinds=kinds, level=level)


def _shares(part: Spells, at: Any, within_days: float, level: float) -> dict[str, Any]:
    """Shares at the horizon; lost is everybody who is not through by then."""
    value = float(at["passed"]["incidence"])
    low = float(at["passed"]["low"])
    high = float(at["passed"]["high"])
    left = float(at["left"]["incidence"])
    if value in (0.0, 1.0):
        # A share of 0 or 1 has no standard error: Wilson (1927) of the customers whose outcome is known.
        known = len(np.unique(part.who[(part.event > 0) | (part.days >= within_days)]))
        bounds = wilson(value * known, known, level=level)
        low = float(bounds.low)
        high = float(bounds.high)
    return {
        "value": value,
        "low": low,
        "high": high,
        "se": float(at["passed"]["se"]),
        "lost": 1 - value,
        "lost_low": 1 - high,
        "lost_high": 1 - low,
        # Lost by leaving, one of the two ways to be lost.
        "left_share": left,
        # What neither passed nor left by the horizon stands still: 1 - F_passed - F_left.
        "stalled_share": max(1 - value - left, 0.0),
    }


def _half_way(curve: CumulativeIncidence) -> dict[str, float]:
    """Days by which half have come through, with the days at which the limits of the curve reach a half."""
    passed = curve.kinds.index("passed")
    return {
        "median_days": _reaches(curve.time, curve.incidence[:, passed]),
        "median_low": _reaches(curve.time, curve.high[:, passed]),
        "median_high": _reaches(curve.time, curve.low[:, passed]),
    }


def _reaches(time: Floats, share: Floats, level: float = 0.5) -> float:
    # Smallest t with F(t) >= 1/2, for the curve and for its limits (Brookmeyer and Crowley 1982).
    reached = share >= level
    if not reached.any():
        return float("nan")
    return float(time[int(np.argmax(reached))])


def _is_selected(entries: StageEntries, part: Spells) -> bool:
    """Whether people are in the data only because they became customers later."""
    started = entries.started[part.who]
    # A start dated to a day may lie some hours after what happened on that day.
    before: Bools = part.start < started - 1.0
    # Conditional on a later start nobody can have been lost before it (immortal time): no share is given.
    return bool(before.mean() > MOST_SELECTED)
