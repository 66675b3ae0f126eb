"""Which raw columns hold answers to a survey question, judged by names, questions and answers.

A column is a score only if its name or its question speaks of one, if it is not derived from a score, and if
its answers fit the scale. Where two columns would do, or the answers do not fit, nothing is chosen: its owner
is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cxresearch.data.raw_names import snake
from cxresearch.data.starter.toml_text import key, toml
from cxresearch.wording import listed, shown

#: How names and questions speak of an instrument, in the languages of most exports.
_SPOKEN = (
    (
        "nps",
        re.compile(
            r"(^|_)nps|recommend|netpro|weiterempfehl|recommand|recomend|recomiend|aanbevel|raccomand"
        ),
    ),
    ("csat", re.compile(r"csat|satisf|(^|_)sat_score|zufrieden|satisfe|tevreden|soddisf")),
    ("ces", re.compile(r"(^|_)(ces|effort|ease|easy|aufwand|facil|moeite)($|_)")),
)
_UNNAMED_QUESTION = re.compile(r"(q|qid|question_?)\d+")
#: Words of columns that are made from a score, or say when and to whom a question went.
_DERIVED = re.compile(
    r"(^|_)(group|gruppe|grp|wave|month|week|quarter|year|date|at|sent|invited|surveys?|count|flag|segment|category|"
    r"class|bucket|band|type|label|status|id|comment|text|verbatim|reason|topic|sentiment|avg|average|mean|rank|"
    r"target|benchmark|pct|percent|rate|trend|change|delta)s?($|_)"
)
#: A name of so many words is a question; there only the last word can say that it is derived.
_QUESTION_WORDS = 5
_DERIVED_AT_END = re.compile(r"_(group|gruppe|category|label|comment|text|verbatim|other)s?$")

#: An answer as a number, perhaps with words behind it: 9, 9.0, "10 - Extremely likely"; neither 3,5 nor 0-6.
LABELLED = re.compile(r"(\d{1,2})(?:\.0+)?(?![.,]?\d)(?!\s*[-–]\s*\d)(?:\s*\D.*)?")
#: An answer as words with the number behind them: "Extremely likely - 10", "Very satisfied (5)".
_NUMBER_BEHIND = re.compile(r"[^\W\d]\D*?\s*[-–—:=(]\s*(\d{1,2})\s*\)?")
#: Besides numbers a column of answers holds few other texts: refusals to answer, a half point.
_MOST_ODD = 8
_LEAST_SHARE = 0.5
_MOST_WORDS = 11
#: Answers needed before it says something that nobody chose an end of the scale.
_ENOUGH_FOR_THE_TOP = 50
_ENOUGH_FOR_THE_BOTTOM = 150


@dataclass(frozen=True, kw_only=True)
class AnswerColumn:
    """A raw column that may hold the answers to one question.

    Attributes
    ----------
    column : str
        Raw name.
    counts : mapping of str to int
        Answers seen, as written, with how often, most frequent first.
    points : mapping of str to int
        Those that are an answer, with the point of the scale.
    doubt : str
        Why it is not taken without asking; empty if it may be.
    """

    column: str
    counts: Mapping[str, int]
    points: Mapping[str, int]
    doubt: str = ""

    @property
    def odd(self) -> tuple[str, ...]:
        """Texts that are no answer of any scale."""
        return tuple(text for text in self.counts if text not in self.points)

    @property
    def seen(self) -> str:
        """What was seen, in words.

        Examples
        --------
        >>> AnswerColumn(column="Q1", counts={"9": 2, "n/a": 1}, points={"9": 9}).seen
        "9 to 9, and 'n/a'"
        """
        numbers = sorted(self.points.values())
        others = f", and {listed(self.odd[:4])}" if self.odd else ""
        return f"{numbers[0]} to {numbers[-1]}{others}" if numbers else listed(list(self.counts)[:4])


@dataclass(frozen=True, kw_only=True)
class SurveyColumns:
    """What the columns of a file hold of a survey.

    Attributes
    ----------
    scores : mapping of str to AnswerColumn
        By instrument, the one column that fits.
    asked : mapping of str to tuple of AnswerColumn
        By instrument, the columns among which its owner must choose: several, or one that does not fit.
    derived : tuple of AnswerColumn
        Columns whose names speak of a score that they only derive from.
    """

    scores: Mapping[str, AnswerColumn] = field(default_factory=dict)
    asked: Mapping[str, tuple[AnswerColumn, ...]] = field(default_factory=dict)
    derived: tuple[AnswerColumn, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is a score, chosen or to be chosen."""
        return bool(self.scores or self.asked)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns that are, or may be, a score."""
        candidates = [*self.scores.values()]
        for columns in self.asked.values():
            candidates.extend(columns)
        return tuple(candidate.column for candidate in candidates)


def point_of(answer: str) -> int | None:
    """Return the point of the scale that a text stands for, or None.

    Examples
    --------
    >>> [point_of(text) for text in ("9", "10 - Extremely likely", "Not at all likely - 0", "8.5", "n/a")]
    [9, 10, 0, None, None]
    """
    match = LABELLED.fullmatch(answer.strip()) or _NUMBER_BEHIND.fullmatch(answer.strip())
    return int(match[1]) if match else None


def is_derived(name: str) -> bool:
    """Whether a name says that the column is made from a score, or is about the asking.

    Examples
    --------
    >>> [is_derived(name) for name in ("QID2_NPS_GROUP", "nps_wave", "csat_surveys_sent", "NPS", "NPS score")]
    [True, True, True, False, False]
    """
    plain = snake(name)
    if plain.count("_") + 1 >= _QUESTION_WORDS:
        return _DERIVED_AT_END.search(plain) is not None
    return _DERIVED.search(plain) is not None


def instrument_of(text: str) -> str:
    """Return the instrument that a name or a question speaks of, or an empty text.

    Examples
    --------
    >>> instrument_of("How likely are you to recommend us?"), instrument_of("Q2 easy"), instrument_of("plan")
    ('nps', 'ces', '')
    """
    plain = snake(text)
    return next((name for name, spoken in _SPOKEN if spoken.search(plain)), "")


def survey_columns(
    sample: Mapping[str, Sequence[str]], *, questions: Mapping[str, str] | None = None, unnamed: bool = False
) -> SurveyColumns:
    """Judge which columns hold scores.

    Parameters
    ----------
    sample : mapping of str to sequence of str
        First values of each raw column, as text, empty ones left out.
    questions : mapping of str to str, optional
        The question of each column, where the file has a row of them.
    unnamed : bool
        Whether columns such as ``Q1`` that hold numbers count too, under their own names.

    Examples
    --------
    >>> answers = ["9", "10", "3", "Prefer not to answer"]
    >>> survey = survey_columns({"NPS": answers, "nps_wave": ["1", "1", "2", "2"]})
    >>> survey.scores["nps"].odd, [column.column for column in survey.derived]
    (('Prefer not to answer',), ['nps_wave'])
    """
    questions = questions or {}
    candidates: dict[str, list[AnswerColumn]] = {}
    derived: list[AnswerColumn] = []
    for name, values in sample.items():
        question = questions.get(name, "")
        instrument = instrument_of(name) or instrument_of(question)
        if not instrument and unnamed and _UNNAMED_QUESTION.fullmatch(snake(name)):
            instrument = snake(name)
        column = _answers(name, values)
        if not instrument or column is None:
            continue
        if is_derived(name) or is_derived(question):
            derived.append(column)
        else:
            candidates.setdefault(instrument, []).append(_doubted(column, instrument))
    scores = {}
    asked = {}
    for instrument, columns in candidates.items():
        clear = len(columns) == 1 and not columns[0].doubt
        if clear:
            scores[instrument] = columns[0]
        else:
            asked[instrument] = tuple(columns)
    return SurveyColumns(scores=scores, asked=asked, derived=tuple(derived))


def with_all_answers(survey: SurveyColumns, answers: Mapping[str, Sequence[str]]) -> SurveyColumns:
    """Judge again whether answers fit their scales, knowing all that occur instead of the first.

    Parameters
    ----------
    survey : SurveyColumns
        From the first rows.
    answers : mapping of str to sequence of str
        All different answers of each raw column.
    """
    scores = {}
    asked = {}
    candidates = {**{name: (column,) for name, column in survey.scores.items()}, **survey.asked}
    for instrument, columns in candidates.items():
        judged = tuple(
            _further_answers(column, answers.get(column.column, ()), instrument) for column in columns
        )
        if len(judged) == 1 and not judged[0].doubt:
            scores[instrument] = judged[0]
        else:
            asked[instrument] = judged
    return SurveyColumns(scores=scores, asked=asked, derived=survey.derived)


def _further_answers(column: AnswerColumn, answers: Sequence[str], instrument: str) -> AnswerColumn:
    counts = dict(column.counts)
    points = dict(column.points)
    for text in answers:
        point = point_of(text)
        if text not in counts:
            counts[text] = 1
        if point is not None:
            points[text] = point
    return _doubted(AnswerColumn(column=column.column, counts=counts, points=points), instrument)


def worded_columns(sample: Mapping[str, Sequence[str]], besides: Sequence[str] = ()) -> dict[str, str]:
    """Return instrument to raw column for columns that sound like a score and hold a few words instead.

    Examples
    --------
    >>> worded_columns({"CSAT": ["Satisfied", "Neutral", "Satisfied", "Neutral", "Satisfied"]})
    {'csat': 'CSAT'}
    """
    columns: dict[str, str] = {}
    for name, values in sample.items():
        kinds = set(values)
        few = 0 < len(kinds) <= _MOST_WORDS and 2 * len(kinds) < len(values)
        words = all(re.match(r"[^\W\d]", kind) and point_of(kind) is None for kind in kinds)
        instrument = instrument_of(name)
        taken = instrument in besides or instrument in columns
        if few and words and instrument and not taken and not is_derived(name):
            columns[instrument] = name
    return columns


def _answers(name: str, values: Sequence[str]) -> AnswerColumn | None:
    """A column whose values are mostly numbers of one or two digits; None for any other."""
    counts = dict(Counter(value.strip() for value in values).most_common())
    points: dict[str, int] = {}
    for text in counts:
        point = point_of(text)
        if point is not None:
            points[text] = point
    answered = sum(counts[text] for text in points)
    odd = len(counts) - len(points)
    if not points or answered < _LEAST_SHARE * len(values) or odd > _MOST_ODD:
        return None
    return AnswerColumn(column=name, counts=counts, points=points)


def _doubted(column: AnswerColumn, instrument: str) -> AnswerColumn:
    """Add why the answers do not fit the scale of the instrument, if they do not."""
    judge = {"nps": _doubt_of_nps, "csat": _doubt_of_csat}.get(instrument)
    if judge is None:
        return column
    n = sum(column.counts[text] for text in column.points)
    numbers = column.points.values()
    doubt = judge(min(numbers), max(numbers), n)
    return AnswerColumn(column=column.column, counts=column.counts, points=column.points, doubt=doubt)


def _doubt_of_nps(least: int, most: int, n: int) -> str:
    """Reichheld's question has eleven answers, 0 to 10; others are no NPS whatever they are called."""
    if most > 10:
        return f"an answer is {most}, and the scale of the NPS ends at 10"
    if most <= 5 and n >= 3:
        return f"no answer is above {most}: stars or faces, or a group made from the answers?"
    if most == 9 and n >= _ENOUGH_FOR_THE_TOP:
        return f"nobody of {n} answers 10: was it asked on 0 to 9?"
    if least == 1 and n >= _ENOUGH_FOR_THE_BOTTOM:
        return f"nobody of {n} answers 0: was it asked on 1 to 10?"
    return ""


def _doubt_of_csat(least: int, most: int, n: int) -> str:
    if least >= 0 and most <= 1:
        return "answers are 0 and 1: satisfied or not? Declare the scale 0 to 1"
    if least < 1 or most > 5:
        return f"answers are {least} to {most}, and the scale of the CSAT is 1 to 5: declare the scale asked"
    if most == 4 and n >= _ENOUGH_FOR_THE_TOP:
        return f"nobody of {n} answers 5: was it asked on 1 to 4?"
    return ""


def question_lines(instrument: str, columns: Sequence[AnswerColumn]) -> list[str]:
    r"""Return the comment that asks which column holds an instrument, with the answers seen in each.

    Examples
    --------
    >>> column = AnswerColumn(column="stars", counts={"5": 9}, points={"5": 5}, doubt="no answer is above 5")
    >>> print(*question_lines("nps", [column]), sep="\n")
    # TODO which column holds nps? 'stars' (answers seen: 5 to 5; no answer is above 5)
    # nps = "stars"
    """
    choices = []
    for column in columns:
        doubt = f"; {column.doubt}" if column.doubt else ""
        choices.append(f"{shown(column.column)} (answers seen: {column.seen}{doubt})")
    return [
        f"# TODO which column holds {instrument}? {', '.join(choices)}",
        f"# {key(instrument)} = {toml(columns[0].column)}",
    ]
