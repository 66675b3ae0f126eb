"""One look for every picture: palette, type sizes and the few helpers that all pictures share."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

#: Okabe and Ito (2008), ordered for contrast on white; safe for the common colour-vision deficiencies.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INK = "#222222"
MUTED = "#6b6b6b"
GRID = "#e3e3e3"
GOOD = "#0072B2"
BAD = "#D55E00"
NEUTRAL = "#b8b8b8"

_SETTINGS: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a customer's text is a dollar sign
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "svg.hashsalt": "cxresearch",
}


@contextmanager
def look() -> Iterator[None]:
    """Apply the house style to the pictures drawn inside the block."""
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        yield
        # Read after the drawing, inside the block: rc_context would put back what held before it.
        interactive = mpl.is_interactive()
    # The first figure of a session loads the back end, which may switch this on: in Jupyter figures would
    # otherwise stop showing after the first.
    mpl.interactive(interactive)


def new_axes(width: float = 8.0, height: float = 4.5) -> Axes:
    """Return the axes of a new figure; sizes in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height))[1]


def percent_tick(share: float, _position: int | None = None) -> str:
    """Return the label of a tick at a share, not rounded to whole per cents.

    Examples
    --------
    >>> percent_tick(0.025), percent_tick(0.2), percent_tick(-0.1)
    ('2.5 %', '20 %', '−10 %')
    """
    return f"{round(100 * share, 6):g} %".replace("-", "−")


def percent(*axes: Axis) -> None:
    """Label the ticks of axes of shares as percentages, as the house writes them: ``60 %``."""
    from matplotlib.ticker import FuncFormatter

    for axis in axes:
        axis.set_major_formatter(FuncFormatter(percent_tick))


def whole_numbers(axis: Axis) -> None:
    """Label the ticks of an axis of counts or amounts in full, with thousands: ``1,250,000``."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.6g}" if value % 1 else f"{value:,.0f}")
    )


def row_label(text: object) -> str:
    """Break the label of a row, which may hold any name somebody gave a group, into short lines.

    Examples
    --------
    >>> row_label("segment: enterprise")
    'segment: enterprise'
    >>> row_label("customers of the former northern branch, monthly").splitlines()
    ['customers of the former', 'northern branch, monthly']
    """
    lines = (textwrap.wrap(line, width=28, max_lines=3, placeholder=" …") for line in str(text).splitlines())
    return "\n".join(part for line in lines for part in line)


def beside(ax: Axes, place: float, text: str, *, colour: str = INK, size: float = 9.0) -> None:
    """Write at the right of the axes, level with a row: its number, interval, verdict."""
    ax.annotate(
        text,
        (1, place),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=size,
        color=colour,
        annotation_clip=False,
    )


def reference_line(ax: Axes, at: float, text: str) -> None:
    """Draw an upright line and name it above the axes: chance, nothing, the whole."""
    ax.axvline(at, color=MUTED, linewidth=1)
    ax.annotate(
        text,
        (at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=MUTED,
        fontsize=9,
    )


def rows_axis(ax: Axes, places: Any, labels: Iterable[object]) -> None:
    """Name the rows of a forest or of bars at the left; no grid, no line, no ticks between them."""
    ax.set_yticks(places, [row_label(label) for label in labels])
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)


def interval_text(row: Mapping[Any, Any], value: str, unit: Unit, *, signed: bool = False) -> str:
    """Write a row's estimate with its interval: ``0.61 [0.58, 0.64]``.

    Examples
    --------
    >>> from cxresearch.results.units import Unit
    >>> interval_text({"auc": 0.61, "low": 0.58, "high": 0.64}, "auc", Unit.AUC)
    '0.610 [0.580, 0.640]'
    """
    estimate = format_value(row[value], unit, signed=signed)
    return f"{estimate} {format_interval(row['low'], row['high'], unit, signed=signed)}"


def head(ax: Axes, title: str, text: str, *, above: float = 6) -> None:
    """Write the title and below it, `above` points over the axes, a line in muted type."""
    ax.set_title(title, pad=above + 16)
    subtitle(ax, text, above=above)


def subtitle(ax: Axes, text: str, *, above: float = 6) -> None:
    """Write a line in muted type below the title, `above` points over the axes: n, level, what is marked."""
    ax.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, above),
        textcoords="offset points",
        color=MUTED,
        fontsize=9,
        va="bottom",
        gid="subtitle",  # a page takes it off and says it in the caption
    )
