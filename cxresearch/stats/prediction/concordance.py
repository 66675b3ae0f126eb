"""Harrell's and Uno's concordance with standard errors, covariance and start-stop rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import as_numbers, check_choice, check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes, cluster_sums
from cxresearch.stats.prediction.dominance import weight_below
from cxresearch.stats.prediction.follow_up import FollowUp, censoring_term, follow_up
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Places

TIME_WEIGHTS = ("n", "n/G2", "S", "S/G", "I")


@dataclass(frozen=True, kw_only=True)
class Concordance:
    """Concordance of m scores on the same rows.

    Attributes
    ----------
    value : array, shape (m,)
    influence : array, shape (m, n)
        In the order of the input; ``value - truth = mean(influence)`` to first order.
    concordant, discordant, tied_score : array, shape (m,)
        Weighted pairs in which the riskier row left earlier, later, or both scored alike.
    """

    value: Floats
    influence: Floats
    concordant: Floats
    discordant: Floats
    tied_score: Floats

    def covariance(self, *, clusters: ArrayLike | None = None) -> Floats:
        """Infinitesimal-jackknife covariance, shape (m, m), as R's survival has it: no factor G/(G-1).

        Rows of one cluster, labelled in the order of the input, may depend on each other in any way.
        """
        total = self.influence
        if clusters is not None:
            codes = cluster_codes(clusters)
            check_same_length(rows=self.influence[0], clusters=codes)
            total = cluster_sums(self.influence, codes)
        return np.asarray(total @ total.T / self.influence.shape[1] ** 2)


def concordance(  # noqa: PLR0913 - what R's concordance takes
    durations: ArrayLike,
    events: ArrayLike,
    scores: Sequence[ArrayLike],
    *,
    cause: int = 1,
    time_weight: str = "n",
    horizon: float | None = None,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    censoring: str = "known",
) -> Concordance:
    """Chance that of two rows the one that leaves first was scored as riskier.

    Pairs (i, j) with an event at ``T_i`` and ``T_j > T_i`` (or censored at ``T_i``), each with the time
    weight of ``T_i``; pairs tied in score count one half.

    Parameters
    ----------
    durations, events : array-like, shape (n,)
        Time to event or censoring; 0 censored, 1.. kind of event. Another kind than `cause` counts as
        censoring.
    scores : sequence of m array-likes, shape (n,)
        Higher means riskier. Missing values are refused.
    time_weight : {"n", "n/G2", "S", "S/G", "I"}
        ``"n"`` is Harrell's C, ``"n/G2"`` Uno's; the others as in R's ``concordance(timewt=)``.
    horizon : float, optional
        Events after it are not counted.
    entry : array-like, shape (n,), optional
        Rows are at risk from then on (start-stop rows); Harrell's weight only.
    weights : array-like, shape (n,), optional
        Row weights.
    strata : array-like, shape (n,), optional
        Labels; only rows of one stratum (customers of one plan, say) are compared, so that the score gets no
        credit for what the stratum tells. G and survival are those of each stratum, as in R's
        ``concordance(... + strata(s))``. With ``censoring="known"`` only.
    censoring : {"known", "estimated"}
        Whether the influence includes the estimation of G (Uno's weight only). R's survival leaves it out.

    Returns
    -------
    Concordance

    Raises
    ------
    DataError
        If no pair can be compared.
    ArgumentError
        Missing or unequal input, unknown choices, `entry` with a weight other than ``"n"``.

    Notes
    -----
    O(n log n). Agrees with R survival 3.8-6 ``concordance`` (value 1e-12, se 1e-9).

    References
    ----------
    Harrell, Lee and Mark (1996), doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4; Uno et
    al. (2011), doi:10.1002/sim.4154.

    Examples
    --------
    >>> concordance([1, 2, 3, 4], [1, 1, 0, 1], [[4, 3, 1, 2]]).value
    array([1.])
    """
    check_choice("time_weight", time_weight, TIME_WEIGHTS)
    check_choice("censoring", censoring, ("known", "estimated"))
    fit = follow_up(durations, events, weights=weights)
    if entry is not None and time_weight != "n":
        raise ArgumentError("entry times come with time_weight='n' only", next_step="drop one of the two")
    if cause != 1 or (fit.event > 1).any():
        caused = np.empty(fit.n, dtype=np.int64)
        caused[fit.order] = fit.event == cause
        fit = follow_up(durations, caused, weights=weights)
    limit = np.inf
    if horizon is not None:
        limit = check_number("horizon", horizon, above=0)
    start = None
    if entry is not None:
        start = as_numbers("entry", entry)[fit.order]
    check_same_length(durations=fit.duration, entry=start, strata=strata)
    codes = []
    for index, score in enumerate(scores):
        code, _ = level_codes(f"scores[{index}]", score)
        check_same_length(durations=fit.duration, **{f"scores[{index}]": code})
        codes.append(code[fit.order])
    if strata is not None:
        if censoring == "estimated":
            raise ArgumentError("strata come with censoring='known' only", next_step="drop one of the two")
        stratum = cluster_codes(strata)[fit.order]
        return _within_strata(fit, codes, stratum, time_weight=time_weight, horizon=limit, entry=start)
    return concordance_of(
        fit, codes, time_weight=time_weight, horizon=limit, entry=start, estimated=censoring == "estimated"
    )


def concordance_of(
    fit: FollowUp,
    codes: Sequence[Places],
    *,
    time_weight: str = "n",
    horizon: float = np.inf,
    entry: Floats | None = None,
    estimated: bool = False,
) -> Concordance:
    """Concordance of coded scores (sorted rows) on prepared rows with one kind of event, code 1."""
    pair_weight = _pair_weights(fit, time_weight, horizon)
    scores = [_score_pairs(fit, code, pair_weight, entry) for code in codes]
    influence = np.empty((len(codes), fit.n))
    last = float(fit.duration[pair_weight > 0].max(initial=0.0))
    for index, score in enumerate(scores):
        influence[index, fit.order] = score.influence
        if estimated and time_weight == "n/G2":
            # The weight 1/G^2 moves twice as fast as 1/G.
            influence[index, fit.order] += censoring_term(fit, 2 * score.of_log_weight, last)
    return Concordance(
        value=np.array([score.value for score in scores]),
        influence=influence,
        concordant=np.array([score.concordant for score in scores]),
        discordant=np.array([score.discordant for score in scores]),
        tied_score=np.array([score.tied for score in scores]),
    )


def _within_strata(
    fit: FollowUp,
    codes: Sequence[Places],
    stratum: Places,
    *,
    time_weight: str,
    horizon: float,
    entry: Floats | None,
) -> Concordance:
    """Pool the pairs of all strata: C = sum of concordant over sum of comparable pairs, all (m,) sums."""
    size = (len(codes), int(stratum.max()) + 1)
    counts = {name: np.zeros(size) for name in ("pairs", "concordant", "discordant", "tied")}
    value = np.zeros(size)
    moved = np.zeros((len(codes), fit.n))
    touching = np.zeros((len(codes), fit.n))
    for s in range(size[1]):
        rows = np.flatnonzero(stratum == s)
        part = follow_up(fit.duration[rows], fit.event[rows], weights=fit.weight[rows])
        start = None
        if entry is not None:
            start = entry[rows]
        pair_weight = _pair_weights(part, time_weight, fit.reaching(horizon))
        # Weights have mean 1 within a stratum; a pair has the product of two, under "I" over a sum of them.
        degree = 2 - (time_weight == "I")
        scale = float(fit.weight[rows].mean()) ** degree
        for index, code in enumerate(codes):
            score = _score_pairs(part, code[rows], pair_weight, start, least=0)
            for name, table in counts.items():
                table[index, s] = scale * getattr(score, name)
            value[index, s] = score.value
            moved[index, rows] = scale * score.influence * score.pairs / part.n
            touching[index, rows] = scale * score.touching
    pairs = counts["pairs"].sum(axis=1)
    if not (pairs > 0).all():
        raise _nothing_to_compare()
    pooled = (counts["concordant"] + counts["tied"] / 2).sum(axis=1) / pairs
    # n dC / d log w_i: what a row adds to concordant pairs less C times what it adds to all pairs.
    shift = (value - pooled[:, None])[:, stratum]
    influence = np.empty_like(moved)
    influence[:, fit.order] = fit.n * (moved + shift * touching) / pairs[:, None]
    return Concordance(
        value=pooled,
        influence=influence,
        concordant=counts["concordant"].sum(axis=1),
        discordant=counts["discordant"].sum(axis=1),
        tied_score=counts["tied"].sum(axis=1),
    )


def _nothing_to_compare() -> DataError:
    return DataError("no two rows can be compared", wanted="an event while somebody else is still there")


@dataclass(frozen=True, kw_only=True)
class _ScorePairs:
    """Pairs of a score: weighted counts, value, influence (sorted), and n dC / d log pair weight.

    ``touching`` (n,) is the weight of the pairs that a row is in.
    """

    pairs: float
    value: float
    concordant: float
    discordant: float
    tied: float
    influence: Floats
    of_log_weight: Floats
    touching: Floats


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """For each row the weight of the rows it is compared with, by score: lower, equal, and in all; (n,)."""

    lower: Floats
    equal: Floats
    total: Floats

    def minus(self, other: _Compared) -> _Compared:
        return _Compared(
            lower=self.lower - other.lower,
            equal=self.equal - other.equal,
            total=self.total - other.total,
        )


def _pair_weights(fit: FollowUp, time_weight: str, horizon: float) -> Floats:
    """Weight of the pairs of each row as the one that leaves first, shape (n,); 0 without a counted event."""
    counted = (fit.event == 1) & (fit.duration <= fit.reaching(horizon))
    return np.where(counted, _time_weights(fit, time_weight)[fit.group], 0.0)


def _time_weights(fit: FollowUp, kind: str) -> Floats:
    """Weight of a pair by the time of its event, one for each distinct time."""
    leaving = np.bincount(fit.group, weights=fit.weight)
    at_risk = leaving[::-1].cumsum()[::-1]
    if kind == "n":
        return np.ones(len(fit.time))
    before = fit.before.clip(1e-300)
    if kind == "n/G2":
        # Uno et al. (2011): 1 / G(t-)^2.
        return np.asarray(1 / before**2)
    if kind == "I":
        return np.asarray(1 / at_risk)
    events = np.bincount(fit.group, weights=fit.weight * (fit.event > 0), minlength=len(fit.time))
    survival = np.concatenate(([1.0], np.cumprod(1 - events / at_risk)[:-1]))
    # R's concordance(timewt = "S"): n S(t-) / Y(t), Peto and Wilcoxon's; "S/G" is Schemper's.
    scaled = fit.weight.sum() * survival / at_risk
    if kind == "S":
        return np.asarray(scaled)
    return np.asarray(scaled / before)


def _before_each(stage: Places, code: Places, weight: Floats) -> _Compared:
    """Weights of the rows of earlier stages by score, for rows in any order."""
    place = np.argsort(stage, kind="stable")
    lower, equal, total = weight_below(stage[place], code[place], weight[place])
    # The inverse permutation: results back in the order of the rows.
    back = np.empty_like(place)
    back[place] = np.arange(len(place))
    return _Compared(lower=lower[back], equal=equal[back], total=total[back])


def _later_rows(fit: FollowUp, code: Places) -> _Compared:
    """For each row, the weight of rows that leave later (at a tie: the censored)."""
    # Stages from the last time down; at one time the censored first: they outlived the event.
    stage = 2 * (len(fit.time) - 1 - fit.group) + (fit.event > 0)
    return _before_each(stage, code, fit.weight)


def _earlier_events(fit: FollowUp, code: Places, event_weight: Floats) -> _Compared:
    """For each row, the weight of events that come before it."""
    # Stages upwards, at one time the events before the censored, for the same reason.
    stage = 2 * fit.group + (fit.event == 0)
    return _before_each(stage, code, event_weight)


def _score_pairs(
    fit: FollowUp, code: Places, pair_weight: Floats, entry: Floats | None, *, least: float = 1e-300
) -> _ScorePairs:
    event_weight = fit.weight * pair_weight
    later = _later_rows(fit, code)
    earlier = _earlier_events(fit, code, event_weight)
    if entry is not None:
        absent, before_entry = _not_yet(fit, code, entry, event_weight)
        later = later.minus(absent)
        earlier = earlier.minus(before_entry)
    pairs = float(event_weight @ later.total)
    if not pairs >= least:
        raise _nothing_to_compare()
    of_pairs = 1 / max(pairs, 1e-300)
    concordant = float(event_weight @ later.lower)
    tied = float(event_weight @ later.equal)
    # C = (concordant + tied / 2) / pairs (Harrell, Lee and Mark 1996).
    value = (concordant + tied / 2) * of_pairs
    # n dC / dw_i, of a row as the event of its pairs and as the one that stays longer.
    as_event = pair_weight * (later.lower + later.equal / 2 - value * later.total)
    higher = earlier.total - earlier.lower - earlier.equal
    # As the one that stays a row is concordant with earlier events of a higher score.
    as_stayer = higher + earlier.equal / 2 - value * earlier.total
    return _ScorePairs(
        pairs=pairs,
        value=value,
        concordant=concordant,
        discordant=pairs - concordant - tied,
        tied=tied,
        influence=fit.n * fit.weight * (as_event + as_stayer) * of_pairs,
        of_log_weight=fit.n * fit.weight * as_event * of_pairs,
        touching=fit.weight * (pair_weight * later.total + earlier.total),
    )


def _not_yet(fit: FollowUp, code: Places, entry: Floats, event_weight: Floats) -> tuple[_Compared, _Compared]:
    """Pairs of a row with one that enters at or after its event: of each event, and of each late row."""
    if (entry >= fit.duration).any():
        raise ArgumentError("a row starts at or after its end", wanted="entry before duration")
    n = fit.n
    # Each row twice, at its end and at its entry, on one scale of time.
    is_entry = np.repeat([False, True], n)
    code_twice = np.concatenate([code, code])
    _, rank = np.unique(np.concatenate([fit.duration, entry]), return_inverse=True)
    # Rows entering at or after t are not at risk at t: going down in time, entries come before events.
    entering = np.where(is_entry, np.tile(fit.weight, 2), 0.0)
    absent = _before_each(2 * (rank.max() - rank) + ~is_entry, code_twice, entering)
    happened = np.where(is_entry, 0.0, np.tile(event_weight, 2))
    before_entry = _before_each(2 * rank + is_entry, code_twice, happened)
    is_event = fit.event == 1
    return (
        _Compared(
            lower=np.where(is_event, absent.lower[:n], 0.0),
            equal=np.where(is_event, absent.equal[:n], 0.0),
            total=np.where(is_event, absent.total[:n], 0.0),
        ),
        _Compared(lower=before_entry.lower[n:], equal=before_entry.equal[n:], total=before_entry.total[n:]),
    )
