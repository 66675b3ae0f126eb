"""``comfortable_wait``: the latest reply that still pleases, a service level from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_choice, check_level
from cxresearch.errors import ArgumentError
from cxresearch.metrics.survey.score_measures import sense_of
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.models.broken_stick import BrokenStick, broken_stick
from cxresearch.voice.causes.answered_tickets import answers_with_tickets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study

_WAITS = {"first_reply": "first_replied_at", "resolution": "resolved_at"}
_REMARK = "Hard cases wait longer and please less, whatever the wait: try a shorter one before promising it."


@dataclass(frozen=True, kw_only=True, eq=False)
class ComfortableWait(Result):
    """How long people wait without being less happy.

    Attributes
    ----------
    table : DataFrame
        Score by tenths of the wait.
    hours, low, high : float
        Where the score begins to fall; NaN where it does not.
    fits : BrokenStick
        The curve, over the logarithm (base 2) of hours.
    wait, measure : str
    n, n_missing : int
        Answers with a wait, and without.
    unit : Unit
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    hours: float
    low: float
    high: float
    fits: BrokenStick
    wait: str
    measure: str
    n: int
    n_missing: int
    unit: Unit
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="from_hours", label="waited from", meaning="hours", unit=Unit.HOURS),
                Column(name="to_hours", label="to", meaning="hours", unit=Unit.HOURS),
                Column(name="value", label="score", meaning="of its answers", low="low", high="high"),
                Column(name="n", label="answers", meaning="in this tenth", unit=Unit.COUNT),
            ),
            title="Score by wait, {level} intervals; {n:,} answers",
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the unit of the score."""
        spec = super().spec(name)
        return spec.change("value", unit=self.unit)

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        thing = self.wait.replace("_", " ")
        if np.isnan(self.hours):
            return (
                f"{self.measure} does not fall with the time to {thing} beyond chance ({self.n:,} answers)."
            )
        fall = format_value(abs(self.fits.slope), self.unit)
        slope = f"each doubling of the wait after that goes with {fall} less"
        if self.fits.at_edge:
            until = format_value(self.high, Unit.HOURS)
            early = f"from early on (before {until} at the latest)"
            return f"{self.measure} falls with the time to {thing} {early}: {slope}."
        if self.fits.at_end:
            least = format_value(self.low, Unit.HOURS)
            late = f"{self.measure} falls with the time to {thing}, but from {least} on or later"
            return f"{late}: too few waited long enough to say from when ({self.n:,} answers)."
        figure = format_estimate(self.hours, self.low, self.high, Unit.HOURS)
        return f"The latest {thing} people feel comfortable with is {figure}: {slope}."


def comfortable_wait(
    study: Study,
    *,
    wait: str = "first_reply",
    instrument: str | None = None,
    measure: str | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> ComfortableWait:
    """Say from which wait on people are less happy: a service level from data.

    Parameters
    ----------
    study : Study
        ``responses`` with ``ticket_id``, and ``tickets`` with the moments.
    wait : {"first_reply", "resolution"}
    instrument, measure
        As in `scores_by_ticket`.
    level, seed

    Returns
    -------
    ComfortableWait
        Tickets whose reply or resolution is still open are counted as missing.

    Raises
    ------
    ArgumentError, DataError
        If the moments or the ids are not there, or fewer than 50 answers have a wait.

    Notes
    -----
    See `broken_stick`, over the logarithm of hours: level, then falling by so much each doubling. Waits are
    calendar time. It is what goes with waiting: hard cases wait longer, too. Guide: ``docs/why.md``.
    """
    check_choice("wait", wait, tuple(_WAITS))
    check_level(level)
    rows, chosen, missing = answers_with_tickets(study, instrument, measure)
    if _WAITS[wait] not in rows:
        raise ArgumentError(f"tickets have no {_WAITS[wait]}", next_step="map it in the study file")
    hours = (rows[_WAITS[wait]] - rows["created_at"]).dt.total_seconds().to_numpy() / 3_600
    # replies before the ticket are clocks that disagree; open ones have no wait yet
    there = np.isfinite(hours) & (hours >= 0)
    # the logarithm needs waits above 0: a minute is the least
    hours, values = np.maximum(hours[there], 1 / 60), rows["value"].to_numpy(dtype=np.float64)[there]
    who = rows["who"].to_numpy(dtype=np.int64)[there]
    fit = broken_stick(np.log2(hours), values, cluster=who, level=level, seed=seed)
    falls = fit.p_value < 1 - level and sense_of(chosen) * fit.slope < 0
    bend, low, high = np.full(3, np.nan)
    if falls:
        # waits were doubled in the fit: 2^x hours
        bend, low, high = 2.0 ** np.array([fit.bend, fit.bend_low, fit.bend_high])
    return ComfortableWait(
        table=_tenths(hours, values, who, level),
        hours=float(bend),
        low=float(low),
        high=float(high),
        fits=fit,
        wait=wait,
        measure=chosen.label,
        n=int(there.sum()),
        n_missing=missing + int((~there).sum()),
        unit=chosen.unit,
        level=level,
        notes=(_REMARK,),
    )


def _tenths(
    hours: NDArray[np.float64], values: NDArray[np.float64], who: NDArray[np.int64], level: float
) -> pd.DataFrame:
    # tenths of the answers; waits that many share make fewer
    edges = np.unique(np.quantile(hours, np.linspace(0, 1, 11)))
    part = np.clip(np.searchsorted(edges, hours, side="right") - 1, 0, max(len(edges) - 2, 0))
    z = float(stats.norm.ppf(0.5 + level / 2))
    lines = []
    for at in range(max(len(edges) - 1, 1)):
        here = part == at
        if not here.any():
            continue
        mean = float(values[here].mean())
        # variance of a mean over customers: squares of their summed influence
        summed = pd.Series((values[here] - mean) / here.sum()).groupby(who[here]).sum()
        half = z * float(np.sqrt((summed**2).sum()))
        last = edges[min(at + 1, len(edges) - 1)]
        lines.append(
            {
                "from_hours": edges[at],
                "to_hours": last,
                "value": mean,
                "low": mean - half,
                "high": mean + half,
                "n": int(here.sum()),
            }
        )
    return pd.DataFrame(lines)
