"""Share that has reached an event by a time, with an interval also where nobody or everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cxresearch.stats.proportions import wilson

if TYPE_CHECKING:
    from cxresearch.results.curve import KaplanMeier


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
        Limits are those of the curve, at its level. Where nobody or everybody has had the event Greenwood's
        variance is 0 and they would say that this is certain (or nothing at all); there they are Wilson's,
        for the people at risk at that time, or for the events until then. Without censoring these are the
        people behind the curve. ``se`` is that of the curve: 0 or NaN at the edges.

    References
    ----------
    Rothman, K. J. (1978). Estimation of confidence limits for the cumulative probability of survival in life
    table analysis. Journal of Chronic Diseases 31, 557-560. doi:10.1016/0021-9681(78)90043-7 (Wilson's
    interval for a curve; here at its edges only, since log-log limits cover better in between).

    Examples
    --------
    >>> from cxresearch.stats.kaplan_meier import kaplan_meier
    >>> curve = kaplan_meier([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])
    >>> found = share_reached(curve, 0.5)
    >>> found.value, found.low, round(found.high, 3), found.limits
    (0.0, 0.0, 0.434, 'score limits of 5 (all or none)')
    """
    row = curve.survival_at([time], extend=extend).iloc[0]
    value, low, high = 1 - row["survival"], 1 - row["high"], 1 - row["low"]
    limits = f"{curve.ci} limits"
    if row["survival"] in (0.0, 1.0):
        if value:
            seen = float(curve.events[curve.time <= time].sum())
        else:
            seen = float(curve.at_risk_at([min(time, curve.follow_up)])[0])
        ends = wilson(value * seen, seen, level=curve.level)
        low, high = float(ends.low), float(ends.high)
        limits = f"score limits of {seen:,.6g} (all or none)"
    return ReachedShare(
        value=float(value),
        low=float(low),
        high=float(high),
        se=float(row["se"]),
        limits=limits,
        note=str(row["note"]),
    )
