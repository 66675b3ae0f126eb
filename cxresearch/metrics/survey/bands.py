"""Customary readings of an NPS, with what its interval allows, and the scores the trade likes to quote."""

from __future__ import annotations

import math

import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.scales import NPS_BANDS, NPS_REFERENCE_POINTS


def nps_band(score: float) -> str:
    """Return the customary reading of an NPS.

    Parameters
    ----------
    score : float
        In points: below 0 needs work, 0 and more is good, 50 and more excellent, above 70 world class.

    Returns
    -------
    str
        A custom of the trade, not a finding: what is usual differs between industries, countries and ways of
        asking. `nps_reading` adds what chance allows.

    Raises
    ------
    ArgumentError
        If it is not between -100 and 100.

    References
    ----------
    CustomerGauge, "What is a good Net Promoter Score?" ("global NPS standards"). Others draw other lines; no
    study stands behind any of them.

    Examples
    --------
    >>> [nps_band(score) for score in (-1, 0, 49.9, 50, 70, 70.1)]
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

    Returns
    -------
    str
        The band, and the bands at both ends of the interval where they differ.

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
    band = nps_band(estimate.value)
    if math.isnan(estimate.low):
        return band
    # A Wald interval may reach beyond what an NPS can be; a band has no name there.
    ends = [nps_band(min(max(end, -100.0), 100.0)) for end in (estimate.low, estimate.high)]
    if ends[0] == ends[1]:
        return f"{band}; so is the whole interval"
    return f"{band}; the interval runs from {ends[0]} to {ends[1]}"


#: Where each reference point was read.
_RETENTLY = 'Retently, "What do companies with high Net Promoter Score have in common?" (2016), from IndexNPS'
_SOURCES = {
    "Apple": _RETENTLY,
    "Amazon": _RETENTLY,
    "Netflix": _RETENTLY,
    "Jive": "trade articles; no study found",
}


def nps_reference_points() -> pd.DataFrame:
    """Return the NPS of firms that the trade likes to quote; they say nothing about a given market.

    Returns
    -------
    DataFrame
        One row a firm, the highest first: ``firm``, ``nps`` (points), ``band`` (see `nps_band`) and
        ``source``. Figures of about 2016, published without n, interval or wording of the question: a
        difference from your own score cannot be tested.

    Examples
    --------
    >>> nps_reference_points()[["firm", "nps", "band"]]
          firm  nps         band
    0    Apple   72  world class
    1   Amazon   69    excellent
    2  Netflix   68    excellent
    3     Jive   68    excellent
    """
    rows = [(firm, points, nps_band(points), _SOURCES[firm]) for firm, points in NPS_REFERENCE_POINTS.items()]
    return pd.DataFrame(rows, columns=["firm", "nps", "band", "source"])
