"""Stages one by one: who came, how long they stay, and where they go next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.survival.aalen_johansen import aalen_johansen
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places
    from cxresearch.voice.stages.stage_entries import StageEntries

LEFT, STILL = "left", "still there"


def stays(entries: StageEntries) -> tuple[Floats, Places]:
    """Return for each entry the days until the next, and what came.

    0: nothing yet; k + 1: stage k; the number of stages and one: leaving.
    """
    last = entries.last_of_customer
    until = entries.until[entries.who]
    following = np.where(last, until, np.roll(entries.day, -1))
    # The last stay ends with the customer, or is censored at the data cut.
    gone = np.isfinite(entries.ended[entries.who])
    left = len(entries.stages) + 1
    event = np.where(last, np.where(gone, left, 0), np.roll(entries.stage, -1) + 1)
    return np.maximum(following - entries.day, 0.0), event


def stage_table(entries: StageEntries, *, level: float) -> pd.DataFrame:
    """Return one row a stage: customers who came, share, visits, there now, skipped it, days there."""
    days, event = stays(entries)
    # The share is of those who entered any stage: customers without events are in no figure.
    everybody = len(np.unique(entries.who))
    now = entries.last_of_customer & (event == 0)
    furthest = np.full(len(entries.ids), -1)
    np.maximum.at(furthest, entries.who, entries.stage)
    rows = []
    for place, stage in enumerate(entries.stages):
        here = entries.stage == place
        came = np.unique(entries.who[here])
        bounds = wilson(len(came), everybody, level=level)
        # Skipped: whoever came to a later stage and never to this one.
        beyond = int((furthest > place).sum())
        row = {
            "stage": stage,
            "customers": len(came),
            "value": len(came) / everybody,
            "low": float(bounds.low),
            "high": float(bounds.high),
            "visits": int(here.sum()),
            "now": int((here & now).sum()),
            "skipped": beyond - int((furthest[came] > place).sum()),
        }
        row |= dict.fromkeys(("median_days", "median_low", "median_high"), float("nan"))
        if len(came) >= SUPPRESS_BELOW:
            curve = kaplan_meier(days[here], event[here] > 0, clusters=entries.who[here], level=level)
            median = curve.median
            row |= {"median_days": median.value, "median_low": median.low, "median_high": median.high}
        row["small_base"] = len(came) < SMALL_BASE
        rows.append(row)
    table = pd.DataFrame(rows)
    few = (table["customers"] > 0) & (table["customers"] < SUPPRESS_BELOW)
    table.loc[few, ["value", "low", "high"]] = np.nan
    return table


def move_table(entries: StageEntries, *, within_days: float, level: float) -> pd.DataFrame:
    """Return what follows each stage within some days: another stage, leaving, or nothing.

    One row for each stage and what may follow. Stages compete (Aalen and Johansen 1978): whoever is followed
    for less time than that is censored.
    """
    days, event = stays(entries)
    kinds = {number + 1: name for number, name in enumerate((*entries.stages, LEFT))}
    rows = []
    for place, stage in enumerate(entries.stages):
        here = entries.stage == place
        n = int(here.sum())
        if n < SUPPRESS_BELOW:
            continue
        present = {code: kinds[code] for code in kinds if (event[here] == code).any()}
        curve = aalen_johansen(
            days[here], event[here], clusters=entries.who[here], kinds=present or {1: "none"}, level=level
        )
        at = curve.incidence_at([within_days])
        moves = at.set_index("kind")[["incidence", "low", "high"]].rename(columns={"incidence": "value"})
        moves = moves.reindex([name for name in kinds.values() if name != stage])
        never = moves["value"].isna() & bool(at["incidence"].notna().all())
        # Nobody of n went there: the upper end is Wilson's.
        moves.loc[never, ["value", "low", "high"]] = (0.0, 0.0, float(wilson(0, n, level=level).high))
        moves.loc[STILL] = _still(curve.event_free.survival_at([within_days]), n, level)
        rows.append(moves.reset_index(names="next").assign(stage=stage, n=n, small_base=n < SMALL_BASE))
    if not rows:
        return pd.DataFrame(columns=["stage", "next", "n", "value", "low", "high", "small_base"])
    table = pd.concat(rows, ignore_index=True)
    return table[["stage", "next", "n", "value", "low", "high", "small_base"]]


def _still(at: pd.DataFrame, n: int, level: float) -> tuple[float, float, float]:
    row = at.iloc[0]
    if row["survival"] == 0:
        # Nobody of n is there: the upper end is Wilson's.
        return 0.0, 0.0, float(wilson(0, n, level=level).high)
    return float(row["survival"]), float(row["low"]), float(row["high"])
