"""Whether the instruments point the way they are declared to."""

from __future__ import annotations

import warnings
from itertools import combinations

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.data.engine import collect
from cxresearch.errors import CxWarning
from cxresearch.metrics.base.metric import Tables
from cxresearch.stats.intervals.correlation import correlation


def direction_check(study: Tables, *, level: float = 0.95) -> pd.DataFrame:
    """Return how each pair of instruments correlates over customers, each turned so that high is good.

    A customer's mean answer to one question is set against the same customer's mean answer to the other. A
    negative correlation after alignment most often means that a direction is declared the wrong way round
    (CES 1.0 read as CES 2.0) or that respondents misread the scale.

    Parameters
    ----------
    study : Study
        With responses to two instruments or more.
    level : float
        Confidence level of Fisher's interval.

    Returns
    -------
    DataFrame
        first, second, correlation, low, high, n (customers who answered both), verdict: "agree", "unclear" or
        "opposed" (the whole interval is below 0).

    Warns
    -----
    CxWarning
        If a pair correlates negatively.

    Examples
    --------
    >>> import cxresearch as cx
    >>> direction_check(cx.synthetic.synthetic_study(seed=1, customers=3000))["verdict"].unique().tolist()
    ['agree']
    """
    check_level(level)
    table = direction_table(study, level=level)
    if warning := opposed(table):
        warnings.warn(warning, CxWarning, stacklevel=2)
    return table


def opposed(table: pd.DataFrame) -> str:
    """Return the sentence on the pairs that correlate negatively, or nothing."""
    pairs = [
        f"{row['first']} and {row['second']} {row['correlation']:.2f} (n {row['n']:,})"
        for row in table[table["correlation"] < 0].to_dict("records")
    ]
    if not pairs:
        return ""
    return (
        "instruments correlate negatively although turned so that high is good: "
        + ", ".join(pairs)
        + "; check the declared directions and the wording"
    )


def direction_table(study: Tables, *, level: float) -> pd.DataFrame:
    """Return the correlations of `direction_check` without a warning."""
    rows = study.table("responses").filter(~nw.col("score").is_null())
    grouped = rows.group_by(["customer_id", "instrument"]).agg(nw.col("score").mean())
    wide = collect(grouped).pivot_table(index="customer_id", columns="instrument", values="score")
    lines = []
    for first, second in combinations(study.instruments, 2):
        if first in wide and second in wide:
            # corr(-x, y) = -corr(x, y): turning one of two scales changes the sign, turning both does not.
            sign = study.instruments[first].risk_sign * study.instruments[second].risk_sign
            lines.append((first, second, *_correlation(wide[first], wide[second], sign, level)))
    columns = ["first", "second", "correlation", "low", "high", "n"]
    table = pd.DataFrame(lines, columns=columns)
    verdict = np.where(table["low"] > 0, "agree", np.where(table["high"] < 0, "opposed", "unclear"))
    return table.assign(verdict=verdict)


def _correlation(
    first: pd.Series[float], second: pd.Series[float], sign: int, level: float
) -> tuple[float, float, float, int]:
    # Fisher (1915): atanh r is normal with variance 1 / (n - 3).
    r, low, high, n = correlation(first.to_numpy(float), second.to_numpy(float), level=level)
    low, high = (low, high) if sign > 0 else (-high, -low)
    return sign * r, low, high, n
