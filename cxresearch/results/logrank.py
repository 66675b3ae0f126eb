"""Tests that several curves are one, with what was seen and what one curve would have given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from cxresearch.results.base import Result
from cxresearch.results.units import format_p_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LogRank(Result):
    """A test of equal curves.

    Attributes
    ----------
    test : str
        Name and source: ``"log-rank"``, ``"log-rank stratified"``, ``"Gray (1988)"`` ...
    groups : tuple of str, length g
        Labels of the groups.
    n, observed, expected : ndarray, shape (g,)
        People, (weighted) events seen, and events expected if all groups followed one curve. More observed
        than expected: the group leaves faster.
    covariance : ndarray, shape (g, g)
        Of ``observed - expected``.
    statistic : float
        Chi-square.
    df : int
        Groups less one.
    p_value : float
        Of equal curves.
    kind : str
        Kind of event tested, for Gray's test.
    """

    test: str
    groups: tuple[str, ...]
    n: NDArray[np.int64]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    covariance: NDArray[np.float64]
    statistic: float
    df: int
    p_value: float
    kind: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """Table with columns group, n, observed, expected, ratio (observed over expected)."""
        return pd.DataFrame(
            {
                "group": self.groups,
                "n": self.n,
                "observed": self.observed,
                "expected": self.expected,
                "ratio": self.observed / self.expected,
            }
        )

    def __str__(self) -> str:
        if self.p_value != self.p_value:  # NaN: the name says why
            return self.test
        parts = ", ".join(
            f"{group} {seen:,.4g} seen against {due:,.4g} expected"
            for group, seen, due in zip(self.groups, self.observed, self.expected, strict=True)
        )
        name = f"{self.test}, {self.kind}" if self.kind else self.test
        verdict = f"chi-square {self.statistic:.2f} on {self.df} df, {format_p_value(self.p_value)}"
        return f"{name}: {verdict}; {parts}"

    __repr__ = __str__
