"""The months ahead in bands behind the months that were, and forecasts of the past beside what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cxresearch.checks import check_choice
from cxresearch.churn.outlook.forecast_result import Forecast
from cxresearch.errors import ArgumentError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, head, look, new_axes, whole_numbers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_TITLES = {"customers": "Customers", "mrr": "Recurring revenue a month"}
_SHADES = {95: 0.14, 80: 0.2, 50: 0.32}
#: Months of the past that are drawn beside those ahead.
_PAST = 24


_KINDS = ("ahead", "backtest")


@draw.register(Forecast)
def draw_forecast(
    result: Forecast,
    ax: Axes | None = None,
    *,
    what: str = "",
    kind: Literal["ahead", "backtest"] = "ahead",
) -> Axes:
    """Draw the months ahead with their bands, or the forecasts of the past.

    Parameters
    ----------
    result : Forecast
    ax : Axes, optional
    what : str
        ``"customers"`` or ``"mrr"``; by default the first that was forecast.
    kind : {"ahead", "backtest"}
        The future behind the past, or what was forecast in the past for the last horizon, beside what came.
    """
    check_choice("kind", kind, _KINDS)
    chosen = what or result.what[0]
    if chosen not in result.what:
        raise ArgumentError(f"{what!r} was not forecast", wanted="one of " + ", ".join(result.what))
    with look():
        ax = ax or new_axes(9.0, 4.4)
        if kind == "backtest":
            _draw_past(result, chosen, ax)
        else:
            _draw_ahead(result, chosen, ax)
        whole_numbers(ax.yaxis)
        ax.margins(x=0.02)
    return ax


def _draw_ahead(result: Forecast, chosen: str, ax: Axes) -> None:
    past = result.history[result.history["what"] == chosen].iloc[-_PAST - 1 :]
    ahead = result.table[result.table["what"] == chosen]
    today = past.iloc[-1]
    days = [today["day"], *ahead["day"]]
    for share, alpha in _SHADES.items():
        low = [today["value"], *ahead[f"low_{share}"]]
        high = [today["value"], *ahead[f"high_{share}"]]
        ax.fill_between(days, low, high, color=GOOD, alpha=alpha, linewidth=0, label=f"{share} %")
    ax.plot(days, [today["value"], *ahead["value"]], color=GOOD, linewidth=2)
    ax.plot(past["day"], past["value"], color=INK, linewidth=2)
    ax.axvline(today["day"], color=MUTED, linewidth=1, linestyle=":")
    ax.legend(title="of futures", loc="upper left")
    ax.set_ylim(bottom=0)
    head(ax, _title(result, chosen), f"{result.draws:,} futures drawn; dotted: the data cut")


def _draw_past(result: Forecast, chosen: str, ax: Axes) -> None:
    past = result.history[result.history["what"] == chosen]
    ax.plot(past["day"], past["value"], color=INK, linewidth=2, label="what came")
    rows = _longest(result.points, chosen)
    if len(rows):
        day = past.set_index("month")["day"]
        at = [day[month] for month in rows["origin"] + rows["horizon"]]
        below = (rows["value"] - rows["low"]).clip(lower=0)
        above = (rows["high"] - rows["value"]).clip(lower=0)
        ax.errorbar(
            at, rows["value"], yerr=[below, above], fmt="o", color=GOOD, markersize=4, label="forecast, 80 %"
        )
        ax.plot(at, rows["naive"], "x", color=MUTED, markersize=5, label='"as last month"')
        ax.plot(at, rows["line"], "+", color=BAD, markersize=6, label="straight line")
    ax.legend(loc="upper left")
    ax.set_ylim(bottom=0)
    text = "no past month to forecast from"
    if len(rows):
        text = f"forecast {int(rows['horizon'].iloc[0])} months before, from {len(rows)} past months"
    head(ax, _title(result, chosen), text)


def _longest(points: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Forecasts of the longest horizon that was tried from six past months or more, else of any."""
    rows: pd.DataFrame = points[points["what"] == chosen]
    counts = rows.groupby("horizon").size()
    often = counts[counts >= min(6, counts.max() if len(counts) else 0)]
    if not len(often):
        return rows.iloc[:0]
    longest: pd.DataFrame = rows[rows["horizon"] == often.index.max()]
    return longest


def _title(result: Forecast, chosen: str) -> str:
    title = _TITLES[chosen]
    if chosen == "mrr" and result.currency:
        title += f", {result.currency}"
    return title
