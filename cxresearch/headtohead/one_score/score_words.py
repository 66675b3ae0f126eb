"""The verdict on one score in sentences that need no statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scipy import stats

from cxresearch.headtohead.contest.verdicts import Pair, decision, needed_rows, rounded
from cxresearch.results.units import Unit, format_p_value, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.headtohead.one_score.silence import GroupChurn
    from cxresearch.results.contrast import Contrast

TELLS = "tells who leaves"
BACKWARDS = "runs backwards"
NO_GUIDE = "no guide"
KNOWS = "knows who left"
INCONCLUSIVE = "inconclusive"

_VERDICT = {"first": TELLS, "second": BACKWARDS, "equivalent": NO_GUIDE, "inconclusive": INCONCLUSIVE}
#: Below this AUC a score that tells tells little.
LITTLE = 0.6
#: Power that "these data cannot say" speaks of.
_POWER = 0.8


def verdict_of(pair: Pair, *, knows: bool) -> str:
    """Return one of five verdicts on a score, `pair` being the score against a coin toss."""
    # A score that knows who left has a perfect AUC, and no merit.
    if knows:
        return KNOWS
    return _VERDICT[decision(pair)]


def told_verdict(verdict: str, pair: Pair) -> str:
    """Return the verdict as a table prints it, with the number of rows that would decide."""
    needed = needed_rows(pair)
    if verdict != INCONCLUSIVE or math.isnan(needed):
        return verdict
    return f"{verdict}: you would need {rounded(needed)} rows"


def score_sentence(verdict: str, pair: Pair, *, horizon_days: float) -> str:
    """Return the verdict as a sentence.

    Examples
    --------
    >>> pair = Pair(
    ...     first="NPS",
    ...     second="chance",
    ...     first_auc=0.628,
    ...     second_auc=0.5,
    ...     difference=0.128,
    ...     low=0.102,
    ...     high=0.154,
    ...     se=0.0133,
    ...     p_value=1e-9,
    ...     p_equivalence=1.0,
    ...     n=5_000,
    ...     margin=0.02,
    ...     level=0.95,
    ... )
    >>> print(score_sentence("tells who leaves", pair, horizon_days=365).split(", the leaver")[0])
    NPS tells who will leave: of a customer who left within 365 days and one who stayed
    """
    auc = _auc(pair)
    if verdict == KNOWS:
        return (
            f"{pair.first} does not foretell who leaves, it knows who left ({auc}): it was measured on the "
            "way out or afterwards, and nothing on it can be relied on."
        )
    if verdict == TELLS:
        says = "tells who"
        if pair.first_auc < LITTLE:
            says = "tells a little about who"
        return (
            f"{pair.first} {says} will leave: of a customer who left within {horizon_days:g} days and one "
            f"who stayed, the leaver had given the worse answer in {100 * pair.first_auc:.0f} of 100 pairs "
            f"({auc}; 0.5 is a coin toss)."
        )
    if verdict == BACKWARDS:
        return (
            f"{pair.first} runs backwards: customers who answered well left more often ({auc}; 0.5 is a coin "
            "toss). Check the declared direction first; it is never turned round for you."
        )
    if verdict == NO_GUIDE:
        return (
            f"{pair.first} is no guide to who will leave here: {auc}, and anything {pair.margin:g} or more "
            f"from a coin toss (0.5) is ruled out ({format_p_value(pair.p_equivalence)})."
        )
    needed = needed_rows(pair)
    more = ""
    if not math.isnan(needed):
        more = f" About {rounded(needed)} rows would decide; there are {pair.n:,}."
    return (
        f"These data cannot say whether {pair.first} tells who will leave: {auc} (0.5 is a coin toss).{more}"
    )


def _auc(pair: Pair) -> str:
    value = f"AUC {format_value(pair.first_auc, Unit.AUC)}"
    if math.isnan(pair.low):
        return f"{value}, with too few leavers or stayers for an interval"
    low, high = (format_value(0.5 + end, Unit.AUC) for end in (pair.low, pair.high))
    return f"{value}, {100 * pair.level:g} % interval {low} to {high}"


def silence_sentence(answered: GroupChurn, silent: GroupChurn | None, gap: Contrast | None) -> str:
    """Return how the silent fare beside those who answered; nothing where that is not known."""
    if silent is None or gap is None:
        return ""
    shares = [format_value(part.churn, Unit.SHARE) for part in (answered, silent)]
    value = format_value(gap.difference, Unit.SHARE_DIFFERENCE, signed=True)
    low, high = (format_value(end, Unit.SHARE_DIFFERENCE, signed=True) for end in (gap.low, gap.high))
    interval = f"{value}, {100 * gap.level:g} % interval {low.removesuffix(' points')} to {high}"
    if gap.p_value >= 1 - gap.level:
        return (
            f"Those who answered and the silent cannot be told apart by how many left: {shares[0]} against "
            f"{shares[1]} ({interval})."
        )
    if gap.difference > 0:
        who = "Those who answered left more often than the silent"
        return f"{who}: {shares[0]} against {shares[1]} ({interval})."
    who = "The silent left more often than those who answered"
    return f"{who}: {shares[1]} against {shares[0]} ({interval})."


def silence_cautions(label: str, silent: GroupChurn | None, gap: Contrast | None) -> Iterator[str]:
    """Say what the churn of the silent means for the score."""
    if silent is None:
        yield (
            "no row is without an answer, so nothing is said about the silent; landmarks made with "
            "keep_silent=True hold them"
        )
        return
    yield f"{label} is judged among those who answered; of the silent it says nothing"
    if gap is None or gap.p_value >= 1 - gap.level:
        return
    if gap.difference > 0:
        yield (
            "those who answer leave more than those who do not: whoever is asked, or answers, may already be "
            "on the way out. Find out when and whom the survey is sent; until then read the score as one of "
            "people about to decide, and never its answers as the mood of all customers"
        )
        return
    yield (
        "silence is itself a warning here, and an average of the answers paints too bright a picture of all "
        "customers"
    )


def power_cautions(verdict: str, pair: Pair) -> Iterator[str]:
    """Say how good a score would have had to be for these data to show it, where they showed nothing."""
    if verdict not in (INCONCLUSIVE, NO_GUIDE) or not pair.se > 0:
        return
    # Power: shown with 80 % where |AUC - .5| = (z_level + z_power) SE.
    least = 0.5 + (normal_quantile(pair.level) + float(stats.norm.ppf(_POWER))) * pair.se
    yield f"these data would have shown an AUC of {least:.3f} or more in four cases of five"
