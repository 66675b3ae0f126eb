"""What customers cost, as a study declares it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxresearch.errors import ArgumentError
from cxresearch.wording import shown

#: The keys of ``[costs]``.
COST_KEYS = ("gross_margin", "serve_a_month", "acquire", "fixed_a_month", "discount")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What customers cost, in the currency of the study.

    Attributes
    ----------
    gross_margin : float
        What is left of revenue after the cost of what is sold, above 0 and at most 1.
    serve_a_month : float
        Serving one customer for a month, beside the margin.
    acquire : float
        Winning one new customer.
    fixed_a_month : float
        Whatever does not depend on customers.
    discount : float
        Rate a year at which later money counts less; for lifetime values.

    Raises
    ------
    ArgumentError
        If a cost is negative, a margin no share, or one is not a number.

    Examples
    --------
    >>> Costs(gross_margin=0.7, acquire=300).acquire
    300
    """

    gross_margin: float = 1.0
    serve_a_month: float = 0.0
    acquire: float = 0.0
    fixed_a_month: float = 0.0
    discount: float = 0.0

    def __post_init__(self) -> None:
        for name in COST_KEYS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ArgumentError(f"{name} is {shown(value)}", wanted="a number")
            if value < 0:
                raise ArgumentError(f"{name} is {value:g}", wanted="0 or more: a cost is not negative")
        if not 0 < self.gross_margin <= 1:
            raise ArgumentError(
                f"gross_margin is {self.gross_margin:g}",
                wanted="a share above 0 and at most 1: 0.7 or '70 %'",
            )
        if self.discount >= 1:
            raise ArgumentError(
                f"discount is {self.discount:g}", wanted="a share below 1: 0.08 or '8 %' for 8 % a year"
            )
