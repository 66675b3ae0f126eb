"""Pictures of themes: labels, intervals and the urgent corner."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import DataError
from cxresearch.scales import NPS


@pytest.fixture
def themes() -> cx.voice.Themes:
    rng = np.random.default_rng(1)
    price, speed = rng.random(400) < 0.3, rng.random(400) < 0.2
    answers = pd.DataFrame(
        {
            "customer_id": range(400),
            "instrument": "nps",
            "score": np.clip(np.round(8 - 4 * price + rng.normal(size=400)), 0, 10),
            "responded_at": pd.Timestamp("2024-05-01"),
            "comment": [
                " ".join(["expensive"] * int(a) + ["slow"] * int(b)) or "fine"
                for a, b in zip(price, speed, strict=True)
            ],
        }
    )
    study = Study.from_frames({"responses": answers}, observed_until="2024-06-30", instruments={"nps": NPS})
    return cx.themes(study, codebook={"price": ["expensive"], "speed": ["slow"], "never": ["zzz"]})


def test_themes_are_drawn_most_frequent_first(themes) -> None:
    ax = cx.plot(themes, most=2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["price", "speed"]
    assert len(ax.patches) == 2
    assert ax.patches[0].get_width() == pytest.approx(themes.table["value"].iloc[0])
    assert "400 texts" in "".join(text.get_text() for text in ax.texts)


def test_impact_is_drawn_by_frequency_and_effect(themes) -> None:
    impact = cx.theme_impact(themes)
    ax = cx.plot(impact)
    words = {text.get_text() for text in ax.texts}
    assert {"price", "speed"} <= words and "never" not in words
    points = {tuple(np.round(line.get_xydata()[0], 6)) for line in ax.lines if line.get_marker() == "o"}
    rows = impact.table.dropna(subset=["effect"])
    assert points == {(round(row.share, 6), round(row.effect, 6)) for row in rows.itertuples()}


def test_nothing_to_draw_is_said(themes) -> None:
    from dataclasses import replace

    with pytest.raises(DataError, match="no theme"):
        cx.plot(replace(themes, table=themes.table.iloc[:0]))
