"""Sentences below pictures: figures by hand, what is missing said, prose left off where nothing follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.reporting.captions import (
    ageing_caption,
    bridge_caption,
    cohort_caption,
    reference_line,
    too_small,
)
from cxresearch.reporting.page.report_page import render
from cxresearch.reporting.writing.blocks import aside_block, table_block, tiles_block
from cxresearch.results.table_spec import spec_of_frame


def ten_customers(customers: int = 10) -> Study:
    """Each pays 10 in January; in February one leaves, another doubles, one more joins; cut on 1 March."""
    names = [f"c{number}" for number in range(customers)]
    rows = [(name, "2024-01-10", 10.0) for name in names]
    rows += [(names[0], "2024-02-10", 0.0), (names[1], "2024-02-11", 20.0), ("new", "2024-02-12", 7.0)]
    table = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    table["effective_at"] = pd.to_datetime(table["effective_at"])
    return Study.from_frames({"revenue": table}, observed_until="2024-03-01", instruments={}, currency="CHF")


def test_a_bridge_in_words_by_hand() -> None:
    said = bridge_caption(cx.revenue.mrr_bridge(ten_customers()), level=0.9)
    assert said.startswith("2024-02: recurring revenue rose by 7 CHF, to 107 CHF a month from 10 customers; ")
    assert "1 joined and 1 left." in said
    assert "100.0 % was there at the end" in said
    assert "(90 % interval [" in said
    assert ", n 10)" in said


def test_a_bridge_without_a_complete_period_has_no_caption() -> None:
    bridge = cx.revenue.mrr_bridge(ten_customers())
    with pytest.raises(cx.errors.ArgumentError, match="no complete period"):
        bridge_caption(replace(bridge, table=bridge.table.assign(complete=False)))


@pytest.mark.parametrize(("customers", "hidden"), [(4, True), (5, False)])
def test_few_customers_are_not_pictured(customers: int, hidden: bool) -> None:
    """Opening and closing are alike in number: one left and one joined."""
    assert too_small(cx.revenue.mrr_bridge(ten_customers(customers))) is hidden


def test_cohorts_are_compared_at_a_year_where_one_is_that_old() -> None:
    shares = {(0, 4): 0.7, (0, 5): 0.6, (1, 4): 0.8, (2, 3): 0.9}
    frame = pd.DataFrame(
        [
            {"cohort": start, "age": age, "n": 40, "start": 40.0, "left": 40 * share, "share": share}
            for (which, age), share in shares.items()
            for start in [pd.Timestamp("2023-01-01") + pd.DateOffset(months=3 * which)]
        ]
    ).assign(low=0.5, high=0.95, complete=True)
    cohorts = cx.revenue.CohortRetention(table=frame, of="customers", every="quarter", level=0.95)
    said = cohort_caption(cohorts)
    assert said.startswith("Of the customers who first paid in the quarter from Apr 2023, 80.0 % were still")
    assert "after 4 quarters (95 % interval [50.0 %, 95.0 %], n 40)." in said
    young = cohort_caption(replace(cohorts, table=frame.assign(age=[0, 0, 0, 1])))
    assert "90.0 % were still there after 1 quarter (" in young
    money = cohort_caption(replace(cohorts, of="revenue"))
    assert money.startswith("Of the revenue of those who first paid") and "80.0 % was still" in money
    newborn = cohort_caption(replace(cohorts, table=frame.assign(share=np.nan)))
    assert newborn.startswith("No cohort is older than its first quarter yet.")


def test_ageing_in_words() -> None:
    frame = pd.DataFrame(
        {
            "from_hours": [0.0, 24.0],
            "to_hours": [24.0, np.inf],
            "band": ["under 24 h", "over 1 d"],
            "n": [3, 1],
        }
    )
    ageing = cx.support.TicketAgeing(
        table=frame, n=4, observed_until=pd.Timestamp("2024-03-01").to_pydatetime()
    )
    said = ageing_caption(ageing)
    assert said.startswith("Of 4 tickets open when the data were cut, 1 (25 %) has waited over 1 d;")
    assert ageing_caption(replace(ageing, n=0)) == "No ticket is open."


def test_reference_points_carry_band_source_and_caution() -> None:
    line = reference_line(cx.nps([0] * 300 + [10] * 100))
    assert line.startswith("NPS \N{MINUS SIGN}50.0: needs work; so is the whole interval")
    assert "needs work below 0, good from 0, excellent from 50, world class above 70" in line
    assert "Apple 72, Amazon 69, Netflix 68 (Retently" in line
    assert "Jive 68 (trade articles; no study found)" in line
    assert line.endswith("say nothing about your market.")


def test_a_tile_without_interval_says_so() -> None:
    tile = {"name": "MRR", "value": 5.0, "low": None, "high": None, "level": 0.95, "n": 9, "unit": "money"}
    assert "no interval" in (page := tiles_block([tile]))
    assert "95 %" not in page


def test_asides_are_inert() -> None:
    assert "<b>" not in aside_block("<b>bold</b>")


def _cell(kind: str, source: str, tags: tuple[str, ...] = (), text: str = "") -> dict[str, Any]:
    output = {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
    more = {"outputs": [output] if text else [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": source, "metadata": {"tags": list(tags)}, "source": source, **more}


def test_optional_prose_goes_where_its_code_shows_nothing() -> None:
    import nbformat

    cells = [
        _cell("markdown", "kept-0"),
        _cell("code", "a"),
        _cell("markdown", "gone-1", ("optional",)),
        _cell("code", "b"),
        _cell("markdown", "kept-2", ("optional",)),
        _cell("code", "c"),
        _cell("code", "d", text="something"),
        _cell("markdown", "gone-3", ("optional",)),
    ]
    notebook = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    page = render(notebook, title="t", boxes="", about="")
    assert [name in page for name in ("kept-0", "gone-1", "kept-2", "gone-3")] == [True, False, True, False]


def test_contestants_are_those_somebody_answered() -> None:
    rows = {"customer_id": list("ab"), "duration_days": [400, 30], "event": [0, 1]}
    scales = {"nps": cx.NPS, "csat": cx.CSAT, "ces": cx.CES2, "other": replace(cx.CSAT, name="other")}

    def marks(**scores: list[float | None]) -> cx.classifier.Landmarks:
        frame = pd.DataFrame(rows | {name: scores.get(name, [None, None]) for name in scales})
        return cx.classifier.Landmarks.from_frame(frame, instruments=scales, horizon_days=180)

    assert cx.contest.answered_scores(marks(nps=[1, 2], ces=[3, None], other=[1, 1])) == ("ces", "nps")
    assert cx.contest.answered_scores(marks(nps=[1, 2], other=[1, 1])) == ("nps", "other")
    assert cx.contest.answered_scores(marks()) == ()
    with pytest.raises(cx.errors.DataError, match="every one of nps, csat; nobody answered csat"):
        cx.compare(marks(nps=[1, 2]), ["nps", "csat"])


def test_drivers_say_what_is_missing() -> None:
    frame = pd.DataFrame({"nps": [1.0, 2.0], "tenure_days": [3.0, 4.0]})
    with pytest.raises(cx.errors.ArgumentError, match="only 'tenure_days' could explain it"):
        cx.key_drivers(frame, "nps", ["tenure_days"])
    with pytest.raises(cx.errors.ArgumentError, match="nothing could explain it"):
        cx.key_drivers(frame, "nps", [])
    with pytest.raises(cx.errors.ArgumentError, match="'csat', the score to explain, is no column"):
        cx.key_drivers(frame, "csat", ["nps", "tenure_days"])


@pytest.mark.browser
@pytest.mark.parametrize("width", [1000, 1400])
def test_a_row_of_the_first_table_is_one_line(browser: Any, tmp_path: Path, width: int) -> None:
    import nbformat

    study = cx.synthetic.company_study(seed=1, customers=600)
    wanted = ["csat_top_box", "net_revenue_retention", "resolution_p90_hours", "nps_response_rate"]
    glance = cx.scorecard(study, every="quarter", metrics=wanted).glance
    block = table_block(glance, spec_of_frame(glance), caption="", max_rows=9)
    output = {"output_type": "display_data", "data": {"text/html": block}, "metadata": {}}
    cell = _cell("code", "a") | {"outputs": [output]}
    notebook = nbformat.from_dict({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    path = tmp_path / "page.html"
    path.write_text(render(notebook, title="t", boxes="", about=""), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    heights = page.eval_on_selector_all("tbody tr", "rows => rows.map(row => row.offsetHeight)")
    page.close()
    assert len(heights) == 4
    assert max(heights) < 40  # two lines are 52 and more
