"""The lines of customers: ends, outcomes and segments."""

from __future__ import annotations

import re

from cxresearch.data.starter.guess_table import synonyms
from cxresearch.data.starter.lines.starter_columns import is_number, is_time
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import ENDS, names_outcome, snake
from cxresearch.wording import shown

#: Names of a reason or kind of leaving, in several languages.
_REASON = re.compile(
    r"(^|_)(cancel|churn|leav|left|exit|end|terminat)\w*_(reason|cause|type|kind)s?$"
    r"|(kundigungs|austritts)grund|(^|_)(motif|motivo)(_|$)|理由"
)


def customer_lines(look: RawLook) -> tuple[list[str], set[str]]:
    """Return the end where none was found, its kind, outcomes and segments, each under a key of its own."""
    columns = look.guess.columns
    lines = []
    if "ended_at" not in {**columns, **look.odd}:
        ends = [c for c in look.guess.further if ENDS.search(snake(c)) and any(map(is_time, look.sample[c]))]
        lines += [f"# TODO is {shown(end)} when they left, or when a contract runs out?" for end in ends]
        lines.append(f"# ended_at = {toml((ends or [''])[0])}")
    used: set[str] = set()
    if "end_kind" not in columns:
        lines += _reason_lines(look)
    taken = set(LAYOUTS["customers"].columns)
    for column in look.guess.further:
        outcome = (names_outcome(column) or column in look.knowing) and _is_few(look.sample[column])
        # A reason is known of those who left alone: as a group it would tell who left.
        outcome = outcome and not _REASON.search(snake(column))
        if not outcome and not _is_segment(look, column):
            continue
        name = _free_name(column, taken)
        taken.add(name)
        used.add(column)
        if outcome:
            stated = f"{{ column = {toml(column)}, outcome = true }}"
            lines.append(f"{key(name)} = {stated}  # TODO check: says who left, so no segment")
        else:
            lines.append(f"{key(name)} = {toml(column)}")
    return lines, used


def _free_name(column: str, taken: set[str]) -> str:
    name = plain = snake(column) or "segment"
    again = 2
    while name in taken:
        name, again = f"{plain}_{again}", again + 1
    return name


def _reason_lines(look: RawLook) -> list[str]:
    """Why customers left is known only of those who left: the kind of churn perhaps, but never a segment."""
    lines = []
    for column in (c for c in look.guess.further if _REASON.search(snake(c)) and look.sample[c]):
        kinds = ", ".join(f"{toml(value)} = ..." for value in sorted(set(look.sample[column]))[:12])
        lines += [
            f"# TODO {shown(column)} is known only of who left, so no segment; which values are voluntary?",
            f"# end_kind = {{ column = {toml(column)}, values = {{ {kinds} }} }}",
        ]
    return lines


def _is_segment(look: RawLook, column: str) -> bool:
    values = look.sample[column]
    personal = any(word in snake(column) for word in synonyms()["words"]["personal"])
    if personal or _REASON.search(snake(column)) or names_outcome(column):
        return False
    return _is_few(values) and not all(is_number(value) or is_time(value) for value in values)


def _is_few(values: list[str]) -> bool:
    # A third of the rows, at most 20: more groups are too small for an interval that says anything.
    return bool(values) and len(set(values)) <= max(2, min(20, len(values) // 3))
