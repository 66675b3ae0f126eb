"""All that keeps a study from being read, at once, each with the line of the file that would settle it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cxresearch.data.readers.open_study import open_study_file
from cxresearch.data.study_file.declarations import RawInput, StudyFile, StudyKind
from cxresearch.data.study_file.instruments import read_instruments
from cxresearch.data.study_file.parse_sources import read_sources
from cxresearch.data.study_file.parse_study_file import (
    parse_study_file,
    read_declared_cut,
    read_kind,
    read_timezone,
)
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import only_if

_SECTION = re.compile(r"^\s*\[+([^\]]+)\]+")
_NUMBERED = re.compile(r"\[\[sources\]\] no\. (\d+)")


@dataclass(frozen=True, kw_only=True)
class StudyFault:
    """One reason why a study cannot be read.

    Attributes
    ----------
    line : int
        Line of the study file that is at fault, or at which the answer belongs; 0 where no line is.
    error : StudyError
        What was wrong, where, what was wanted and what to do next.
    """

    line: int
    error: StudyError

    def __str__(self) -> str:
        return only_if(self.line, f"line {self.line}: ") + str(self.error)


def study_faults(path: str | Path) -> tuple[StudyFault, ...]:
    """Return every fault of a study file and of the files it names, as far as each can be seen by itself.

    Parameters
    ----------
    path : str or Path
        The study file, or the folder it is in.

    Returns
    -------
    tuple of StudyFault
        By line; empty where the study opens. Rows that break rules are no faults of the file: `check_study`.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "study.toml"
    try:
        text = file.read_bytes().decode("utf-8-sig")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return tuple(StudyFault(line=0, error=error) for error in _caught(lambda: parse_study_file(file)))
    errors = list(_of_the_file(Keys(values, file.name), values, file))
    if not errors:
        errors = list(_of_sources(file))
    faults = {
        (error.problem, error.where): StudyFault(line=_line(text, error), error=error) for error in errors
    }
    return tuple(sorted(faults.values(), key=lambda fault: fault.line))


def _caught(read: Callable[[], Any]) -> list[StudyError]:
    try:
        read()
    except StudyError as error:
        return [error]
    return []


def _of_the_file(top: Keys, values: Mapping[str, Any], file: Path) -> Iterator[StudyError]:
    """Faults of the study file itself, section by section and source by source."""
    about = top.table("study")
    timezone = "UTC"
    wrong_zone = _caught(lambda: read_timezone(about))
    yield from wrong_zone
    if not wrong_zone:
        timezone = read_timezone(about)
    kind: StudyKind = "timeline"
    wrong_kind = _caught(lambda: read_kind(about))
    yield from wrong_kind
    if not wrong_kind:
        kind = read_kind(about)
    yield from _caught(lambda: read_declared_cut(about, kind, timezone, file.name))
    instruments: dict[str, Scale] = {}
    section = top.table("instruments")
    for name in section:
        scale = Keys({name: section.value(name)}, section.where)
        wrong = _caught(lambda scale=scale: read_instruments(scale))  # type: ignore[misc]
        yield from wrong
        # a question without a known scale is one fault, not one more wherever it is named
        instruments |= {name: Scale(name=name, label=name, low=0, high=10, direction="high_is_good")}
        if not wrong:
            instruments |= read_instruments(scale)
    inputs = {name: RawInput(name=name) for name in top.table("inputs")}
    for number, entry in enumerate(values.get("sources", []), start=1):
        single = Keys({"sources": [entry]}, file.name)
        read = partial(read_sources, single, inputs, instruments, timezone, file.parent, kind)
        for error in _caught(read):
            yield _renumbered(error, number)
    if not list(_caught(lambda: parse_study_file(file))):
        return
    yield from _caught(lambda: parse_study_file(file))


def _renumbered(error: StudyError, number: int) -> StudyError:
    where = _NUMBERED.sub(f"[[sources]] no. {number}", error.where)
    return StudyError(error.problem, where=where, wanted=error.wanted, next_step=error.next_step)


def _of_sources(file: Path) -> Iterator[StudyError]:
    """Faults of the files that the sources name, each opened by itself."""
    study: StudyFile = parse_study_file(file)
    for number, source in enumerate(study.sources, start=1):
        needed = {name: raw for name, raw in study.inputs.items() if name == source.input or source.sql}
        alone = replace(study, sources=(source,), inputs=needed, flags=(), segments=None)
        for error in _caught(lambda alone=alone: open_study_file(alone, {})):  # type: ignore[misc]
            where = f"{error.where}; [[sources]] no. {number}"
            yield StudyError(error.problem, where=where, wanted=error.wanted, next_step=error.next_step)


def _line(text: str, error: StudyError) -> int:
    """The line that an error is about: of its source or section, the one with a name that it quotes."""
    lines = text.splitlines()
    first, last = _block(lines, error.where)
    quoted = re.findall(r"[‘'’\"]([^‘'’\"]{2,60})[’'\"]", f"{error.problem} {error.where}")
    # Messages begin with the key that is at fault, or quote it.
    asked = re.findall(r"^(\w+) (?:is|lists|was) ", error.problem)
    for name in (*asked, *quoted):
        for number in range(first, last):
            if re.search(rf"(^|\W){re.escape(name)}(\W|$)", lines[number]):
                return number + 1
    return first + 1


def _block(lines: list[str], where: str) -> tuple[int, int]:
    """First line, and the line after the last, of the source or section that an error names."""
    numbered = _NUMBERED.search(where)
    heads = [i for i, line in enumerate(lines) if line.strip() == "[[sources]]"]
    if numbered and int(numbered[1]) <= len(heads):
        start = heads[int(numbered[1]) - 1]
        return start, next((head for head in heads if head > start), len(lines))
    name = "study"
    section = re.search(r"\[(\w+)\]", where)
    if section:
        name = section[1]
    for i, line in enumerate(lines):
        match = _SECTION.match(line)
        if match and match[1] == name:
            after = (k for k in range(i + 1, len(lines)) if _SECTION.match(lines[k]))
            return i, next(after, len(lines))
    return 0, len(lines)
