"""What moved since the last time, and whether it moved by more than noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxresearch.reporting.writing.blocks import list_block
from cxresearch.results.table_text import as_float
from cxresearch.results.units import Unit, format_estimate, format_value

if TYPE_CHECKING:
    from markupsafe import Markup

TITLE = "Since last time"


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one headline figure moved between two runs.

    Attributes
    ----------
    name : str
        The figure.
    before, now : float
        Its two values; NaN where it is missing.
    difference, low, high : float
        ``now - before`` and its interval, from the two intervals by the square-and-add rule (MOVER; Zou and
        Donner 2008, doi:10.1002/sim.3095), taking the runs as independent. Where they share customers their
        errors rise together, so this interval is too wide rather than too narrow: a change is called real too
        seldom, never too often.
    level : float
        Confidence level of the interval.
    unit : Unit
        Unit of the figure.
    signed : bool
        Whether the figure is itself a difference, printed with its sign.
    """

    name: str
    before: float
    now: float
    difference: float
    low: float
    high: float
    level: float
    unit: Unit
    signed: bool = False

    @property
    def missing(self) -> bool:
        """Whether the figure is missing both times."""
        return math.isnan(self.now) and math.isnan(self.before)

    @property
    def known(self) -> bool:
        """Whether both values and the interval exist."""
        return not any(math.isnan(value) for value in (self.difference, self.low, self.high))

    @property
    def significant(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        # Two runs may share customers: taken as independent, the interval is rather too wide.
        return self.known and (self.low > 0 or self.high < 0)

    @property
    def sentence(self) -> str:
        """The change in plain words."""
        now, before = (
            format_value(value, self.unit, signed=self.signed) for value in (self.now, self.before)
        )
        if not self.known:
            return f"{self.name}: {now} now, {before} last time; the change has no interval."
        unit = self.unit
        if unit is Unit.SHARE:
            unit = Unit.SHARE_DIFFERENCE
        difference = format_estimate(self.difference, self.low, self.high, unit, signed=True)
        reading = {True: "more than noise", False: "within noise"}[self.significant]
        return (
            f"{self.name}: {now} now, {before} last time; change {difference}, "
            f"{100 * self.level:.4g} % interval: {reading}."
        )


def compare_headlines(
    now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> tuple[Change, ...]:
    """Compare the headline figures two runs have in common.

    Parameters
    ----------
    now, before : sequence of mapping
        ``headline`` of two ``results.json``. Figures that changed their unit or level are passed over.

    Returns
    -------
    tuple of Change
        In the order of ``now``.

    Examples
    --------
    >>> old = {"name": "NPS", "value": 30.0, "low": 27.0, "high": 33.0, "level": 0.95, "unit": "points"}
    >>> new = {**old, "value": 40.0, "low": 36.0, "high": 44.0}
    >>> print(compare_headlines([new], [old])[0].sentence)
    NPS: +40.0 now, +30.0 last time; change +10.0 [+5.0, +15.0], 95 % interval: more than noise.
    """
    earlier = {item["name"]: item for item in before}
    return tuple(
        _change(item, earlier[item["name"]])
        for item in now
        if item["name"] in earlier
        # Limits of another level cannot be squared and added: such a figure is not compared.
        and (item["unit"], item["level"]) == (earlier[item["name"]]["unit"], earlier[item["name"]]["level"])
    )


def _change(now: Mapping[str, Any], before: Mapping[str, Any]) -> Change:
    new, new_low, new_high = (as_float(now[end]) for end in ("value", "low", "high"))
    old, old_low, old_high = (as_float(before[end]) for end in ("value", "low", "high"))
    # Square and add (MOVER): Zou and Donner 2008, doi:10.1002/sim.3095, equation for independent estimates.
    difference = new - old
    return Change(
        name=str(now["name"]),
        before=old,
        now=new,
        difference=difference,
        low=difference - math.hypot(new - new_low, old_high - old),
        high=difference + math.hypot(new_high - new, old - old_low),
        level=float(now["level"]),
        unit=Unit(now["unit"]),
        signed=bool(now.get("signed")),
    )


def _on_the_same_data(changes: Sequence[Change], previous: Mapping[str, Any]) -> list[str]:
    """Say what changed around the data, and name only the figures that it moved."""
    what = " and ".join(
        part for part in (", ".join(previous["changed"][:-1]), previous["changed"][-1]) if part
    )
    lines = [f"The data are the same as last time ({previous['day']}). What changed: {what}."]
    moved = [change for change in changes if change.now != change.before and not change.missing]
    if not changes:
        return lines
    if not moved:
        return [*lines, "All headline figures are as they were."]
    lines += [
        f"{change.name}: {format_value(change.now, change.unit, signed=change.signed)} now, "
        f"{format_value(change.before, change.unit, signed=change.signed)} last time, on the same data."
        for change in moved
    ]
    return [*lines, "These differences come from that change, not from customers."]


def changes_block(changes: Sequence[Change], previous: Mapping[str, Any]) -> Markup:
    """Return the "since last time" box."""
    if not previous:
        return list_block(TITLE, ["This is the first run on these data."], kind="since-last-time")
    if previous.get("changed"):
        return list_block(TITLE, _on_the_same_data(changes, previous), kind="since-last-time")
    if not changes:
        return list_block(TITLE, ["No headline figure is comparable."], kind="since-last-time")
    items = [change.sentence for change in changes]
    if len(changes) > 1:
        items.append(
            f"{len(changes)} figures are compared: with chance alone at work, about one in twenty would "
            "still be called more than noise."
        )
    return list_block(TITLE, items, kind="since-last-time")
