"""``plot(result)``: one name for every picture."""

from __future__ import annotations

from functools import singledispatch
from importlib import import_module
from inspect import Parameter, signature
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
        If the result has no picture, or its picture no such option.

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
    _check_options(result, options)
    return draw(result, ax, **options)


def _check_options(result: Any, options: dict[str, Any]) -> None:
    """Refuse an option that the picture of a result does not have, naming those it has."""
    known = list(signature(draw.dispatch(type(result))).parameters.values())[2:]
    if any(one.kind is Parameter.VAR_KEYWORD for one in known):
        return
    names = [one.name for one in known]
    for name in options:
        if name not in names:
            raise ArgumentError(
                f"the picture of a {type(result).__name__} has no option {name!r}",
                wanted="one of " + ", ".join(names) if names else "no option",
            )


@singledispatch
def draw(result: Any, ax: Axes | None = None, **options: Any) -> Axes:  # noqa: ARG001
    """Draw one class of result; picture modules register themselves here."""
    raise ArgumentError(
        f"{type(result).__name__} has no picture",
        wanted="one of " + ", ".join(sorted(_DRAWN_BY)),
        next_step="use its frame with seaborn, or print it",
    )
