"""Which columns of a file hold answers to a survey question: chosen where it is clear, else asked about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from cxresearch.data.validation.outcome_names import snake
from cxresearch.wording import only_if

_INSTRUMENTS = (
    ("nps", r"(^|_)nps($|_)|(^|_)nps|recommend|(^|_)netpro|weiterempf|recomend|recommander"),
    ("csat", r"csat|satisf|(^|_)sat_score|zufrieden|conversation_rating"),
    ("ces", r"(^|_)(ces|effort|ease|easy)($|_)"),
)
#: Names of what is made of a score, or stands beside it: groups, counts, dates, waves.
_DERIVED = re.compile(
    r"(^|_)(group|groups|category|categories|segment|bucket|class|type|status|band|label|flag|wave|round|month|week|"
    r"year|quarter|date|day|time|at|sent|count|counts|number|n|total|surveys|invited|responded|response_rate|rate|"
    r"eligible|target|goal|avg|average|mean|rolling|prev|previous|last|comment|reason|text|verbatim|why|id|version|"
    r"language|channel|promoter|promoters|detractor|detractors|passive|passives|gruppe|kommentar)($|_)"
)
#: An answer as a number, perhaps with words behind it: 9, 9.0, "10 - Extremely likely"; neither 3,5 nor 0-6.
LABELLED = re.compile(r"(\d{1,2})(?:\.0+)?(?![.,]?\d)(?!\s*[-–]\s*\d)(?:\s*\D.*)?")
#: An answer in words with its number behind: "Extremely likely - 10", "Very easy (7)".
LABELLED_BEHIND = re.compile(r"[^\d]*[^\W\d][^\d]*[\s(:=–-](\d{1,2})\s*\)?")
_MOST_WORDS = 11
_UNNAMED_QUESTION = re.compile(r"(q|qid|question_?)\d+")
#: The bounds a question's answers lie within, by instrument: one is enough to refuse.
_SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
#: Answers among which somebody chooses an end of the scale: either, the top, and the bottom, which is rare.
_ENOUGH, _ENOUGH_FOR_THE_TOP, _ENOUGH_FOR_THE_BOTTOM = 20, 40, 150


@dataclass(frozen=True, kw_only=True)
class SurveyColumns:
    """Columns of a file that may hold answers.

    Attributes
    ----------
    scores : mapping of str to str
        Instrument to raw column, where one column holds numbers and sounds like a score.
    worded : mapping of str to str
        Instrument to raw column, where a column sounds like a score and holds words.
    rivals : mapping of str to tuple of str
        Instrument to raw columns of which any may be the score: the owner chooses.
    odd : mapping of str to tuple of str
        Raw column to answers in it that are no numbers of its scale.
    derived : mapping of str to str
        Instrument to a column made of its score, by which the score was recognised.
    """

    scores: Mapping[str, str] = field(default_factory=dict)
    worded: Mapping[str, str] = field(default_factory=dict)
    rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    odd: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return bool(self.scores or self.worded or self.rivals)


def number_in(answer: str) -> int | None:
    """Return the number of an answer that may have words before or behind it; None if it has none.

    Examples
    --------
    >>> (
    ...     number_in("9"),
    ...     number_in("10 - Extremely likely"),
    ...     number_in("Not at all likely - 0"),
    ...     number_in("3,5"),
    ... )
    (9, 10, 0, None)
    """
    text = answer.strip()
    match = LABELLED.fullmatch(text) or LABELLED_BEHIND.fullmatch(text)
    if match is None:
        return None
    return int(match[1])


def survey_columns(
    sample: Mapping[str, Sequence[str]],
    *,
    unnamed: bool = False,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> SurveyColumns:
    """Choose the columns that hold answers.

    Parameters
    ----------
    sample : mapping of str to sequence of str
        First values of each raw column.
    unnamed : bool
        Whether columns such as ``Q1`` count too, under their own name.
    titles : mapping of str to str
        Questions by raw column, where the file has them below the names.
    """
    sounding = {name: _instrument(name) or _instrument(titles.get(name, "")) for name in sample}
    candidates: dict[str, list[str]] = {}
    worded: dict[str, str] = {}
    odd: dict[str, tuple[str, ...]] = {}
    for name, values in sample.items():
        instrument = sounding[name] or _own_name(name, unnamed=unnamed)
        if not instrument or not values:
            continue
        strange = strange_answers(values)
        if _holds_numbers(name, values, strange):
            candidates.setdefault(instrument, []).append(name)
            if strange:
                odd[name] = strange
        elif sounding[name] and not is_derived(name) and _holds_words(values):
            worded.setdefault(instrument, name)
    scores: dict[str, str] = {}
    rivals: dict[str, tuple[str, ...]] = {}
    derived: dict[str, str] = {}
    for instrument, names in candidates.items():
        near = _beside_derived(instrument, names, sample) if unnamed else ()
        plain = [name for name in names if not is_derived(name)]
        near = tuple(name for name in near if name not in plain)
        if len(plain) == 1 and not near:
            scores[instrument] = plain[0]
        elif len(near) == 1 and not plain and not misfit(instrument, sample[near[0]]):
            scores[instrument], derived[instrument] = near[0], names[0]
        elif plain or near:
            rivals[instrument] = tuple(dict.fromkeys((*plain, *near, *names)))
    worded = {name: raw for name, raw in worded.items() if name not in candidates}
    standard = {raw for name, raw in scores.items() if name in _SCALES}
    scores = {name: raw for name, raw in scores.items() if name in _SCALES or raw not in standard}
    return SurveyColumns(scores=scores, worded=worded, rivals=rivals, odd=odd, derived=derived)


def is_derived(name: str) -> bool:
    """Whether a name says that a column is made of a score, or counts and dates it, and is none itself.

    Examples
    --------
    >>> is_derived("QID2_NPS_GROUP"), is_derived("nps_wave"), is_derived("NPS"), is_derived("nps_score")
    (True, True, False, False)
    """
    return _DERIVED.search(snake(name)) is not None


def strange_answers(values: Sequence[str]) -> tuple[str, ...]:
    """Return the answers that have no number, or a broken one: each once, at most eight."""
    return tuple(dict.fromkeys(value for value in values if number_in(value) is None))[:8]


def misfit(instrument: str, values: Sequence[str]) -> str:
    """Say why answers do not look like those of a standard scale; empty where they do.

    Examples
    --------
    >>> misfit("nps", ["1", "2", "3", "4"] * 10)
    'answers seen: 1 to 4, nobody at the ends of 0 to 10'
    """
    if instrument not in _SCALES:
        return ""
    low, high = _SCALES[instrument]
    numbers = [number for number in map(number_in, values) if number is not None]
    if not numbers:
        return ""
    seen = f"answers seen: {min(numbers)} to {max(numbers)}"
    if min(numbers) < low or max(numbers) > high:
        return f"{seen}, outside {low} to {high}"
    return seen_of_scale(set(numbers), len(numbers), low, high, seen)


def seen_of_scale(numbers: set[int], n: int, low: int, high: int, seen: str) -> str:
    """Say which ends of a scale nobody chose, among so many answers that somebody should have."""
    missing = [end for end in (low, high) if end not in numbers]
    if len(missing) == 2 and n >= _ENOUGH:
        return f"{seen}, nobody at the ends of {low} to {high}"
    if (missing == [high] and n >= _ENOUGH_FOR_THE_TOP) or (missing == [low] and n >= _ENOUGH_FOR_THE_BOTTOM):
        return f"{seen}, nobody at {missing[0]} of {low} to {high}"
    return ""


def _instrument(name: str) -> str:
    plain = snake(name)
    return next((instrument for instrument, pattern in _INSTRUMENTS if re.search(pattern, plain)), "")


def _own_name(name: str, *, unnamed: bool) -> str:
    plain = snake(name)
    return only_if(unnamed and _UNNAMED_QUESTION.fullmatch(plain), plain)


def instrument_in_name(file: str) -> str:
    """Return the instrument a file name speaks of, or an empty text.

    Examples
    --------
    >>> instrument_in_name("pendo_nps_2024.csv")
    'nps'
    """
    return _instrument(file)


def _holds_numbers(name: str, values: Sequence[str], strange: Sequence[str]) -> bool:
    """Whether a column holds answers in numbers, but for a few that are none."""
    numbers = [number for number in map(number_in, values) if number is not None]
    if not numbers or (len(strange) > 3 or 2 * len(numbers) < len(values)):
        return False
    if strange and not all(_may_be_odd(value) for value in strange):
        return False
    flags = set(values) <= {"0", "1", "0.0", "1.0"}
    return not flags or _UNNAMED_QUESTION.fullmatch(snake(name)) is not None


def _may_be_odd(value: str) -> bool:
    """Words instead of an answer, or half a point: asked about. Dates, ranges and commas are neither."""
    words = re.fullmatch(r"[^\d]+", value) is not None
    return words or re.fullmatch(r"\d{1,2}\.\d", value) is not None


def _holds_words(values: Sequence[str]) -> bool:
    kinds = set(values)
    few = 0 < len(kinds) <= _MOST_WORDS and 2 * len(kinds) < len(values)
    return few and all(re.match(r"[^\W\d]", kind) for kind in kinds)


def _beside_derived(
    instrument: str, names: Sequence[str], sample: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Columns without a telling name beside one derived of them: QID2 beside QID2_NPS_GROUP."""
    roots = {re.split(r"_(?=nps|csat|ces)", snake(name))[0] for name in names if is_derived(name)}
    return tuple(
        name for name in sample if snake(name) in roots and not _instrument(name) and instrument in _SCALES
    )
