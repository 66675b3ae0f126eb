"""Periods of unlike length: what February's fewer days do to a change, and what they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.engine import Every

_SPAN = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
_ALLOWED = " allowed for"


def days_of(starts: Any, every: Every) -> NDArray[np.float64]:
    """Return the number of calendar days of the periods that begin on these days.

    Examples
    --------
    >>> days_of(pd.to_datetime(["2024-01-01", "2024-02-01"]), "month").tolist()
    [31.0, 29.0]
    """
    periods = pd.DatetimeIndex(starts).to_period(_SPAN[every])
    ends = (periods + 1).start_time
    return np.asarray((ends - periods.start_time) / pd.Timedelta(days=1), dtype=np.float64)


def scaled(cells: pd.DataFrame, factor: NDArray[np.float64]) -> pd.DataFrame:
    """Return cells with value and interval times a known factor of each row."""
    return cells.assign(**{name: cells[name].to_numpy(float) * factor for name in ("value", "low", "high")})


def allowing_for_days(
    plain: pd.DataFrame, shortened: pd.DataFrame, days: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> pd.DataFrame:
    """Return changes of a reach (who used anything, how many features) whose intervals allow for the days.

    A steady habit reaches more in more days, but never more than in proportion to them (the chance of no use
    in d days is convex in d for any stationary use). What the longer period would have reached in the days of
    the shorter one lies between its value (``plain``) and that value in proportion (``shortened``). The
    interval covers both, and the p-value is the larger one, or 1 where they point in different directions.
    """
    table = plain.copy()
    table["low"] = np.minimum(plain["low"], shortened["low"])
    table["high"] = np.maximum(plain["high"], shortened["high"])
    signs = np.sign(plain["difference"]), np.sign(shortened["difference"])
    surer = plain["p_value"] < shortened["p_value"]
    agreed, known = signs[0] == signs[1], plain["p_value"].notna()
    for name, none in (("p_value", 1.0), ("statistic", 0.0)):
        weaker = plain[name].where(~surer, shortened[name])
        table[name] = weaker.where(agreed | ~known, none)
    table["p_adjusted"] = table["p_value"]
    table["test"] = [
        test if one == two else f"{test}, {one:.0f} days against {two:.0f}{_ALLOWED}"
        for test, one, two in zip(plain["test"], *days, strict=True)
    ]
    return table


def any_allowed(changes: pd.DataFrame) -> bool:
    """Return whether a change between periods of unlike length is among these."""
    return bool(changes["test"].astype(str).str.endswith(_ALLOWED).any())
