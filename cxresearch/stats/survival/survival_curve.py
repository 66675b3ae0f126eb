"""Survival curves and cumulative incidence as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers, check_number
from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats

#: Slack with which a curve "equals" a probability, as in R's quantile.survfit.
QUANTILE_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))

#: No share is quoted at a time at which fewer are at risk (a tenth of all, in a small group).
FEWEST_AT_RISK = 30


def step_values(time: Floats, values: Floats, at: Floats, before: float) -> Floats:
    """Read a step function: ``before`` ahead of the first time, the last value after the last."""
    return np.concatenate([[before], values])[np.searchsorted(time, at, side="right")]


def read_at(curve: KaplanMeier, times: ArrayLike) -> tuple[Floats, Bools, str]:
    """Return chosen times as numbers, which of them the curve says nothing about, and until when it does."""
    at = as_numbers("times", np.atleast_1d(np.asarray(times)))
    if (at < 0).any():
        raise ArgumentError(f"a time is negative: {at.min():g}", wanted="times of 0 or more")
    # A curve that has reached 0 stays there, however late.
    beyond = (at > curve.follow_up) & (curve.survival[-1] > 0)
    return at, np.asarray(beyond), f"beyond the follow-up, which ends at {curve.follow_up:g}"


def _crossing(time: Floats, curve: Floats, p: float) -> float:
    """First time a falling curve is at or below ``p``; the midpoint of a stretch lying exactly on it."""
    below = np.flatnonzero(curve < p + QUANTILE_TOLERANCE)
    if below.size == 0:
        return float("nan")
    first = int(below[0])
    # R's quantile.survfit: where the curve lies on p, half way to the next fall.
    if abs(curve[first] - p) < QUANTILE_TOLERANCE:
        lower = np.flatnonzero(curve < curve[first])
        if lower.size:
            return float((time[first] + time[lower[0]]) / 2)
    return float(time[first])


class EdgeLimits(NamedTuple):
    """Limits of a curve where nobody or everybody has left, by time; arrays of shape (k,).

    ``time`` are all times of entry and exit, rising. ``at_risk`` people are seen just before each, and
    ``low`` is the lower limit of the share still there if none of them has left before. ``gone`` people have
    left by each, and ``high`` is the upper limit if nobody else was there.
    """

    time: Floats
    at_risk: Floats
    low: Floats
    gone: Floats
    high: Floats


class PointLimits(NamedTuple):
    """A share still there at one time, with its ends, their name, and the reason where all is NaN."""

    value: float
    low: float
    high: float
    se: float
    limits: str
    note: str


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class KaplanMeier(Result):
    """A Kaplan-Meier curve.

    Attributes
    ----------
    time : ndarray, shape (t,)
        Distinct times at which anybody leaves, in ``unit``, rising.
    at_risk, events, censored : ndarray, shape (t,)
        Weight at risk just before each time, having the event and censored at it. Whole numbers unless
        sampling weights were given.
    survival, se, low, high : ndarray, shape (t,)
        Curve just after each time, its standard error and pointwise limits. Where the curve is 0 the last
        three are NaN: the variance of an estimate that cannot move is not known.
    edges : EdgeLimits
        Limits where the curve is 1 or 0 and those above say nothing.
    level : float
        Confidence level.
    ci : str
        Scale of the limits: ``"log-log"``, ``"plain"``, ``"log"`` or ``"logit"``.
    variance : str
        ``"Greenwood"`` or ``"infinitesimal jackknife"``.
    n : int
        People (rows) behind the curve.
    n_events : float
        Weight of all events.
    unit : Unit
        Unit of time.
    entry_time, entered : ndarray, shape (e,), or None
        With delayed entry: distinct entry times and the weight that has entered by each.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    se: Floats
    low: Floats
    high: Floats
    edges: EdgeLimits
    level: float
    ci: str
    variance: str
    n: int
    n_events: float
    unit: Unit = Unit.DAYS
    entry_time: Floats | None = None
    entered: Floats | None = None

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Share still there, with {level} limits; {n:,} people",
            columns=(
                Column(name="time", label="time", meaning="at which somebody leaves"),
                Column(name="at_risk", label="at risk", meaning="weight at risk just before the time"),
                Column(name="events", label="events", meaning="weight having the event at the time"),
                Column(name="censored", label="censored", meaning="weight censored at the time"),
                Column(
                    name="survival",
                    label="still there",
                    meaning="share without the event just after the time",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="se", label="SE", meaning="standard error of the share; NaN where it is 0"),
            ),
        )
    }

    @property
    def follow_up(self) -> float:
        """Last time anybody was observed; the curve says nothing beyond it unless it has reached 0."""
        return float(self.time[-1])

    @property
    def readable_until(self) -> float:
        """Last time at which 30 people are still at risk (a tenth of all, where that is fewer).

        Shares are not quoted beyond it: single customers move the curve there.
        """
        enough = np.flatnonzero(self.at_risk >= min(FEWEST_AT_RISK, self.at_risk.max() / 10))
        return float(self.time[enough[-1]])

    @property
    def table(self) -> pd.DataFrame:
        """One row a time at which anybody leaves."""
        names = ("time", "at_risk", "events", "censored", "survival", "se", "low", "high")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    @property
    def cumulative_hazard(self) -> pd.DataFrame:
        """Nelson-Aalen estimate: columns time, cumulative_hazard, se.

        References
        ----------
        Aalen (1978), doi:10.1214/aos/1176344247.
        """
        # H(t) = sum of d / n, with variance sum of d / n^2.
        return pd.DataFrame(
            {
                "time": self.time,
                "cumulative_hazard": np.cumsum(self.events / self.at_risk),
                "se": np.sqrt(np.cumsum(self.events / self.at_risk**2)),
            }
        )

    def survival_at(self, times: ArrayLike, *, extend: bool = False) -> pd.DataFrame:
        """Survival at chosen times.

        Parameters
        ----------
        times : array-like, shape (m,)
            Times in ``unit``, 0 or more.
        extend : bool
            Carry the last value beyond the follow-up, as ``summary(survfit, extend=TRUE)`` does in R.

        Returns
        -------
        DataFrame
            Columns time, at_risk (just before the time), survival, se, low, high, note. Beyond the follow-up
            survival and its limits are NaN and ``note`` says so, unless the curve has reached 0 or
            ``extend`` was asked for.

        Examples
        --------
        >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
        >>> curve = kaplan_meier([2, 2, 3, 5, 5, 7, 9, 9, 10, 12], [1, 0, 1, 1, 1, 0, 1, 0, 0, 0])
        >>> table = curve.survival_at([5, 20])
        >>> table["survival"].tolist(), table["note"].iloc[1]
        ([0.5625, nan], 'beyond the follow-up, which ends at 12')
        """
        at, beyond, note = read_at(self, times)
        table = pd.DataFrame({"time": at, "at_risk": self.at_risk_at(at)})
        for name, before in (("survival", 1.0), ("se", 0.0), ("low", 1.0), ("high", 1.0)):
            table[name] = step_values(self.time, getattr(self, name), at, before)
        if extend:
            note = f"carried {note}"
        else:
            table.loc[beyond, ["survival", "se", "low", "high"]] = np.nan
        table["note"] = np.where(beyond, note, "")
        return table

    def share_at(self, time: float, *, name: str = "", extend: bool = False) -> Estimate:
        """Share still there at one time, as an estimate; NaN with the reason beyond the follow-up.

        Parameters
        ----------
        time : float
            In ``unit``, 0 or more.
        name : str, optional
            What the share is called.
        extend : bool
            As in `survival_at`.

        Returns
        -------
        Estimate
            Limits are those of the curve. Where nobody or everybody has left Greenwood's variance is 0 and
            they would say that this is certain (or nothing at all); there they are Wilson's, for the people
            at risk at that time, or for the events until then (by weight, but never more than ``n``). ``se``
            is that of the curve: 0 or NaN there.

        References
        ----------
        Rothman, K. J. (1978). Estimation of confidence limits for the cumulative probability of survival in
        life table analysis. Journal of Chronic Diseases 31, 557-560. doi:10.1016/0021-9681(78)90043-7
        (Wilson's interval for a curve; here at its edges only, since log-log limits cover better in between).

        Examples
        --------
        >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
        >>> curve = kaplan_meier([2, 2, 3, 5, 7], [1, 0, 1, 1, 0])
        >>> curve.share_at(4)
        still there after 4 days 53.3 % [6.8 %, 86.3 %], n 5
        >>> curve.share_at(1)
        still there after 1 days 100.0 % [56.6 %, 100.0 %], n 5
        """
        point = self.point_limits(time, extend=extend)
        limits = point.limits
        if point.value not in (0.0, 1.0):
            limits += f", {self.variance} variance"
        return Estimate(
            name=name or f"still there after {time:g} {self.unit}",
            value=point.value,
            low=point.low,
            high=point.high,
            level=self.level,
            se=point.se,
            n=self.n,
            unit=Unit.SHARE,
            method=f"Kaplan-Meier, {limits}",
            denominator="people followed",
            note=point.note,
        )

    def point_limits(self, time: float, *, extend: bool = False) -> PointLimits:
        """Read the curve at one time, with the limits that `share_at` describes.

        Parameters
        ----------
        time : float
            In ``unit``, 0 or more.
        extend : bool
            As in `survival_at`.

        Returns
        -------
        PointLimits
            NaN with a note beyond the follow-up.

        Raises
        ------
        ArgumentError
            If the time is negative, missing or no number.
        """
        row = self.survival_at([time], extend=extend).iloc[0]
        share = float(row["survival"])
        low = float(row["low"])
        high = float(row["high"])
        limits = f"{self.ci} limits"
        edges = self.edges
        last = min(time, self.follow_up)
        if share == 1:
            # Nobody has left: Wilson's lower limit of none in all those at risk at the time.
            place = int(np.searchsorted(edges.time, last, side="left"))
            low = float(edges.low[place])
            high = 1.0
            limits = f"score limits of {edges.at_risk[place]:,.6g} (all or none)"
        elif share == 0:
            # Everybody has left: Wilson's upper limit of all of those gone by the time.
            place = int(np.searchsorted(edges.time, last, side="right")) - 1
            low = 0.0
            high = float(edges.high[place])
            limits = f"score limits of {edges.gone[place]:,.6g} (all or none)"
        return PointLimits(share, low, high, float(row["se"]), limits, str(row["note"]))

    def at_risk_at(self, times: ArrayLike) -> Floats:
        """Weight at risk just before each time, shape (m,)."""
        at = np.asarray(times, dtype=np.float64)
        if self.entry_time is None or self.entered is None:
            index = np.searchsorted(self.time, at, side="left")
            return np.concatenate([self.at_risk, [0.0]])[index]
        # Y(t) = entered before t, less gone before t.
        gone = np.concatenate([[0.0], np.cumsum(self.events + self.censored)])
        entered = np.concatenate([[0.0], self.entered])
        entered_before = entered[np.searchsorted(self.entry_time, at, side="left")]
        gone_before = gone[np.searchsorted(self.time, at, side="left")]
        return np.asarray(entered_before - gone_before, dtype=np.float64)

    def quantile(self, p: float = 0.5) -> Estimate:
        """Time by which a share ``p`` has left.

        Parameters
        ----------
        p : float
            Between 0 and 1: 0.5 for the median, 0.9 for the 90th percentile of the time.

        Returns
        -------
        Estimate
            The first time the curve is at or below ``1 - p``; where it lies exactly on it for a while, the
            midpoint of that stretch, as R prints. The interval inverts the limits of the curve
            (Brookmeyer and Crowley 1982, doi:10.2307/2530286). A quantile not reached is NaN, an upper
            limit not reached infinite, and ``note`` says so.

        Examples
        --------
        >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
        >>> kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).quantile(0.5)
        median time 2.5 [1.0, unbounded] days, n 4
        """
        p = check_number("p", p, above=0, below=1)
        # Brookmeyer and Crowley (1982): where the curve and its limits cross 1 - p.
        value = _crossing(self.time, self.survival, 1 - p)
        low = _crossing(self.time, self.low, 1 - p)
        high = _crossing(self.time, self.high, 1 - p)
        if np.isnan(high):
            high = float("inf")
        name = f"{100 * p:g} % quantile of time"
        if p == 0.5:
            name = "median time"
        note = ""
        if np.isnan(value):
            note = (
                f"not reached: {format_value(float(self.survival[-1]), Unit.SHARE)} are left at "
                f"{format_value(self.follow_up, self.unit)}, the end of the follow-up"
            )
        return Estimate(
            name=name,
            value=value,
            low=low,
            high=high,
            level=self.level,
            se=float("nan"),
            n=self.n,
            unit=self.unit,
            method=f"Kaplan-Meier, {self.ci} limits inverted (Brookmeyer and Crowley 1982)",
            denominator="people followed",
            note=note,
        )

    @property
    def median(self) -> Estimate:
        """Time by which half have left."""
        return self.quantile(0.5)

    @property
    def finding(self) -> str:
        """People, events, median, and what is left at the end, in a sentence."""
        left = format_value(float(self.survival[-1]), Unit.SHARE)
        return (
            f"Kaplan-Meier, n {self.n:,}, events {self.n_events:,.6g}; {self.median}; "
            f"{left} left at {self.follow_up:g} {self.unit}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """From when on single people move the curve."""
        if self.readable_until >= self.follow_up:
            return ()
        until = format_value(self.readable_until, self.unit)
        return (f"Fewer than {FEWEST_AT_RISK} people (or a tenth of all) are at risk after {until}.",)
