"""Headline figures as history, alerts and comparisons read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxresearch.errors import ArgumentError
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import as_plain


def headline_items(headline: Sequence[Estimate | Contrast]) -> list[dict[str, Any]]:
    """Return each figure with its interval and n, as plain values; refuse whatever is no figure."""
    return [_headline_item(figure) for figure in headline]


def _headline_item(figure: Estimate | Contrast) -> dict[str, Any]:
    shared = ("low", "high", "level", "se", "n", "unit", "note")
    # Both orders of a contrast are figures of their own: the name says which is minuend.
    if isinstance(figure, Contrast):
        item = {
            "name": f"{figure.name}: {figure.first} minus {figure.second}",
            "value": figure.difference,
            "signed": True,
        }
    elif isinstance(figure, Estimate):
        item = {"name": figure.name, "value": figure.value, "signed": False}
    else:
        raise ArgumentError(
            f"a headline figure is {type(figure).__name__}", wanted="an Estimate or a Contrast, with interval"
        )
    return {**as_plain(item), **{name: as_plain(getattr(figure, name)) for name in shared}}
