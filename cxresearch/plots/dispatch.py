"""``plot(result)``: one name for every picture."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from cxresearch.plots.churn import classifier, drivers, hazard, incidence, outlook, survival
from cxresearch.plots.contest import claims, comparison, contests, one_score
from cxresearch.plots.metrics import cohort, coverage, metric_tables, revenue, scorecard, support, survey
from cxresearch.plots.registry import draw_checked, picture_list
from cxresearch.plots.voice import (
    before_and_since,
    customer_timeline,
    effects_of_actions,
    events,
    groups,
    stage_pictures,
    theme_pictures,
    trend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Picture modules register themselves when they load.
_PICTURES = (
    classifier,
    drivers,
    hazard,
    incidence,
    outlook,
    survival,
    claims,
    comparison,
    contests,
    one_score,
    cohort,
    coverage,
    metric_tables,
    revenue,
    scorecard,
    support,
    survey,
    customer_timeline,
    before_and_since,
    effects_of_actions,
    events,
    groups,
    stage_pictures,
    trend,
    theme_pictures,
)


def plot(result: Any, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result.

    Parameters
    ----------
    result : object
        Anything this package returns that has a picture; tables of metrics, contrasts and tickets are frames.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure of a size that fits the result.
    **options
        Passed to the drawing function of the result; those of each class are listed at the end.

    Returns
    -------
    Axes
        The axes drawn on (the main one, where a picture has several).

    Raises
    ------
    ArgumentError
        If the result has no picture, or its picture no such option.

    Examples
    --------
    >>> import cxresearch as cx
    >>> picture = cx.plot(cx.churn_curve(([5, 9, 12, 30], [1, 0, 1, 0])))
    >>> picture.get_xlabel()
    'Days since the start'
    """
    return draw_checked(result, ax, **options)


def _listed(text: str) -> str:
    """The docstring with every picture there is, so that the list is never out of date."""
    return f"{cleandoc(text)}\n\nPictures\n--------\n{picture_list()}\n"


if plot.__doc__:  # none under python -OO
    plot.__doc__ = _listed(plot.__doc__)
