"""What the tests of claims share: the evidence, the thresholds set beforehand and the rule of verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cxresearch.data.engine import collect
from cxresearch.data.study import Study
from cxresearch.errors import CxError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.landmarks.landmarks import Landmarks


VERDICTS = ("supported", "contradicted", "underpowered", "not testable")


@dataclass(frozen=True, kw_only=True)
class ClaimFinding:
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
    estimand : str
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
    estimand: str = ""
    n: int = 0
    test: str = ""
    caveat: str = ""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClaimAudit(Result):
    """Ten sayings of the trade, each with its verdict.

    Attributes
    ----------
    claims : tuple of ClaimFinding
    table : DataFrame
        ``name, claim, verdict, finding, estimate, low, high, estimand, n, test, caveat``.
    level : float
        Confidence level of every interval; with ten tests two in five companies would see a wrong verdict
        if all intervals missed independently, so read them as a screening.
    """

    claims: tuple[ClaimFinding, ...]
    table: pd.DataFrame
    level: float
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Sayings of the trade, tested with {level} intervals",
            columns=(
                Column(name="claim", label="claim", meaning="as the trade puts it"),
                Column(name="verdict", label="verdict", meaning="what the data say"),
                Column(name="finding", label="finding", meaning="in one sentence"),
                Column(name="n", label="rows", meaning="rows it rests on", unit=Unit.COUNT),
                Column(name="caveat", label="caveat", meaning="what the test cannot show"),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """How many sayings hold here."""
        counts = self.table["verdict"].value_counts()
        parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts]
        return f"Of {len(self.claims)} sayings: {', '.join(parts)}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "customers as they are, not experiments: a supported claim says that the pattern is there",
            f"ten tests at {100 * self.level:g} % each: read them as a screening",
        )

    def claim(self, name: str) -> ClaimFinding:
        """Return one claim by its short name."""
        return next(item for item in self.claims if item.name == name)

    def __str__(self) -> str:
        return "\n".join(f"{item.claim}: {item.verdict.upper()}. {item.finding}" for item in self.claims)

    __repr__ = __str__


#: Smallest numbers that matter, set before any data are seen.
AUC_MARGIN = 0.02
RISK_MARGIN = 0.02
SCORE_MARGIN = 0.1
EFFORT_MARGIN = 0.2
SPEND_CLAIM = 1.67
PROFIT_CLAIM = 0.25
LOOP_CLAIM = 11.0
EXISTING_CLAIM = 0.90
#: Fewest rows on the smaller side of a comparison.
FEWEST = 30


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A study and its landmark rows; ``no_marks`` says why there are none."""

    study: Study
    marks: Landmarks | None
    no_marks: str
    level: float

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the study, or say that it is missing."""
        if name not in self.study.tables:
            raise DataError(f"the study has no {name}")
        return collect(self.study.table(name))

    def landmarks(self, *instruments: str) -> Landmarks:
        """Return the landmark rows, or say what they lack."""
        if self.marks is None:
            raise DataError(f"no landmark rows can be made: {self.no_marks}")
        lacking = [name for name in instruments if name not in self.marks.instruments]
        if lacking:
            raise DataError(f"nobody was asked for {' or '.join(name.upper() for name in lacking)}")
        return self.marks


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the test of a claim found: verdict, sentence, the estimate it rests on, and its rows."""

    verdict: str
    finding: str
    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Saying:
    """A claim with its test, and what of the test is settled before any data are seen.

    Attributes
    ----------
    name, claim : str
        Short name; the claim as the trade puts it.
    test : callable
        From evidence to answer; a DataError says why the claim cannot be tested.
    estimand, rule, caveat : str
        What the estimate is, how the verdict is reached, what the test cannot show.
    """

    name: str
    claim: str
    test: Callable[[Evidence], Answer]
    estimand: str
    rule: str
    caveat: str

    def on(self, evidence: Evidence) -> ClaimFinding:
        """Test the claim; what the data lack makes it not testable, and is said."""
        untested = ClaimFinding(
            name=self.name,
            claim=self.claim,
            verdict="not testable",
            finding="",
            estimand=self.estimand,
            test=self.rule,
            caveat=self.caveat,
        )
        try:
            return dataclasses.replace(untested, **dataclasses.asdict(self.test(evidence)))
        except CxError as error:
            said = f"{error.problem[:1].upper()}{error.problem[1:]}."
            return dataclasses.replace(untested, finding=said)


def gap_text(gap: float, low: float, high: float, unit: Unit) -> str:
    """Write a difference with its interval.

    Examples
    --------
    >>> gap_text(-0.031, -0.052, 0.004, Unit.SHARE_DIFFERENCE)
    '−3.1 points (−5.2 to +0.4)'
    """
    value, *ends = (format_value(number, unit, signed=True) for number in (gap, low, high))
    low_text, high_text = (end.removesuffix(" points").removesuffix(" %") for end in ends)
    return f"{value} ({low_text} to {high_text})"


def judged(low: float, high: float, *, at_least: float, ruled_out_below: float) -> str:
    """Supported if the interval lies above `at_least`, contradicted if it lies below `ruled_out_below`.

    Examples
    --------
    >>> judged(0.1, 0.3, at_least=0.0, ruled_out_below=0.05)
    'supported'
    >>> judged(-0.1, 0.3, at_least=0.0, ruled_out_below=0.05)
    'underpowered'
    """
    if low > at_least:
        return "supported"
    return "contradicted" if high < ruled_out_below else "underpowered"


def enough(count: int, what: str) -> None:
    """Refuse to judge on fewer than 30 rows."""
    if count < FEWEST:
        raise DataError(f"there are {count} {what}, fewer than {FEWEST}")
