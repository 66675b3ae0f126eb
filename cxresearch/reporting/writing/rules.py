"""An alert rule as it was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alert rule.

    Attributes
    ----------
    text : str
        As written.
    name : str
        The headline figure it watches, as `slug` writes it.
    sign : str
        ``<``, ``<=``, ``>``, ``>=``, or ``up``, ``down``, ``changed`` since the last run on other data, or
        ``stepped``, ``stepped up``, ``stepped down``: a change of level that stands.
    number : float
        Threshold in the unit of the figure (a percentage as a share); 0 for movements.
    sure : bool
        Fire only if the whole interval lies beyond, not the estimate alone.
    required : bool
        Whether the report must have the figure: rules under the report's name do, rules for all need not.
    """

    text: str
    name: str
    sign: str
    number: float
    sure: bool
    required: bool
