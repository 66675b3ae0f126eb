"""Declared events on a trend: dotted lines with short labels that never lie on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cxresearch.plots.style import MUTED

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

_MOST_LABELS = 10
_LONGEST = 30
_SIZE = 8.0


def event_lines(
    ax: Axes,
    events: pd.DataFrame,
    *,
    first: Any,
    last: Any,
    place: Callable[[Any], float] | None = None,
    labels: bool = True,
) -> None:
    """Draw the events between two days; labels of events that lie close together are joined.

    Parameters
    ----------
    ax : Axes
        With the trend drawn already.
    events : DataFrame
        Columns day, kind. May be empty.
    first, last : timestamp
        Ends of the trend.
    place : callable, optional
        Where a day stands on an axis that does not count days.
    labels : bool
        Whether the lines are named.
    """
    if not len(events):
        return
    within = events[(events["day"] >= first) & (events["day"] <= last)].sort_values("day", kind="stable")
    if not len(within):
        return
    for day in within["day"].unique():
        at = day
        if place is not None:
            at = place(day)
        ax.axvline(at, color=MUTED, linewidth=1, linestyle=":", zorder=1)
    if labels:
        _label(ax, within, first, last, place)


def _label(
    ax: Axes, events: pd.DataFrame, first: Any, last: Any, place: Callable[[Any], float] | None
) -> None:
    for start, text in joined(events, first, last, width=_points_wide(ax)):
        at = start
        if place is not None:
            at = place(start)
        ax.annotate(
            text,
            (at, 0.985),
            xycoords=("data", "axes fraction"),
            xytext=(-1.5, 0),
            textcoords="offset points",
            rotation=90,
            va="top",
            ha="right",
            fontsize=_SIZE,
            color=MUTED,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
            zorder=1.5,
        )


def _points_wide(ax: Axes) -> float:
    return float(72 * ax.get_figure(root=True).get_size_inches()[0] * ax.get_position().width)  # type: ignore[union-attr]


def joined(events: pd.DataFrame, first: Any, last: Any, *, width: float) -> list[tuple[Any, str]]:
    """Return day and text of each label: events nearer to each other than a line of type share one.

    Parameters
    ----------
    events : DataFrame
        Columns day, kind, in order of time.
    first, last : timestamp
        Ends of the axis.
    width : float
        Width of the axis in points.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-05", "2024-01-07", "2024-06-01"])
    >>> events = pd.DataFrame({"day": days, "kind": ["outage", "price_rise", "release"]})
    >>> ends = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")
    >>> [text for _, text in joined(events, *ends, width=400)]
    ['outage, price rise', 'release']
    """
    span = max((last - first).days, 1)
    # A line of type is 1.5 times as wide as it is high; further apart, labels cannot touch.
    apart = 1.5 * _SIZE * span / width
    # Many events: labels join until they are few enough to be read.
    while True:
        clusters: list[list[Any]] = []
        for event in events.itertuples():
            if clusters and (event.day - clusters[-1][0].day).days < apart:
                clusters[-1].append(event)
            else:
                clusters.append([event])
        if len(clusters) <= _MOST_LABELS:
            return [(cluster[0].day, _text(cluster)) for cluster in clusters]
        apart *= 1.5


def _text(cluster: list[Any]) -> str:
    kinds = list(dict.fromkeys(str(event.kind).replace("_", " ") for event in cluster))
    text = ", ".join(kinds)
    if len(text) > _LONGEST:
        return f"{len(cluster)} events"
    return text
