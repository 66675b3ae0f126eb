"""``plot(result)``: one name for every picture."""

from __future__ import annotations

from functools import singledispatch
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Module that draws each result class. A picture is registered by naming its class here.
_DRAWN_BY: dict[str, str] = {
    "AfterEvent": "cxresearch.plots.survival",
    "ChurnCurve": "cxresearch.plots.survival",
    "ChurnIncidence": "cxresearch.plots.incidence",
    "CumulativeIncidence": "cxresearch.plots.incidence",
    "CurveComparison": "cxresearch.plots.hazard",
    "ExpectedLifetime": "cxresearch.plots.hazard",
    "HazardModel": "cxresearch.plots.hazard",
    "KaplanMeier": "cxresearch.plots.survival",
    "MrrBridge": "cxresearch.plots.revenue",
    "CohortRetention": "cxresearch.plots.cohort",
    "TicketAgeing": "cxresearch.plots.support",
    "ChurnEvaluation": "cxresearch.plots.classifier",
    "NestedEvaluation": "cxresearch.plots.classifier",
    "OddsRatios": "cxresearch.plots.classifier",
    "ProfitCurve": "cxresearch.plots.classifier",
    "EffectCurve": "cxresearch.plots.classifier",
    "KeyDrivers": "cxresearch.plots.drivers",
    "Scorecard": "cxresearch.plots.scorecard",
    "ScoreBreakdown": "cxresearch.plots.survey",
    "Comparison": "cxresearch.plots.comparison",
    "Sensitivity": "cxresearch.plots.contests",
    "SegmentContest": "cxresearch.plots.contests",
    "Power": "cxresearch.plots.contests",
}


def plot(result: Any, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result.

    Parameters
    ----------
    result : object
        Anything this package returns that has a picture.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure of a size that fits the result.
    **options
        Passed to the drawing function of the result; see its docstring.

    Returns
    -------
    Axes
        The axes drawn on (the main one, where a picture has several).

    Raises
    ------
    ArgumentError
        If the result has no picture.

    Examples
    --------
    >>> import cxresearch as cx
    >>> picture = cx.plot(cx.churn_curve(([5, 9, 12, 30], [1, 0, 1, 0])))
    >>> picture.get_xlabel()
    'Days since the start'
    """
    for kind in type(result).__mro__:
        if kind.__name__ in _DRAWN_BY:
            import_module(_DRAWN_BY[kind.__name__])
            break
    return draw(result, ax, **options)


@singledispatch
def draw(result: Any, ax: Axes | None = None, **options: Any) -> Axes:  # noqa: ARG001
    """Draw one class of result; picture modules register themselves here."""
    raise ArgumentError(
        f"{type(result).__name__} has no picture",
        wanted="one of " + ", ".join(sorted(_DRAWN_BY)),
        next_step="use its frame with seaborn, or print it",
    )
