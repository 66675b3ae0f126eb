"""Cumulative incidence of competing kinds of event as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers
from cxresearch.errors import ArgumentError
from cxresearch.results.base import Result
from cxresearch.results.curve import KaplanMeier, step_values
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CumulativeIncidence(Result):
    """Probability of each kind of event by each time, in the presence of the others.

    Attributes
    ----------
    kinds : tuple of str, length k
        Names of the kinds of event.
    time : ndarray, shape (t,)
        Distinct times at which anybody leaves, in ``unit``, rising.
    at_risk : ndarray, shape (t,)
        Weight at risk just before each time.
    events, incidence, se, low, high : ndarray, shape (t, k)
        Weight of events, probability of having had the event, standard error and pointwise limits. Where
        nothing has happened yet se is 0 and both limits are 0.
    event_free : KaplanMeier
        Probability of no event of any kind; with the incidences it adds up to 1.
    level : float
        Confidence level.
    ci : str
        Scale of the limits.
    n : int
        People behind it.
    unit : Unit
        Unit of time.
    """

    kinds: tuple[str, ...]
    time: NDArray[np.float64]
    at_risk: NDArray[np.float64]
    events: NDArray[np.float64]
    incidence: NDArray[np.float64]
    se: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    event_free: KaplanMeier
    level: float
    ci: str
    n: int
    unit: Unit = Unit.DAYS

    @property
    def frame(self) -> pd.DataFrame:
        """Long table with columns kind, time, at_risk, events, incidence, se, low, high."""
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "kind": kind,
                        "time": self.time,
                        "at_risk": self.at_risk,
                        "events": self.events[:, k],
                        "incidence": self.incidence[:, k],
                        "se": self.se[:, k],
                        "low": self.low[:, k],
                        "high": self.high[:, k],
                    }
                )
                for k, kind in enumerate(self.kinds)
            ],
            ignore_index=True,
        )

    def incidence_at(self, times: ArrayLike, *, extend: bool = False) -> pd.DataFrame:
        """Incidence of each kind at chosen times.

        Parameters
        ----------
        times : array-like, shape (m,)
            Times in ``unit``, 0 or more.
        extend : bool
            Carry the last value beyond the follow-up.

        Returns
        -------
        DataFrame
            Columns kind, time, at_risk (just before the time), incidence, se, low, high, note. Beyond the
            follow-up the values are NaN and ``note`` says so, unless nobody was left or ``extend`` was
            asked for.
        """
        at = as_numbers("times", np.atleast_1d(np.asarray(times)))
        if (at < 0).any():
            raise ArgumentError(f"a time is negative: {at.min():g}", wanted="times of 0 or more")
        end = self.event_free.follow_up
        beyond = (at > end) & (self.event_free.survival[-1] > 0)
        note = f"{'carried beyond' if extend else 'beyond'} the follow-up, which ends at {end:g}"
        parts = []
        for k, kind in enumerate(self.kinds):
            part = pd.DataFrame({"kind": kind, "time": at, "at_risk": self.event_free.at_risk_at(at)})
            for name in ("incidence", "se", "low", "high"):
                values = step_values(self.time, getattr(self, name)[:, k], at, 0.0)
                part[name] = values if extend else np.where(beyond, np.nan, values)
            part["note"] = np.where(beyond, note, "")
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def __str__(self) -> str:
        end = self.event_free.follow_up
        parts = [
            f"{kind} {format_value(float(self.incidence[-1, k]), Unit.SHARE)} "
            f"{format_interval(float(self.low[-1, k]), float(self.high[-1, k]), Unit.SHARE)}"
            for k, kind in enumerate(self.kinds)
        ]
        by = format_value(end, self.unit)
        return f"Cumulative incidence by {by}: {', '.join(parts)}, n {self.n:,}"

    __repr__ = __str__
