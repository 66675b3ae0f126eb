"""What the trade says, tested on one company's own data."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = ("supported", "contradicted", "underpowered", "not testable")


@dataclass(frozen=True, kw_only=True)
class ClaimFinding(Result):
    """One saying and what the data say about it.

    Attributes
    ----------
    name : str
        Short name.
    claim : str
        As the trade puts it.
    verdict : {"supported", "contradicted", "underpowered", "not testable"}
    finding : str
        In one sentence.
    estimate, low, high : float
        The quantity the verdict rests on and its interval; NaN if not testable.
    measures : str
        What the estimate is.
    n : int
        Rows it rests on.
    test : str
        How the verdict is reached.
    caveat : str
        What the test cannot show.
    """

    name: str
    claim: str
    verdict: str
    finding: str
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    measures: str = ""
    n: int = 0
    test: str = ""
    caveat: str = ""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClaimAudit(Result):
    """Eight sayings of the trade, each with its verdict.

    Attributes
    ----------
    claims : tuple of ClaimFinding
    table : DataFrame
        ``name, claim, verdict, finding, estimate, low, high, measures, n, test, caveat``.
    level : float
        Confidence level of every interval; with eight tests one in three companies would see a wrong verdict
        if all intervals missed independently, so read them as a screening.
    """

    claims: tuple[ClaimFinding, ...]
    table: pd.DataFrame
    level: float

    def claim(self, name: str) -> ClaimFinding:
        """Return one claim by its short name."""
        return next(item for item in self.claims if item.name == name)

    def __str__(self) -> str:
        return "\n".join(f"{item.claim}: {item.verdict.upper()}. {item.finding}" for item in self.claims)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(item.claim)}</td><td><b>{html.escape(item.verdict)}</b></td>"
            f"<td>{html.escape(item.finding)}</td></tr>"
            for item in self.claims
        )
        return f"<table class='cx-result'>{rows}</table>"
