"""What a notebook shows of the things one declares: readable, escaped, and nothing is read for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.validation.judged_tables import CheckedTables
from cxresearch.metrics.revenue.revenue_profiles import revenue_profile
from cxresearch.scales import CES2

HOSTILE = "<script>alert(1)</script>"


def study(**columns: Any) -> cx.Study:
    frame = pd.DataFrame({"customer_id": ["a"], "started_at": [pd.Timestamp("2024-01-01")], **columns})
    return cx.Study.from_frames(
        {"customers": frame},
        observed_until=datetime(2024, 12, 31),
        instruments={"ces": CES2},
        name=HOSTILE,
    )


def shown(thing: Any) -> str:
    text: str = thing._repr_html_()
    assert text.startswith("<div class='cx-result'>")
    assert text.endswith("</div>")
    assert "<script" not in text
    return text


def test_a_study_shows_its_declaration_and_reads_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = study()

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a display read rows")

    monkeypatch.setattr(CheckedTables, "summary", refuse)
    text = shown(opened)
    assert "<th>observed until</th><td>2024-12-31 00:00 UTC</td>" in text
    assert "CES (1 to 7)" in text
    assert "<th>tables</th><td>customers</td>" in text
    assert "&lt;script&gt;" in text


def test_a_scale_says_which_end_is_good() -> None:
    assert "<b>CES</b>: 1 to 7, high is good" in shown(CES2)
    odd = cx.Scale(name="x", label=HOSTILE, low=1, high=5, direction="low_is_good", question=HOSTILE)
    assert "1 to 5, low is good; satisfied: 1, 2." in shown(odd)


def test_a_protocol_says_its_pair_and_whether_it_was_named() -> None:
    plan = cx.Protocol(scores=("ces", "nps", "csat"), horizon_days=(180,), notes=HOSTILE)
    assert "ces against nps, the first two as listed" in shown(plan)
    named = cx.Protocol(scores=("ces", "nps", "csat"), horizon_days=(180,), primary=("nps", "csat"))
    assert "<td>nps against csat</td>" in shown(named)
    assert named.sha256[:12] in shown(named)


def test_business_hours_show_the_week() -> None:
    text = shown(cx.support.BusinessHours(timezone="Europe/Berlin", holidays=["2024-05-01"]))
    assert "<th>mon</th><td>09:00 to 17:00</td>" in text
    assert "<th>sun</th><td>closed</td>" in text
    assert "2024-05-01" in text


def test_a_revenue_profile_shows_its_choices() -> None:
    text = shown(revenue_profile("chartmogul"))
    assert "Revenue by ChartMogul" in text
    assert "<th>moves</th><td>every change</td>" in text
