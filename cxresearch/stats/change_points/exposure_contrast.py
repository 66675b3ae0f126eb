"""Difference in differences around each customer's own event day, against customers who had none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxresearch.aliases import Floats, Ints, Places


@dataclass(frozen=True, kw_only=True)
class CustomerRows:
    """Answers by customer and day.

    Attributes
    ----------
    who, day : array of int, shape (rows,)
    value : array of float, shape (rows,)
    """

    who: Ints
    day: Ints
    value: Floats


@dataclass(frozen=True, kw_only=True)
class ExposureContrast:
    """Change of the exposed less change of the others in the same days.

    Attributes
    ----------
    before, after : float
        Levels of the exposed.
    others_before, others_after : float
        Levels of the others, in the same mixture of days.
    difference, se : float
        (after - before) - (others_after - others_before); clustered by customer.
    n_before, n_after : int
        Answers of the exposed.
    n_others_before, n_others_after : int
        Answers of the others.
    exposed : int
        Exposed customers who answered on both sides or on one.
    """

    before: float
    after: float
    others_before: float
    others_after: float
    difference: float
    se: float
    n_before: int
    n_after: int
    n_others_before: int
    n_others_after: int
    exposed: int


def exposure_contrast(
    rows: CustomerRows, event_who: Ints, event_day: Ints, *, window: int
) -> ExposureContrast | None:
    """Return the difference in differences of stacked events.

    Parameters
    ----------
    rows : CustomerRows
        Answers of everybody.
    event_who, event_day : array of int, shape (events,)
        Who met the event, and when; a customer may have met several.
    window : int
        Days on either side.

    Returns
    -------
    ExposureContrast or None
        None where a side has no answers.

    Notes
    -----
    Each answer of an exposed customer is taken less the mean of the others in the window of that customer's
    event, so that whatever befell everybody cancels; events on many days are stacked (Cengiz et al. 2019,
    doi:10.1093/qje/qjz014). Others are customers who never met the event. The error is linearised: an answer
    of the others counts with the share of the exposed that it stands for.
    """
    exposed = np.isin(rows.who, event_who)
    first = int(min(rows.day.min(), event_day.min())) - 2 * window
    length = int(max(rows.day.max(), event_day.max())) - first + 2 * window + 2
    others = CustomerRows(who=rows.who[~exposed], day=rows.day[~exposed], value=rows.value[~exposed])
    # Running sums by day: the others' answers in any window are a difference of two of them.
    counts = np.concatenate([[0.0], np.cumsum(np.bincount(others.day - first, minlength=length))])
    totals = np.bincount(others.day - first, weights=others.value, minlength=length)
    totals = np.concatenate([[0.0], np.cumsum(totals)])
    row, pair = _pairs(rows, np.flatnonzero(exposed), event_who)
    since = rows.day[row] - event_day[pair]
    levels = []
    influence = np.zeros(int(rows.who.max()) + 1)
    for start, sign in ((0, 1.0), (-window, -1.0)):
        inside = (since >= start) & (since < start + window)
        opened = event_day[pair[inside]] + start - first
        n_others = counts[opened + window] - counts[opened]
        usable = n_others > 0
        inside[np.flatnonzero(inside)[~usable]] = False
        opened = opened[usable]
        n_others = n_others[usable]
        n = int(inside.sum())
        if n == 0:
            return None
        beside = (totals[opened + window] - totals[opened]) / n_others
        value = rows.value[row[inside]]
        own = value - beside
        # u = sign (x - mean of the others in its window - mean of that difference) / n, added up by customer
        np.add.at(influence, rows.who[row[inside]], sign * (own - own.mean()) / n)
        # an answer x of the others on day d counts with sum over open windows of (x - mean) / (n n_others)
        weight = _covering(opened, 1 / (n * n_others), window, length)
        offset = _covering(opened, beside / (n * n_others), window, length)
        at = others.day - first
        np.add.at(influence, others.who, -sign * (weight[at] * others.value - offset[at]))
        covered = int((weight[at] > 1e-12 / n).sum())
        levels.append((float(value.mean()), float(beside.mean()), n, covered))
    (after, others_after, n_after, k_after), (before, others_before, n_before, k_before) = levels
    clusters = int((influence != 0).sum())
    return ExposureContrast(
        before=before,
        after=after,
        others_before=others_before,
        others_after=others_after,
        difference=(after - before) - (others_after - others_before),
        # Var = G / (G - 1) sum over customers of u_c^2, G customers with any influence
        se=float(np.sqrt((influence**2).sum() * clusters / max(clusters - 1, 1))),
        n_before=n_before,
        n_after=n_after,
        n_others_before=k_before,
        n_others_after=k_after,
        exposed=len(np.unique(rows.who[row[(since >= -window) & (since < window)]])),
    )


def _pairs(rows: CustomerRows, exposed: Places, event_who: Ints) -> tuple[Places, Places]:
    """Return every answer of the exposed with every event of its customer: positions of both."""
    order = np.argsort(event_who, kind="stable")
    low = np.searchsorted(event_who[order], rows.who[exposed], side="left")
    high = np.searchsorted(event_who[order], rows.who[exposed], side="right")
    times = high - low
    row = np.repeat(exposed, times)
    step = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return row, order[np.repeat(low, times) + step]


def _covering(opened: Ints, weight: Floats, window: int, length: int) -> Floats:
    """Sum of the weights of the windows that are open on each day."""
    begins = np.bincount(opened, weights=weight, minlength=length + 1)
    ends = np.bincount(opened + window, weights=weight, minlength=length + 1)
    sums: Floats = np.cumsum(begins - ends)[:length].astype(np.float64)
    return sums
