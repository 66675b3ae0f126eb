"""From a difference to one of four verdicts, and to a sentence that needs no statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxresearch.results.units import Unit, format_p_value, format_value
from cxresearch.stats.prediction.equivalence import rows_to_decide


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What a verdict needs to know about a pair of scores.

    Attributes
    ----------
    first, second : str
        Labels.
    first_auc, second_auc, difference, low, high, se : float
        ``difference = first_auc - second_auc``.
    p_value, p_equivalence : float
        The p-values to decide by (adjusted for the family where the pair is not the primary one).
    n : int
        Rows.
    half_equivalence : float
        Half the width of the interval that the two one-sided tests use, of level ``2 level - 1``.
    family : int
        Contrasts that the p-values were corrected over.
    margin, level : float
    outcome : str
        What is predicted, as a noun.
    """

    first: str
    second: str
    first_auc: float
    second_auc: float
    difference: float
    low: float
    high: float
    se: float
    p_value: float
    p_equivalence: float
    n: int
    margin: float
    level: float
    half_equivalence: float = math.nan
    family: int = 1
    outcome: str = "churn"


_WINNER = {True: "first", False: "second"}


def decision(pair: Pair) -> str:
    """Return ``"first"``, ``"second"``, ``"equivalent"`` or ``"inconclusive"``.

    Equivalence comes first: a difference that is real but shown to be smaller than the margin set
    beforehand does not matter.
    """
    if pair.p_equivalence < 1 - pair.level:
        return "equivalent"
    if pair.p_value < 1 - pair.level:
        return _WINNER[pair.difference > 0]
    return "inconclusive"


def needed_rows(pair: Pair) -> float:
    """Rows that would decide with 80 % probability if the truth is what was observed; NaN if decided."""
    if decision(pair) != "inconclusive" or not pair.se > 0 or math.isnan(pair.low):
        return math.nan
    # SE falls with the root of the rows, so SE sqrt(n) belongs to one row.
    unit_sd = pair.se * math.sqrt(pair.n)
    # The first step of Holm's correction is Bonferroni's.
    corrected = 1 - (1 - pair.level) / pair.family
    return float(rows_to_decide(pair.difference, unit_sd, margin=pair.margin, level=corrected))


def rounded(count: float) -> str:
    """Write a count to three significant digits: ``17,100``."""
    digits = 3 - math.ceil(math.log10(max(count, 1) + 1))
    return f"{round(count, min(digits, 0)):,.0f}"


def verdict(pair: Pair) -> str:
    """Return the verdict as a table prints it."""
    decided = decision(pair)
    if decided == "equivalent":
        return "equivalent"
    if decided != "inconclusive":
        return f"{getattr(pair, decided)} better"
    needed = needed_rows(pair)
    if math.isnan(needed):
        return "inconclusive"
    return f"inconclusive: you would need {rounded(needed)} rows"


def finding(pair: Pair) -> str:
    """Return the verdict as a sentence.

    Examples
    --------
    >>> pair = Pair(
    ...     first="CES",
    ...     second="NPS",
    ...     first_auc=0.61,
    ...     second_auc=0.606,
    ...     difference=0.004,
    ...     low=-0.011,
    ...     high=0.019,
    ...     se=0.0077,
    ...     p_value=0.6,
    ...     p_equivalence=0.019,
    ...     n=20_000,
    ...     margin=0.02,
    ...     level=0.95,
    ... )
    >>> finding(pair).split(";")[0]
    'CES and NPS predict churn equally well here: difference +0.004, 95 % interval −0.011 to +0.019'
    """
    decided = decision(pair)
    if decided == "equivalent":
        ruled_out = f"{pair.margin:g} or more is ruled out ({_equivalence(pair)})"
        question = f"{pair.first} and {pair.second} predict {pair.outcome} equally well here"
        return f"{question}: {_difference(pair)}; {ruled_out}."
    if decided == "inconclusive":
        needed = needed_rows(pair)
        more = ""
        if not math.isnan(needed):
            more = f" About {rounded(needed)} rows would decide; there are {pair.n:,}."
        question = (
            f"These data cannot say whether {pair.first} or {pair.second} predicts {pair.outcome} better"
        )
        return f"{question}: {_difference(pair)}.{more}"
    better, worse = pair.first, pair.second
    if decided == "second":
        better, worse = worse, better
    aucs = sorted((pair.first_auc, pair.second_auc), reverse=True)
    against = " against ".join(format_value(value, Unit.AUC) for value in aucs)
    gap = _difference(pair, flip=decided == "second")
    return f"{better} predicts {pair.outcome} better than {worse} here: AUC {against}, {gap}."


def _equivalence(pair: Pair) -> str:
    """The test behind "ruled out", with its own interval where there is one."""
    p_value = format_p_value(pair.p_equivalence)
    if math.isnan(pair.half_equivalence):
        return p_value
    ends = (pair.difference - pair.half_equivalence, pair.difference + pair.half_equivalence)
    low, high = (format_value(end, Unit.AUC, signed=True) for end in ends)
    return f"{200 * pair.level - 100:g} % interval {low} to {high}, {p_value}"


def _difference(pair: Pair, *, flip: bool = False) -> str:
    sign = -1 if flip else 1
    low, high = sorted((sign * pair.low, sign * pair.high))
    if math.isnan(pair.low):
        value = format_value(sign * pair.difference, Unit.AUC, signed=True)
        return f"difference {value}, with too few on one side for an interval"
    value, start, end = (format_value(x, Unit.AUC, signed=True) for x in (sign * pair.difference, low, high))
    return f"difference {value}, {100 * pair.level:g} % interval {start} to {end}"
