"""Sentences of the first screen: groups of a scorecard, shares nobody is followed to, tables of a manager."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.reporting.writing.blocks import table_block, tiles_block
from cxresearch.results.table_spec import spec_of_frame


@pytest.fixture(scope="module")
def card() -> cx.study.Scorecard:
    study = cx.synthetic.company_study(seed=1, customers=600)
    return cx.scorecard(study, by=["segment"], every="quarter", metrics=["csat"])


def test_the_first_screen_names_groups_with_interval(card: cx.study.Scorecard) -> None:
    rest = card.rest.assign(verdict="within noise")
    quiet = dataclasses.replace(card, rest=rest, changes=card.changes.assign(verdict="within noise"))
    said = "By segment, no group moved beyond noise. By segment, no group is unlike the others."
    assert quiet.groups_finding == said
    here = rest.index[rest["group"] == "smb"][0]
    rest = rest.assign(verdict=np.where(rest.index == here, "below", "within noise"))
    rest.loc[here, ["difference", "low", "high"]] = [-0.31, -0.5, -0.12]
    loud = dataclasses.replace(card, rest=rest).groups_finding
    assert "unlike the others together: smb, CSAT mean −0.31 [−0.50, −0.12]." in loud
    alone = dataclasses.replace(card, by=())
    assert alone.groups_finding == ""


def test_a_share_that_too_few_are_followed_to_says_so() -> None:
    when = np.r_[np.full(300, 5.0), np.full(25, 40.0)]
    curve = cx.churn_curve((when, (np.arange(when.size) < 100).astype(int)), unit="months")
    (early,), (late,) = curve.shares_at(4.0), curve.shares_at(20.0)
    assert early.note == ""
    assert late.note == "too few are followed so long"


def test_tables_and_tiles_say_a_unit_once() -> None:
    frame = pd.DataFrame({"what": ["wait"], "value": [0.1], "low": [0.05], "high": [0.2], "gap": [-0.03]})
    spec = spec_of_frame(
        frame,
        units={"value": cx.Unit.HOURS, "gap": cx.Unit.SHARE_DIFFERENCE},
        intervals={"value": ("low", "high")},
    )
    page = table_block(frame, spec, caption="", max_rows=5).replace("\N{NO-BREAK SPACE}", " ")
    assert "6.0 [3.0, 12.0] min" in page
    assert "−3.0 points" in page
    tile = {"name": "wait", "value": 0.5, "low": 0.4, "high": 1.2, "level": 0.95, "n": 1234, "unit": "hours"}
    assert "30 min" in (page := tiles_block([tile]))
    assert "[24, 72] min" in page
    assert "n 1,234" in page
