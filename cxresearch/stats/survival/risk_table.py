"""At risk, leaving and censored at each distinct time: what every survival estimate starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import as_numbers, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cxresearch.aliases import Bools, Floats, Ints

#: Times closer than this, absolutely or relative to the mean time, are one time, as in R's survival (its
#: vignette "Roundoff error and tied times"): days computed along two routes must still tie.
TIE_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
#: Event codes are small whole numbers; anything above is a time or an identifier in the wrong place.
LARGEST_CODE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SurvivalRows:
    """Checked survival input: one entry a row.

    Attributes
    ----------
    duration : ndarray of float64, shape (n,)
        Time at which the row leaves observation, by an event or by censoring.
    event : ndarray of int64, shape (n,)
        0 censored, 1 and above the kind of event.
    entry : ndarray of float64, shape (n,), or None
        Delayed entry: a row is at risk at t if ``entry < t <= duration``.
    weight : ndarray of float64, shape (n,)
        Counts or sampling weights, 1 by default.
    cluster : ndarray of int64, shape (n,), or None
        Cluster code of the row, from 0.
    robust : bool
        Whether variances come from the infinitesimal jackknife (sampling weights or clusters were given).
    n : int
        People or rows the input stands for (the sum of counts).
    used : ndarray of bool, shape (rows given,), or None
        Which input rows these are; None where all of them are.
    """

    duration: Floats
    event: Ints
    entry: Floats | None
    weight: Floats
    cluster: Ints | None
    robust: bool
    n: int
    used: Bools | None = None

    @property
    def n_given(self) -> int:
        """Input rows, those of weight zero included."""
        if self.used is None:
            return self.duration.size
        return self.used.size

    @property
    def scale(self) -> Floats:
        """Factor of a row's influence in a sum of squares: a count c stands for c separate people."""
        if self.robust:
            return self.weight
        # c people of influence z each: c z^2 = (sqrt(c) z)^2.
        return np.sqrt(self.weight)

    def take(self, rows: Bools | Ints) -> SurvivalRows:
        """Return the rows where a mask is true, or those at given positions."""
        weight = self.weight[rows]
        n = weight.size
        if not self.robust:
            n = round(float(weight.sum()))
        used = None
        if rows.dtype == np.bool_:
            used = np.asarray(rows, dtype=np.bool_)
        return SurvivalRows(
            duration=self.duration[rows],
            event=self.event[rows],
            entry=_rows_of(self.entry, rows),
            weight=weight,
            cluster=_rows_of(self.cluster, rows),
            robust=self.robust,
            n=n,
            used=used,
        )


def _rows_of(values: Any, rows: Bools | Ints) -> Any:
    if values is None:
        return None
    return values[rows]


def survival_rows(
    duration: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    counts: ArrayLike | None = None,
) -> SurvivalRows:
    """Check survival input, or say which row cannot be used and why.

    Parameters
    ----------
    duration : array-like, shape (n,)
        Time from the origin to the event or to censoring, any unit, not negative, with entry neither. Missing
        values are refused.
    event : array-like, shape (n,)
        0 or False censored; 1 or True, 2, ... the kind of event.
    entry : array-like, shape (n,), optional
        Time from which each row is under observation, below its duration; before the origin counts as there
        from the start.
    weights : array-like, shape (n,), optional
        Sampling weights, not negative; variances become robust.
    clusters : array-like, shape (n,), optional
        Rows that belong together, usually the customer; variances become robust.
    counts : array-like, shape (n,), optional
        How many people each row stands for, where the input is already aggregated.

    Returns
    -------
    SurvivalRows
        Rows of count or weight zero are left out: they say nothing.

    Raises
    ------
    ArgumentError
        If lengths differ, values are missing, negative or not numbers, an end does not lie after its start,
        or counts are combined with weights or clusters.
    DataError
        If there are no rows.

    Examples
    --------
    >>> survival_rows([5, 3], [1, 0], counts=[10, 2]).n
    12
    """
    if counts is not None and (weights is not None or clusters is not None):
        raise ArgumentError(
            "counts cannot be combined with weights or clusters",
            next_step="pass one row per person where weights or clusters matter",
        )
    times = as_numbers("duration", duration)
    kinds = event_codes("event", event)
    starts = None
    if entry is not None:
        starts = as_numbers("entry", entry)
    size = check_same_length(
        duration=times, event=kinds, entry=starts, weights=weights, clusters=clusters, counts=counts
    )
    if size == 0:
        raise DataError("no rows to build a survival curve from", next_step="check the filter or the group")
    _check_times(times, starts)
    # Where everybody is there from the origin on, nobody enters late.
    if starts is not None and bool((starts <= 0).all()) and bool((times > 0).all()):
        starts = None
    n = size
    if counts is not None:
        weight = _weights("counts", counts)
        n = round(float(weight.sum()))
    elif weights is not None:
        weight = _weights("weights", weights)
    else:
        weight = np.ones(size)
    cluster = None
    if clusters is not None:
        cluster = cluster_codes(clusters).astype(np.int64)
    rows = SurvivalRows(
        duration=times,
        event=kinds,
        entry=starts,
        weight=weight,
        cluster=cluster,
        robust=weights is not None or clusters is not None,
        n=n,
    )
    used = weight > 0
    if not used.any():
        raise DataError("every row has weight or count zero", next_step="check the weights")
    if used.all():
        return rows
    return rows.take(used)


def event_codes(name: str, events: ArrayLike) -> Ints:
    """Return event codes as whole numbers: 0 or False censored, 1 or True, 2, ... the kind of event.

    Raises
    ------
    ArgumentError
        If a code is missing, negative, not whole, or above a million.

    Examples
    --------
    >>> event_codes("event", [True, False])
    array([1, 0])
    """
    codes = as_numbers(name, events, booleans=True)
    bad = (codes < 0) | (codes != np.floor(codes)) | (codes > LARGEST_CODE)
    if bad.any():
        raise ArgumentError(
            f"{name} is {codes[bad][0]:g}",
            where=f"position {int(np.argmax(bad))}",
            wanted="codes: 0 for censored, 1, 2, ... for the kind of event",
        )
    return codes.astype(np.int64)


def _check_times(times: Floats, starts: Floats | None) -> None:
    if (times < 0).any():
        bad = times < 0
        raise ArgumentError(
            f"{int(bad.sum()):,} durations are negative",
            where=f"first at position {int(np.argmax(bad))}: {times[bad][0]:g}",
            wanted="time from start to end or to censoring, 0 or more",
            next_step="check which date is the start; the row is not repaired",
        )
    if starts is not None and (times <= starts).any():
        bad = times <= starts
        first = int(np.argmax(bad))
        raise ArgumentError(
            f"{int(bad.sum()):,} rows end at or before their start",
            where=f"first at position {first}: entry {starts[first]:g}, duration {times[first]:g}",
            wanted="entry below duration",
            next_step="drop rows that were never under observation",
        )


def _weights(name: str, weights: ArrayLike) -> Floats:
    values = as_numbers(name, weights)
    if (values < 0).any():
        raise ArgumentError(
            f"{name} are negative",
            where=f"first at position {int(np.argmax(values < 0))}",
            wanted="0 or more",
        )
    return values


@dataclass(frozen=True, kw_only=True)
class RiskTable:
    """At risk, leaving and censored at each distinct time.

    Attributes
    ----------
    time : ndarray, shape (t,)
        Distinct exit times, rising.
    at_risk : ndarray, shape (t,)
        Weight of the rows with ``entry < time <= duration``: at tied times events come before censorings.
    events : ndarray, shape (t, k)
        Weight of the events of each kind.
    censored : ndarray, shape (t,)
        Weight censored at the time.
    kinds : tuple of int
        The event codes of the columns of ``events``, rising.
    exit_index : ndarray of int64, shape (n,)
        Row of the table at which each input row leaves.
    entry_index : ndarray of int64, shape (n,)
        First row of the table at which each input row is at risk.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    kinds: tuple[int, ...]
    exit_index: Ints
    entry_index: Ints

    @property
    def any_event(self) -> Floats:
        """Weight of events of all kinds at each time, shape (t,)."""
        return np.asarray(self.events.sum(axis=1), dtype=np.float64)

    @property
    def exhausted(self) -> Bools:
        """Where everybody at risk has the event at once, so that survival drops to zero; shape (t,)."""
        return np.asarray(self.any_event >= self.at_risk * (1 - 1e-12), dtype=np.bool_)


def risk_table(rows: SurvivalRows, *, kinds: tuple[int, ...] | None = None) -> RiskTable:
    """Aggregate checked rows by distinct time.

    Parameters
    ----------
    rows : SurvivalRows
        From :func:`survival_rows`.
    kinds : tuple of int, optional
        Event codes to keep apart; by default those present (at least code 1).

    Returns
    -------
    RiskTable
        Times closer than ``TIE_TOLERANCE`` are taken as tied, as R's survival does.

    Examples
    --------
    >>> table = risk_table(survival_rows([2, 2, 3], [1, 0, 1]))
    >>> table.at_risk, table.any_event
    (array([3., 1.]), array([1., 1.]))
    """
    duration, entry = tied_times(rows.duration, rows.entry)
    time, exit_index = np.unique(duration, return_inverse=True)
    exit_index = exit_index.astype(np.int64)
    size = time.size
    if kinds is None:
        kinds = tuple(int(code) for code in np.unique(rows.event) if code > 0) or (1,)
    leaving = _sums(exit_index, rows.weight, size)
    # Y(t) = sum of w 1(duration >= t), less sum of w 1(entry >= t) where people enter late.
    at_risk = np.cumsum(leaving[::-1])[::-1]
    entry_index = np.zeros(duration.size, dtype=np.int64)
    if entry is not None:
        entry_index = positions(time, entry, right=True)
        entering = _sums(entry_index, rows.weight, size + 1)
        at_risk = at_risk - np.cumsum(entering[::-1])[::-1][1:]
    of_kind = [_sums(exit_index, rows.weight * (rows.event == kind), size) for kind in kinds]
    censored = _sums(exit_index, rows.weight * ~np.isin(rows.event, kinds), size)
    return RiskTable(
        time=time,
        at_risk=at_risk,
        events=np.stack(of_kind, axis=1),
        censored=censored,
        kinds=kinds,
        exit_index=exit_index,
        entry_index=entry_index,
    )


def _sums(index: Ints, values: Floats, size: int) -> Floats:
    """Return sums of values by index, shape (size,)."""
    return np.bincount(index, weights=values, minlength=size).astype(np.float64, copy=False)


def positions(grid: NDArray[Any], values: NDArray[Any], *, right: bool = False) -> Ints:
    """``np.searchsorted`` for many unordered values; ordering them first spares jumps in memory."""
    order = np.argsort(values)
    places = np.empty(values.size, dtype=np.int64)
    if right:
        places[order] = np.searchsorted(grid, values[order], side="right")
    else:
        places[order] = np.searchsorted(grid, values[order], side="left")
    return places


def tied_times(duration: Floats, entry: Floats | None) -> tuple[Floats, Floats | None]:
    """Give times that differ only by rounding the same value; returns durations and entries."""
    values = np.unique(duration)
    if entry is not None:
        values = np.union1d(values, entry)
    # R's survival, aeqSurv: a gap is rounding if it is small in itself or beside the mean time.
    gap = np.diff(values)
    close = (gap <= TIE_TOLERANCE) | (gap <= TIE_TOLERANCE * np.abs(values).mean())
    if not close.any():
        return duration, entry
    first = np.concatenate([[True], ~close])
    standing = values[first][np.cumsum(first) - 1]
    tied = standing[positions(values, duration)]
    if entry is None:
        return tied, None
    starts = standing[positions(values, entry)]
    empty = starts >= tied
    if empty.any():
        raise DataError(
            f"{int(empty.sum()):,} rows are under observation for no time beyond rounding",
            where=f"first at position {int(np.argmax(empty))}",
            next_step="drop rows whose entry and duration are the same time",
        )
    return tied, starts
