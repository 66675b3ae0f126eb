"""Share that has reached an event by a time, with an interval also where nobody or everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cxresearch.stats.survival.survival_curve import KaplanMeier


class ReachedShare(NamedTuple):
    """1 - Kaplan-Meier at one time: share, its ends and standard error, name of the limits, and a note."""

    value: float
    low: float
    high: float
    se: float
    limits: str
    note: str


def share_reached(curve: KaplanMeier, time: float, *, extend: bool = False) -> ReachedShare:
    """Return the share that has had the event by a time.

    Parameters
    ----------
    curve : KaplanMeier
        Time to the event.
    time : float
        In the unit of the curve, 0 or more.
    extend : bool
        Carry the last value beyond the follow-up; otherwise all is NaN there, and the note says so.

    Returns
    -------
    ReachedShare
        Limits are those of `KaplanMeier.share_at`, at the level of the curve: Wilson's where nobody or
        everybody has had the event, for the people at risk at that time, or for the events until then.
        Without censoring these are the people behind the curve. ``se`` is that of the curve: 0 or NaN there.

    Examples
    --------
    >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
    >>> curve = kaplan_meier([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])
    >>> share = share_reached(curve, 0.5)
    >>> share.value, share.low, round(share.high, 3), share.limits
    (0.0, 0.0, 0.434, 'score limits of 5 (all or none)')
    """
    left = curve.point_limits(time, extend=extend)
    return ReachedShare(
        value=1 - left.value,
        low=1 - left.high,
        high=1 - left.low,
        se=left.se,
        limits=left.limits,
        note=left.note,
    )
