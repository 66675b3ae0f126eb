"""Nothing after the landmark may enter a feature: change the whole future and see that no feature moves."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.landmarks.known_by_then import TIME_OF, Past

Tables = dict[str, pd.DataFrame]
LANDMARKS = (pd.Timestamp("2023-07-01"), pd.Timestamp("2024-01-15"))
#: Fields that are filled in after their row came into being, and the moment from which they stand.
LATER = {
    "tickets": {
        "first_replied_at": "first_replied_at",
        "resolved_at": "resolved_at",
        "replies": "resolved_at",
        "reopens": "resolved_at",
        "wait_minutes": "resolved_at",
    },
    "customers": {"ended_at": "ended_at", "notice_at": "notice_at", "end_kind": "ended_at"},
}


@cache
def company() -> tuple[Tables, dict[str, Any]]:
    study = cx.synthetic.synthetic_study(seed=11, customers=120, tier="B")
    more = {"instruments": study.instruments, "segments": study.segments}
    return {name: collect(study.table(name)) for name in study.tables}, more


def known_at(tables: Tables, at: pd.Timestamp, until: str) -> pd.DataFrame:
    """Scores and features of every customer at risk; the outcome is left out, for it is the future."""
    # what the company does later is made up here, so that revenue may go on after an end
    study = cx.Study.from_frames(
        tables, observed_until=pd.Timestamp(until), revenue_ends="at_zero", **company()[1]
    )
    marks = cx.landmark(study, every=[at], keep_silent=True)
    scores = [name for name in marks.frame if name.removesuffix("_age_days") in marks.instruments]
    return marks.frame.set_index("customer_id")[[*scores, *marks.features, *marks.segments]]


@cache
def as_it_was(at: pd.Timestamp) -> pd.DataFrame:
    return known_at(company()[0], at, "2025-01-01")


def another_future(tables: Tables, at: pd.Timestamp, rng: np.random.Generator) -> Tables:
    """Redraw, drop and add rows after the landmark, and redraw the fields that were filled in after it."""
    return {name: _changed(name, frame.copy(), at, rng) for name, frame in tables.items()}


def _changed(name: str, frame: pd.DataFrame, at: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    for column, stands_from in LATER.get(name, {}).items():
        if column in frame:
            unknown = ~(frame[stands_from] <= at).to_numpy()  # later than the landmark, or never
            frame.loc[unknown, column] = _redrawn(frame, column, at, rng).loc[unknown]
    if name == "customers":
        frame["notice_at"] = frame[["notice_at", "ended_at"]].min(axis=1).where(frame["notice_at"].notna())
        frame["end_kind"] = frame["end_kind"].where(frame["ended_at"].notna())
        return frame
    if name == "tickets":  # a reply after the resolution would be an error in the data
        frame["first_replied_at"] = frame["first_replied_at"].where(
            ~(frame["first_replied_at"] > frame["resolved_at"])
        )
    time = TIME_OF[name]
    if name == "responses":  # invited before, answered after: the answer may be another or never come
        pending = (frame["sent_at"] <= at) & ~(frame["responded_at"] <= at)
        frame.loc[pending, "responded_at"] = at + _days(rng, int(pending.sum()))
        frame.loc[pending, "score"] = rng.choice([1.0, 5.0], int(pending.sum()))
        silent = pending & (rng.random(len(frame)) < 0.5)
        frame.loc[silent, ["responded_at", "score"]] = [pd.NaT, np.nan]
        frame.loc[frame["sent_at"] > at, "score"] = 1.0
        frame["responded_at"] = frame["responded_at"].where(frame["score"].notna())
        frame.loc[(frame["sent_at"] > at) & frame["responded_at"].isna(), "score"] = np.nan
        later = frame["sent_at"] > at
    else:
        later = frame[time] > at
    kept = frame[~later | (rng.random(len(frame)) < 0.5)].copy()
    for column in ("mrr", "quantity", "amount"):
        if column in kept:
            kept.loc[kept[time] > at, column] *= 50
    return kept.sample(frac=1, random_state=int(rng.integers(2**31)))


def _redrawn(frame: pd.DataFrame, column: str, at: pd.Timestamp, rng: np.random.Generator) -> pd.Series:
    if column.endswith("_at"):
        moments = pd.Series(at + _days(rng, len(frame)), index=frame.index)
        born = frame["created_at"] if "created_at" in frame else frame["started_at"]
        moments = moments.where(moments > born, born + pd.Timedelta(minutes=5))
        return moments.where(rng.random(len(frame)) < 0.7)
    if column == "end_kind":
        return pd.Series(rng.choice(["voluntary", "involuntary"], len(frame)), index=frame.index)
    return pd.Series(rng.integers(0, 9, len(frame)).astype(float), index=frame.index)


def _days(rng: np.random.Generator, n: int) -> pd.TimedeltaIndex:
    return pd.to_timedelta(rng.integers(1, 500 * 86_400, n), unit="s")


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), at=st.sampled_from(LANDMARKS))
def test_no_feature_knows_the_future(seed: int, at: pd.Timestamp) -> None:
    tables, _ = company()
    future = another_future(tables, at, np.random.default_rng(seed))
    pd.testing.assert_frame_equal(known_at(future, at, "2026-07-01"), as_it_was(at), rtol=1e-12)


def test_the_test_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each table show its later fields or rows, one after the other: the comparison must notice."""
    tables, _ = company()
    at = LANDMARKS[0]
    future = another_future(tables, at, np.random.default_rng(1))
    known = as_it_was(at)
    for table in ("tickets", "usage", "revenue", "orders"):
        with monkeypatch.context() as leak:
            leak.setattr(Past, table, lambda self, *_, _table=table, **__: self._archive.table(_table))
            assert not known_at(future, at, "2026-07-01").equals(known), table
    monkeypatch.setattr(Past, "answers", lambda self: self._archive.table("responses"))
    with pytest.raises(cx.errors.DataError, match="from after the landmark"):  # Landmarks itself notices
        known_at(future, at, "2026-07-01")


def test_the_future_was_really_changed() -> None:
    tables, _ = company()
    at = LANDMARKS[0]
    future = another_future(tables, at, np.random.default_rng(2))
    for name in ("responses", "tickets", "usage", "revenue", "orders"):
        before, after = tables[name], future[name]
        column = "sent_at" if name == "responses" else TIME_OF[name]
        assert (after[column] > at).sum() < (before[column] > at).sum()
        assert (after[column] <= at).sum() == (before[column] <= at).sum()
    resolved = future["tickets"].set_index("ticket_id")["resolved_at"]
    same = resolved.eq(tables["tickets"].set_index("ticket_id")["resolved_at"].reindex(resolved.index))
    assert not same.all()
    assert future["customers"]["ended_at"].notna().sum() != tables["customers"]["ended_at"].notna().sum()
