"""The docstring of `plot` lists every picture with its kinds, and the kinds listed are those accepted."""

from __future__ import annotations

import inspect
import re
import sys

import matplotlib.pyplot as plt
import pytest

import cxresearch as cx
from cxresearch.plots.registry import classes_with_a_picture, draw, picture_list


def test_every_class_with_a_picture_is_listed() -> None:
    text = inspect.getdoc(cx.plot) or ""
    for name in classes_with_a_picture():
        assert f"\n``{name}``\n" in text
    assert picture_list() in text


assert cx.plot  # registers the pictures
OF_KINDS = [
    drawing
    for drawn, drawing in draw.registry.items()
    if drawn is not object and "kind" in inspect.signature(drawing).parameters
]


@pytest.mark.parametrize("drawing", OF_KINDS, ids=lambda drawing: drawing.__name__)
def test_kinds_in_the_docstring_are_those_accepted(drawing) -> None:
    stated = re.search(r"^kind : \{(.+?)\}", inspect.getdoc(drawing) or "", flags=re.MULTILINE)
    assert stated, f"{drawing.__name__} does not list its kinds"
    accepted = sys.modules[drawing.__module__]._KINDS
    assert tuple(re.findall(r'"(\w+)"', stated[1])) == tuple(accepted)


def test_small_multiples_show_every_metric_with_a_value() -> None:
    study = cx.synthetic.company_study(seed=1, customers=400)
    card = cx.scorecard(study, every="quarter", metrics=["csat", "ces", "nps"])
    axes = cx.plot(card, kind="multiples")
    titles = [panel.get_title(loc="left") for panel in axes.figure.axes]
    assert len(titles) == card.overall.loc[card.overall["value"].notna(), "metric"].nunique()
    assert any("NPS" in title for title in titles)
    plt.close(axes.figure)
    with pytest.raises(cx.errors.ArgumentError, match="a figure of their own"):
        cx.plot(card, plt.subplots()[1], kind="multiples")
    plt.close("all")
