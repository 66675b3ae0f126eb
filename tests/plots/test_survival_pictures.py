"""What the pictures of curves, incidences and hazards say; not how they look."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError
from cxresearch.plots.churn.survival import spread_apart


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    plt.close("all")


def frame(groups: int = 2, size: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "duration": rng.integers(1, 40, size),
            "event": rng.integers(0, 3, size),
            "plan": [f"plan {i % groups}" for i in range(size)],
        }
    )


def texts(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_curve_names_groups_and_lists_those_at_risk() -> None:
    curve = cx.churn_curve(frame(), by="plan", unit="months")
    ax = cx.plot(curve)
    said = texts(ax)
    assert any(text.startswith("plan 0\n") and "n 100" in text for text in said)
    ticks = [tick for tick in ax.get_xticks() if tick <= 39]
    for group in curve.groups:
        for number in curve[group].at_risk_at(ticks):
            assert f"{number:,.0f}" in said
    assert ax.get_ylim()[0] == 0
    assert "by plan" in ax.get_title(loc="left")
    assert ax.get_xlabel() == "Months since the start"


def test_lines_begin_at_one_and_end_with_the_follow_up() -> None:
    curve = cx.churn_curve(([4, 6, 9], [1, 0, 0]))
    ax = cx.plot(curve)
    x = np.concatenate([line.get_xdata() for line in ax.lines])
    y = np.concatenate([line.get_ydata() for line in ax.lines])
    assert (x.min(), x.max()) == (0, 9)
    assert y.max() == 1
    assert any("fewer than 10" in text for text in texts(ax))


def test_median_is_marked_only_where_reached() -> None:
    reached = cx.plot(cx.churn_curve(([1, 2, 3, 4], [1, 1, 1, 0])))
    assert any(line.get_marker() == "o" for line in reached.lines)
    never = cx.plot(cx.churn_curve(([1, 2, 3, 4], [1, 0, 0, 0])))
    assert not any(line.get_marker() == "o" for line in never.lines)


def test_too_many_curves_are_refused() -> None:
    with pytest.raises(ArgumentError, match="9 curves in one picture"):
        cx.plot(cx.churn_curve(frame(9), by="plan"))


def test_labels_are_pushedspread_apart_and_keep_their_order() -> None:
    heights = [0.5, 0.51, 0.9, 0.52]
    placed = spread_apart(heights, 0.1, 0, 1)
    assert np.diff(sorted(placed)).min() >= 0.1 - 1e-6
    assert np.argsort(placed).tolist() == np.argsort(heights).tolist()


def test_incidence_panels_and_single() -> None:
    both = cx.curves.cumulative_incidence(frame(), by="plan")
    ax = cx.plot(both)
    assert ax.figure is not None
    assert [panel.get_title(loc="left") for panel in ax.figure.axes] == ["plan 0 (n 100)", "plan 1 (n 100)"]
    assert any("involuntary" in text for text in texts(ax))
    own = plt.subplots()[1]
    assert cx.plot(both, own, group="plan 1") is own
    with pytest.raises(ArgumentError, match="do not fit on one axes"):
        cx.plot(both, own)


def test_comparison_lifetime_and_hazard_pictures() -> None:
    rows = frame()
    comparison = cx.compare_curves(rows, by="plan", horizon=30)
    ax = cx.plot(comparison)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plan 0 minus plan 1"]
    assert "within 30 days" in ax.get_title(loc="left")
    survival = cx.plot(comparison, difference="survival")
    assert "still there at 30 days" in survival.get_title(loc="left")
    lifetime = cx.plot(cx.curves.expected_lifetime(rows, horizon=80, families=["weibull"]))
    assert any("extrapolated (weibull)" in text for text in texts(lifetime))
    marks = cx.landmark(cx.synthetic.synthetic_study(customers=1000), horizon_days=180)
    hazard = cx.plot(cx.curves.hazard_model(marks, scores=["ces", "nps"]))
    assert hazard.figure is not None
    assert [panel.get_xlabel() for panel in hazard.figure.axes] == ["CES answer", "NPS answer"]
    assert hazard.get_yscale() == "log"


def test_single_curves_have_pictures_too() -> None:
    from cxresearch.stats.survival.aalen_johansen import aalen_johansen
    from cxresearch.stats.survival.kaplan_meier import kaplan_meier

    rows = frame()
    assert cx.plot(kaplan_meier(rows["duration"], rows["event"])).lines
    assert cx.plot(aalen_johansen(rows["duration"], rows["event"])).collections


def test_after_event_says_the_hazard_ratio() -> None:
    result = cx.curves.after_event(
        cx.synthetic.synthetic_study(customers=1000), event="detractor", horizon=200
    )
    title = cx.plot(result).get_title(loc="left")
    assert f"{result.hazard_ratio['hazard_ratio']:.2f}" in title
