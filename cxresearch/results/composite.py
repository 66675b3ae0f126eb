"""An index made of several questions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cxresearch.results.base import Result
from cxresearch.results.estimate import Estimate


@dataclass(frozen=True, kw_only=True)
class CompositeIndex(Result):
    """A weighted mean of items, each from 0 (worst answer) to 100 (best answer).

    Attributes
    ----------
    estimate : Estimate
        Mean of the index over the people who answered every item.
    alpha : Estimate
        Cronbach's alpha of the items with its interval.
    items : DataFrame
        item, weight (they add up to 1), n, mean (0 to 100), item_rest_correlation (with the mean of the
        others), alpha_without.
    scores : Series
        The index of each row of the input, NaN where an item is missing.
    """

    estimate: Estimate
    alpha: Estimate
    items: pd.DataFrame
    scores: pd.Series[float]

    def __str__(self) -> str:
        return f"{self.estimate}\n{self.alpha}"

    __repr__ = __str__
