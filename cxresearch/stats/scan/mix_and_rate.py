"""Why a rate changed: other groups, or the same groups otherwise (Kitagawa's decomposition)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

#: Customers left out at a time are worked on in portions of about this many numbers.
_PORTION = 4_000_000


@dataclass(frozen=True, kw_only=True)
class GroupSums:
    """Sums of each customer in each group and period, one entry where there are any.

    Attributes
    ----------
    customer, group, period : array of int, shape (entries,)
        Numbers from 0; the period is 0 (before) or 1 (after).
    weight, total : array, shape (entries,)
        Denominator and numerator: answers and what they count, customers and leavers, opening and lost MRR.
    """

    customer: Indices
    group: Indices
    period: Indices
    weight: Floats
    total: Floats


@dataclass(frozen=True, kw_only=True)
class MixAndRate:
    """The parts of a change; arrays of shape (groups,).

    Attributes
    ----------
    mix, rate : array
        Parts of each group: by its share having changed, and by its rate having changed. They add up to
        ``change``.
    mix_se, rate_se, part_se : array
        Jackknife errors of both and of their sum.
    change, change_se : float
        Rate after less rate before.
    mix_change, mix_change_se, rate_change, rate_change_se : float
        Sums over the groups.
    shares, rates : array, shape (groups, 2)
        Before and after; the rate of an empty group is NaN.
    before, after : float
        The two rates.
    """

    mix: Floats
    rate: Floats
    mix_se: Floats
    rate_se: Floats
    part_se: Floats
    change: float
    change_se: float
    mix_change: float
    mix_change_se: float
    rate_change: float
    rate_change_se: float
    shares: Floats
    rates: Floats
    before: float
    after: float


def mix_and_rate(sums: GroupSums, groups: int) -> MixAndRate:
    """Split the change of a rate between two periods into mix and rate, exactly.

    Parameters
    ----------
    sums : GroupSums
        Each customer's sums; both periods have some weight.
    groups : int
        Number of groups.

    Notes
    -----
    With shares s and rates r of the groups before (0) and after (1), and R the mean of the two overall rates,

        rate part = (s_0 + s_1)/2 (r_1 - r_0),   mix part = ((r_0 + r_1)/2 - R) (s_1 - s_0);

    as the changes of the shares add up to nought, R changes no sum, but gives each group a mix part of its
    own: negative where a group below the average grew. A group that is empty in one period has no rate there;
    it is taken to have the other period's, so that its coming or going is mix. Errors by leaving out one
    customer at a time, in both periods at once: (m - 1)/m sum (x_(c) - mean)^2.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates. Journal of the American Statistical
    Association 50, 1168-1194. doi:10.1080/01621459.1955.10501299

    Examples
    --------
    >>> one = np.ones(8)
    >>> sums = GroupSums(
    ...     customer=np.arange(8),
    ...     group=np.array([0, 0, 0, 1, 0, 1, 1, 1]),
    ...     period=np.array([0, 0, 0, 0, 1, 1, 1, 1]),
    ...     weight=one,
    ...     total=np.array([1.0, 1, 1, 0, 1, 0, 0, 0]),
    ... )
    >>> parts = mix_and_rate(sums, 2)
    >>> parts.change, parts.mix_change, parts.rate_change
    (-0.5, -0.5, 0.0)
    """
    people = int(sums.customer.max()) + 1
    cell = sums.period * groups + sums.group
    weight = np.asarray(np.bincount(cell, weights=sums.weight, minlength=2 * groups), dtype=np.float64)
    total = np.asarray(np.bincount(cell, weights=sums.total, minlength=2 * groups), dtype=np.float64)
    mix, rate = _parts(weight[None, :], total[None, :], groups)
    left_out = _without_each(sums, cell, weight, total, people)
    mix_se, rate_se, part_se = (_jackknife(draws) for draws in (*left_out, left_out[0] + left_out[1]))
    mix_sums, rate_sums = (draws.sum(axis=1) for draws in left_out)
    shares = np.stack(
        [weight[:groups] / weight[:groups].sum(), weight[groups:] / weight[groups:].sum()], axis=1
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = (total / weight).reshape(2, groups).T
    before = float(total[:groups].sum() / weight[:groups].sum())
    after = float(total[groups:].sum() / weight[groups:].sum())
    return MixAndRate(
        mix=mix[0],
        rate=rate[0],
        mix_se=mix_se,
        rate_se=rate_se,
        part_se=part_se,
        change=after - before,
        change_se=float(_jackknife(mix_sums + rate_sums)),
        mix_change=float(mix[0].sum()),
        mix_change_se=float(_jackknife(mix_sums)),
        rate_change=float(rate[0].sum()),
        rate_change_se=float(_jackknife(rate_sums)),
        shares=shares,
        rates=rates,
        before=before,
        after=after,
    )


def _parts(weight: Floats, total: Floats, groups: int) -> tuple[Floats, Floats]:
    """Mix and rate parts, shape (draws, groups), from sums of shape (draws, 2 groups)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = total / weight
        early, late = rates[:, :groups], rates[:, groups:]
        early = np.where(weight[:, :groups] > 0, early, late)
        late = np.where(weight[:, groups:] > 0, late, early)
    early = np.where(np.isfinite(early), early, 0.0)
    late = np.where(np.isfinite(late), late, 0.0)
    share_early = weight[:, :groups] / weight[:, :groups].sum(axis=1, keepdims=True)
    share_late = weight[:, groups:] / weight[:, groups:].sum(axis=1, keepdims=True)
    overall = (share_early * early + share_late * late).sum(axis=1, keepdims=True) / 2
    # ((r_0 + r_1)/2 - R) (s_1 - s_0)
    mix = ((early + late) / 2 - overall) * (share_late - share_early)
    # (s_0 + s_1)/2 (r_1 - r_0)
    rate = (share_early + share_late) / 2 * (late - early)
    return mix, rate


def _without_each(
    sums: GroupSums, cell: Indices, weight: Floats, total: Floats, people: int
) -> tuple[Floats, Floats]:
    """Parts with each customer left out in turn, shape (customers, groups)."""
    cells = len(weight)
    order = np.argsort(sums.customer, kind="stable")
    bounds = np.searchsorted(sums.customer[order], np.arange(people + 1))
    size = max(_PORTION // cells, 1)
    mixes, rates = [], []
    for first in range(0, people, size):
        last = min(first + size, people)
        rows = order[bounds[first] : bounds[last]]
        place = (sums.customer[rows] - first) * cells + cell[rows]
        shape = (last - first, cells)
        less_weight = np.bincount(place, sums.weight[rows], minlength=shape[0] * cells).reshape(shape)
        less_total = np.bincount(place, sums.total[rows], minlength=shape[0] * cells).reshape(shape)
        rest = weight - less_weight
        rest[np.abs(rest) < 1e-9 * np.maximum(weight, 1e-300)] = 0.0
        mix, rate = _parts(rest, np.where(rest > 0, total - less_total, 0.0), cells // 2)
        mixes.append(mix)
        rates.append(rate)
    return np.concatenate(mixes), np.concatenate(rates)


def _jackknife(draws: Floats) -> Floats:
    """Jackknife error over the first axis."""
    m = len(draws)
    return np.asarray(np.sqrt((m - 1) / m * ((draws - draws.mean(axis=0)) ** 2).sum(axis=0)))
