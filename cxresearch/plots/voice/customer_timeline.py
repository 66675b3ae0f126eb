"""One customer's record on a line of time: answers, tickets, money, orders, events and use, a lane each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, PALETTE, head, look, new_axes, rows_axis
from cxresearch.voice.customer.customer_view import CustomerView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"happy": GOOD, "unhappy": BAD, "": MUTED}
_HALF = 0.32  # half the height of a lane's content, in lanes


@draw.register(CustomerView)
def draw_customer(result: CustomerView, ax: Axes | None = None) -> Axes:
    """Draw what is on record of one customer, a lane for each kind, with the stretch in which they turned.

    Answers stand as their score (blue happy, orange unhappy, grey between); a ticket is a bar from opening to
    resolution, open ones run to the data cut; what is paid and used is drawn from 0 to its largest value.
    """
    record = result.table.iloc[::-1]
    if not len(record):
        raise DataError("nothing is on record of this customer", next_step="print the view")
    lanes = _lanes(result, record)
    with look():
        ax = ax or new_axes(10.0, 1.7 + 0.62 * len(lanes))
        if len(result.turn):
            ax.axvspan(
                result.turn["at"].min(), result.turn["at"].max(), color=NEUTRAL, alpha=0.3, linewidth=0
            )
        for place, lane in enumerate(lanes):
            drawing = _LANES.get(lane, _answers)
            drawing(ax, place, result, record)
        rows_axis(ax, np.arange(len(lanes)), lanes)
        ax.set_ylim(len(lanes) - 0.4, -0.6)
        first = record["at"].min()
        ends: list[Any] = [first - (result.on - first) * 0.02, result.on]
        ax.set_xlim(*ends)
        marked = ""
        if len(result.turn):
            marked = "; grey: from the last happy to the first unhappy answer"
        head(ax, f"Customer {result.customer_id}", f"until {result.on:%-d %B %Y}{marked}")
    return ax


def _lanes(result: CustomerView, record: pd.DataFrame) -> list[str]:
    present = set(record["source"])
    wanted = {
        "tickets": "ticket" in present,
        "pays": "revenue" in present,
        "orders": "order" in present,
        "use": len(result.use) > 0,
        "events": bool(present & {"event", "company", "relation"}),
    }
    # a lane for each question, then one for each kind of happening
    return [*result.questions["label"], *(lane for lane, there in wanted.items() if there)]


def _answers(ax: Axes, place: int, result: CustomerView, record: pd.DataFrame) -> None:
    label = _lanes(result, record)[place]
    answers = record[record["what"].str.startswith(f"{label} ") & record["value"].notna()]
    answers = answers[answers["source"] == "answer"]
    for row in answers.to_dict("records"):
        ax.text(
            row["at"],
            place,
            f"{row['value']:g}",
            ha="center",
            va="center",
            fontsize=9,
            color="white",
            fontweight="bold",
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": _COLOURS[row["mood"]], "edgecolor": "none"},
        )


def _tickets(ax: Axes, place: int, result: CustomerView, record: pd.DataFrame) -> None:
    rows = record[record["source"] == "ticket"]
    resolved = rows["what"].str.startswith("ticket resolved")
    for row in rows[resolved].to_dict("records"):
        opened = row["at"] - pd.Timedelta(hours=row["value"])
        ax.plot([opened, row["at"]], [place, place], color=INK, linewidth=6, solid_capstyle="butt")
    opened_at = rows.loc[~resolved, "at"]
    ax.plot(opened_at, np.full(len(opened_at), place), "|", color=INK, markersize=9)
    if result.open_tickets:
        # the open ones are those opened last without a resolution on record
        ended = rows[resolved]["at"] - pd.to_timedelta(rows[resolved]["value"], unit="h")
        still = [moment for moment in opened_at if not _near(moment, ended)]
        for moment in still:
            ax.plot([moment, result.on], [place, place], color=BAD, linewidth=6, alpha=0.6)


def _near(moment: pd.Timestamp, moments: pd.Series) -> bool:
    return bool(((moments - moment).abs() < pd.Timedelta(minutes=1)).any())


def _pays(ax: Axes, place: int, result: CustomerView, record: pd.DataFrame) -> None:
    rows = record[record["source"] == "revenue"]
    _steps(ax, place, [*rows["at"], result.on], [*rows["value"], rows["value"].iloc[-1]], PALETTE[2])


def _use(ax: Axes, place: int, result: CustomerView, _: pd.DataFrame) -> None:
    _steps(ax, place, list(result.use["week"]), list(result.use["quantity"]), PALETTE[4])


def _steps(ax: Axes, place: int, moments: list[Any], values: list[float], colour: str) -> None:
    """Fill a lane from its foot: 0 at the foot, the largest value at the top."""
    largest = max([*values, 1e-9])
    tops = [place + _HALF - 2 * _HALF * value / largest for value in values]
    ax.fill_between(moments, tops, place + _HALF, step="post", color=colour, alpha=0.55, linewidth=0)


def _orders(ax: Axes, place: int, _: CustomerView, record: pd.DataFrame) -> None:
    rows = record[record["source"] == "order"]
    ax.plot(rows["at"], np.full(len(rows), place), "d", color=PALETTE[3], markersize=5)


def _events(ax: Axes, place: int, _: CustomerView, record: pd.DataFrame) -> None:
    rows = record[record["source"].isin(["event", "company", "relation"])]
    for number, row in enumerate(rows.to_dict("records")):
        ax.plot([row["at"]], [place], "^", color=INK, markersize=6)
        # labels of neighbours stand at two heights, so that they do not cover each other
        height = place + 0.24 + 0.2 * (number % 2)
        words = str(row["what"]).split(" (")[0][:22]
        ax.text(row["at"], height, words, ha="left", va="center", fontsize=8, color=MUTED)


_LANES = {
    "tickets": _tickets,
    "pays": _pays,
    "orders": _orders,
    "use": _use,
    "events": _events,
}
