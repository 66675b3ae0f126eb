"""Customary readings of an NPS, with what its interval allows."""

from __future__ import annotations

import math

from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.scales import NPS_BANDS, NPS_REFERENCE_POINTS


def band_of(score: float) -> str:
    """Return the customary reading of an NPS.

    Parameters
    ----------
    score : float
        In points: 0 and more is good, 50 and more excellent, above 70 world class.

    Raises
    ------
    ArgumentError
        If it is not between -100 and 100.

    Examples
    --------
    >>> [band_of(score) for score in (-1, 0, 49.9, 50, 70, 70.1)]
    ['needs work', 'good', 'good', 'excellent', 'excellent', 'world class']
    """
    for band in NPS_BANDS:
        if band.low <= score < band.high:
            return band.label
    raise ArgumentError(f"an NPS of {score!r}", wanted="a number from -100 to 100")


def nps_reading(estimate: Estimate) -> str:
    """Return the band of an NPS, and the bands its interval reaches into; a band is a custom, not a test.

    Parameters
    ----------
    estimate : Estimate
        From :func:`nps`.

    Raises
    ------
    ArgumentError
        If the estimate is no NPS.

    Examples
    --------
    >>> import cxresearch as cx
    >>> nps_reading(cx.nps([6] * 15 + [8] * 25 + [10] * 60))
    'good; the interval runs from good to excellent'
    """
    if estimate.unit is not Unit.POINTS:
        raise ArgumentError(f"{estimate.name} is in {estimate.unit}", wanted="an NPS, in points")
    if math.isnan(estimate.value):
        return "unknown: no answers"
    own = band_of(estimate.value)
    if math.isnan(estimate.low):
        return own
    ends = [band_of(min(max(end, -100.0), 100.0)) for end in (estimate.low, estimate.high)]
    if ends[0] == ends[1]:
        return f"{own}; so is the whole interval"
    return f"{own}; the interval runs from {ends[0]} to {ends[1]}"


def reference_points() -> dict[str, int]:
    """Return the NPS of firms that the trade likes to quote; they say nothing about a given market.

    Examples
    --------
    >>> reference_points()["Apple"]
    72
    """
    return dict(NPS_REFERENCE_POINTS)
