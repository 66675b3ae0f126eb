"""Answers in a first study file: instruments, scores of wide files, and the questions about them."""

from __future__ import annotations

from collections.abc import Mapping

from cxresearch.data.starter.lines.starter_columns import is_plain_number
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.starter.score_columns import instrument_in_name, misfit, number_in
from cxresearch.wording import listed, only_if, shown

_STANDARD = {"nps": "nps", "csat": "csat"}
#: Answers of two faces, in lower case: satisfied, not satisfied, and asked without answering.
_FACES = {
    **dict.fromkeys(("good", "happy", "satisfied", "positive", "thumbs up", "great", "👍", "😀"), "5"),
    **dict.fromkeys(
        ("bad", "unhappy", "dissatisfied", "unsatisfied", "negative", "thumbs down", "👎", "😞"), "1"
    ),
    **dict.fromkeys(("offered", "sent", "no answer", "not rated"), ""),
}
#: Words of help desks for tickets whose customer was never asked.
_NOT_ASKED = ("unoffered", "not offered", "not sent", "not asked")


def instruments_of(look: RawLook) -> dict[str, list[str]]:
    """Return the instruments that a file speaks of, each with the answers seen."""
    survey = look.guess.survey
    asked = {name: look.sample[raw] for name, raw in survey.scores.items()}
    asked |= {name: [] for name in (*survey.worded, *survey.rivals)}
    if look.export and look.export.export.instruments:
        return {}
    columns = look.guess.columns
    if look.guess.table == "responses" and "instrument" in columns:
        asked |= {kind: [] for kind in look.labels.get(columns["instrument"], [])[:12]}
    elif look.guess.table == "responses" and not asked:
        spoken = instrument_in_name(look.name)
        if spoken:
            asked[spoken] = look.sample.get(columns.get("score", ""), [])
    return asked


def instrument_lines(name: str, values: list[str]) -> list[str]:
    """Return the declaration of an instrument, or the question which scale it has."""
    plain = key(name)
    standard = _STANDARD.get(name.lower(), "")
    numbers = [answer for answer in map(number_in, values) if answer is not None]
    seen = f" (answers seen: {min(numbers)} to {max(numbers)})" if numbers else ""
    doubt = misfit(name.lower(), values)
    if standard and not doubt:
        return [f'{plain} = "{standard}"']
    if standard:
        return [
            f"# TODO {doubt}: another scale? then low, high and direction in place of the standard one",
            f'# {plain} = "{standard}"',
        ]
    # CES 1.0 (effort, low is good) and 2.0 (ease, high is good) point in opposite directions.
    if name.lower() == "ces":
        return [
            f"# TODO which wording was asked{seen}: ces1 is 1 to 5, 'how much effort', low is good;",
            "# ces2 is 1 to 7, 'made it easy', high is good. It is never inferred.",
            f'# {plain} = "ces2"',
        ]
    return [
        f"# TODO what is asked in {toml(name)}, on which scale, and which end is good{seen}",
        f'# {plain} = {{ low = 1, high = 5, direction = "high_is_good" }}',
    ]


def with_scores(look: RawLook, lines: list[str], *, blank: str = "reject") -> list[str]:
    """Add the scores of a wide file, and ask what an empty cell means if there is one.

    Parameters
    ----------
    look : RawLook
        What the file has shown.
    lines : list of str
        Its source so far.
    blank : {"reject", "not_asked"}
        What an empty cell is; ``"reject"`` is asked about.
    """
    survey = look.guess.survey
    lines = [*lines]
    blanks = any(len(look.sample[column]) < look.rows for column in survey.scores.values())
    if blank == "not_asked":
        lines.insert(
            lines.index("[sources.columns]"), 'blank_scores = "not_asked"  # an empty cell is no answer'
        )
    elif blanks or any(_no_answers(look, column) for column in survey.scores.values()):
        lines.insert(
            lines.index("[sources.columns]"),
            'blank_scores = "reject"  # TODO "not_asked" if an empty cell means nobody was asked',
        )
    lines.append("[sources.scores]")
    for name, column in survey.scores.items():
        lines += _score_lines(look, name, column)
    for name, column in survey.worded.items():
        lines += _worded_lines(look, name, column)
    for name, columns in survey.rivals.items():
        lines.append(f"# TODO several columns may be {name}: which one holds the answers?")
        lines += [
            f"# {key(name)} = {toml(column)}  # {_answers_seen(look.sample[column])}" for column in columns
        ]
    return lines


def _score_lines(look: RawLook, name: str, column: str) -> list[str]:
    survey = look.guess.survey
    labels = look.labels.get(column, [])
    words = {label: number_in(label) for label in labels if not is_plain_number(label)}
    mapped = ", ".join(f"{toml(label)} = {answer}" for label, answer in words.items() if answer is not None)
    none = _no_answers(look, column)
    halves = [label for label in labels if is_plain_number(label) and number_in(label) is None]
    options = [only_if(mapped, f"values = {{ {mapped} }}")]
    options.append(only_if(none, f"missing = [{', '.join(map(toml, none))}]"))
    options = [option for option in options if option]
    remarks = []
    if none:
        remarks.append(f"{listed(none, most=3)} read as no answer")
    elif mapped:
        remarks.append("numbers behind the words")
    if name in survey.derived:
        remarks.append(f"the answers behind {shown(survey.derived[name])}, which is derived of them")
    if options:
        line = f"{key(name)} = {{ column = {toml(column)}, {', '.join(options)} }}"
    else:
        line = f"{key(name)} = {toml(column)}"
    lines = [line + only_if(remarks, f"  # TODO check: {'; '.join(remarks)}")]
    if halves:
        shown_halves = listed(halves, most=3)
        lines.insert(0, f"# TODO {shown_halves} are no whole answers: these rows will be set aside")
    return lines


def _no_answers(look: RawLook, column: str) -> list[str]:
    """Texts among the answers that are no number of any kind."""
    labels = look.labels.get(column, [])
    return [label for label in labels if number_in(label) is None and not is_plain_number(label)]


def _worded_lines(look: RawLook, name: str, column: str) -> list[str]:
    labels = look.labels.get(column, [])
    answers = ", ".join(f"{toml(label)} = ..." for label in labels)
    return [
        f"# TODO {shown(column)} holds words: which number is each?",
        f"# {key(name)} = {{ column = {toml(column)}, values = {{ {answers} }} }}",
    ]


def faces_source(look: RawLook, reader: list[str]) -> list[str]:
    """Return a source of answers in two faces, as help desks ask for; empty where the words are others."""
    if look.guess.table == "responses":
        return []
    for name, column in look.guess.survey.worded.items():
        labels = look.labels.get(column, [])
        faces = {label: _FACES[label.lower()] for label in labels if label.lower() in _FACES}
        others = [label for label in labels if label not in faces]
        # Two faces make a scale only if both ends occur and every further word says that nobody was asked.
        if not {"5", "1"} <= set(faces.values()) or any(label.lower() not in _NOT_ASKED for label in others):
            continue
        return _faces_lines(look, column, name=name, faces=faces, others=others, reader=reader)
    return []


def _faces_lines(
    look: RawLook, column: str, *, name: str, faces: Mapping[str, str], others: list[str], reader: list[str]
) -> list[str]:
    columns = look.guess.columns
    time = columns.get("resolved_at") or columns.get("created_at", "")
    answers = ", ".join(f"{toml(label)} = {answer or toml('')}" for label, answer in faces.items())
    lines = ["", "[[sources]]", 'table = "responses"', *reader]
    excluded = ", ".join(map(toml, ["", *others]))
    lines.append(f"where = {{ {key(column)} = {{ not = [{excluded}] }} }}  # who was not asked")
    lines.append("[sources.columns]")
    lines.append(
        f"customer_id = {toml(columns['customer_id'])}" if "customer_id" in columns else _NO_CUSTOMER
    )
    lines.append(f"responded_at = {toml(time)}  # TODO check: when did they answer?")
    if "" in faces.values():
        lines.append(f"sent_at = {toml(time)}  # who was asked and did not answer is a non-response")
    lines.append(f'instrument = {{ constant = "{name}" }}')
    lines.append(
        f"score = {{ column = {toml(column)}, values = {{ {answers} }} }}  # TODO check: top of 1 to 5"
    )
    return lines


_NO_CUSTOMER = '# TODO required: customer_id\n# customer_id = ""'


def _answers_seen(values: list[str]) -> str:
    """A short list of the answers of a column, most frequent first."""
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    # Ties stay in the order of the file.
    ordered = sorted(counts, key=lambda value: -counts[value])
    if not ordered:
        return "empty"
    return f"answers {listed(ordered, most=6)}"
