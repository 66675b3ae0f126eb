"""Survey scales: bounds, direction, cut points and bands, declared once and never inferred from data."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

from cxresearch.errors import ArgumentError

Direction = Literal["high_is_good", "low_is_good"]
#: From the lowest answer to the highest; sliders run to 100 or 1,000.
MOST_STEPS = 1_000


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The answers a question admits and what they mean.

    Parameters
    ----------
    name : str
        Field name of the instrument, lower case: ``"nps"``, ``"csat"``, ``"ces"``.
    label : str
        What a report prints: ``"NPS"``.
    low, high : int
        First and last answer, both included. Answers are whole numbers.
    direction : {"high_is_good", "low_is_good"}
        Which end a happy customer chooses. Effort asked as "how much effort" (CES 1.0) is ``low_is_good``.
    top : tuple of int, optional
        Answers counted as satisfied, for box scores. By default the two best answers; of two the better one.
    bottom : tuple of int, optional
        Answers of an unhappy customer. By default the two worst answers; of two the worse one.
    question : str, optional
        The wording, for reports.

    Raises
    ------
    ArgumentError
        If the bounds, the direction, the top or the bottom answers do not fit together, or it has more than
        1,000 steps.

    Examples
    --------
    >>> CSAT.top
    (4, 5)
    >>> Scale(name="agent", label="Agent satisfaction", low=1, high=7, direction="high_is_good").top
    (6, 7)
    >>> Scale(name="goal", label="Goal reached", low=0, high=1, direction="high_is_good").top
    (1,)
    >>> NPS.bottom, CES1.bottom
    ((0, 1, 2, 3, 4, 5, 6), (4, 5))
    """

    name: str
    label: str
    low: int
    high: int
    direction: Direction
    top: tuple[int, ...] = ()
    question: str = ""
    bottom: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.direction not in ("high_is_good", "low_is_good"):
            raise ArgumentError(
                f"direction of scale {self.name!r} is {self.direction!r}",
                wanted="'high_is_good' or 'low_is_good'",
                next_step="say which end of the scale a happy customer chooses; it is never inferred",
            )
        if self.high <= self.low:
            raise ArgumentError(
                f"scale {self.name!r} runs from {self.low} to {self.high}", wanted="low below high"
            )
        # Thousands of answers are a measurement, not a question; a billion would fill the memory.
        if self.high - self.low > MOST_STEPS:
            raise ArgumentError(
                f"scale {self.name!r} has {self.high - self.low:,} steps",
                wanted=f"a question with at most {MOST_STEPS:,} steps",
                next_step="keep other numbers as further columns of the table",
            )
        best_first = self.levels
        if self.direction == "high_is_good":
            best_first = self.levels[::-1]
        # The trade's top-two box; of two answers one is the top.
        boxes = min(2, len(self.levels) - 1)
        if not self.top:
            object.__setattr__(self, "top", tuple(sorted(best_first[:boxes])))
        if not self.bottom:
            worst = [answer for answer in best_first[-boxes:] if answer not in self.top]
            object.__setattr__(self, "bottom", tuple(sorted(worst)))
        self._check_answers("top", self.top)
        self._check_answers("bottom", self.bottom)
        both = tuple(sorted(set(self.top) & set(self.bottom)))
        if both:
            raise ArgumentError(
                f"answers {both} of scale {self.name!r} are both in top and in bottom",
                wanted="answers of a satisfied and of an unhappy customer apart",
            )

    def _check_answers(self, which: str, answers: tuple[int, ...]) -> None:
        if any(answer < self.low or answer > self.high for answer in answers):
            raise ArgumentError(
                f"{which} answers {answers} of scale {self.name!r} lie outside it",
                wanted=f"answers from {self.low} to {self.high}",
            )
        boxes = len(set(self.top))
        best = self.levels[:boxes]
        if self.direction == "high_is_good":
            best = self.levels[-boxes:]
        if set(self.top) != set(best):
            raise ArgumentError(
                f"top answers {self.top} of scale {self.name!r} are not its best ones",
                wanted=f"the {boxes} best: {', '.join(map(str, best))}",
                next_step="turn the direction round if low answers are good",
            )

    def _repr_html_(self) -> str:
        good = self.direction.replace("_", " ")
        text = f": {self.low} to {self.high}, {good}; satisfied: {', '.join(map(str, self.top))}."
        if self.question:
            text += f" <i>{html.escape(self.question)}</i>"
        return f"<div class='cx-result'><b>{html.escape(self.label)}</b>{text}</div>"

    @property
    def levels(self) -> tuple[int, ...]:
        """All admissible answers, lowest first."""
        return tuple(range(self.low, self.high + 1))

    @property
    def risk_sign(self) -> int:
        """+1 if a high answer means an unhappy customer, else -1: ``risk_sign * score`` rises with risk."""
        if self.direction == "low_is_good":
            return 1
        return -1


NPS = Scale(
    name="nps",
    label="NPS",
    low=0,
    high=10,
    direction="high_is_good",
    top=(9, 10),
    bottom=(0, 1, 2, 3, 4, 5, 6),
    question="How likely are you to recommend us to a friend or colleague?",
)
CSAT = Scale(
    name="csat",
    label="CSAT",
    low=1,
    high=5,
    direction="high_is_good",
    top=(4, 5),
    bottom=(1, 2),
    question="How satisfied are you?",
)
# Dixon, Freeman and Toman (2010), Stop trying to delight your customers: effort, so that low is good.
CES1 = Scale(
    name="ces",
    label="CES 1.0",
    low=1,
    high=5,
    direction="low_is_good",
    top=(1, 2),
    bottom=(4, 5),
    question="How much effort did you personally have to put forth to handle your request?",
)
# The Corporate Executive Board's second version (2013): agreement that it was easy, so that high is good.
CES2 = Scale(
    name="ces",
    label="CES",
    low=1,
    high=7,
    direction="high_is_good",
    top=(5, 6, 7),
    bottom=(1, 2, 3),
    question="The company made it easy for me to handle my issue.",
)

#: Scales a study file can name instead of spelling them out.
STANDARD_SCALES = {"nps": NPS, "csat": CSAT, "ces1": CES1, "ces2": CES2}

# Reichheld (2003), The one number you need to grow, Harvard Business Review 81(12).
PROMOTERS = (9, 10)
PASSIVES = (7, 8)
DETRACTORS = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, kw_only=True)
class Band:
    """A published reading of a score: ``low <= score < high``."""

    label: str
    low: float
    high: float


#: Customary reading of an NPS; the source is named by `nps_band`.
NPS_BANDS = (
    Band(label="needs work", low=-100.0, high=0.0),
    Band(label="good", low=0.0, high=50.0),
    Band(label="excellent", low=50.0, high=70.0 + 1e-9),
    Band(label="world class", low=70.0 + 1e-9, high=100.0 + 1e-9),
)

#: Reference points quoted by the trade; they say nothing about a given market.
NPS_REFERENCE_POINTS = {"Apple": 72, "Amazon": 69, "Netflix": 68, "Jive": 68}
