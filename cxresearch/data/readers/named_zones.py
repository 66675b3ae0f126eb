"""Clock times with the abbreviation of a zone behind them: read where it has one meaning, else refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from cxresearch.data.readers.raw_inputs import literal
from cxresearch.data.study_file.declarations import ColumnMap
from cxresearch.errors import StudyError
from cxresearch.wording import listed, shown

#: What may stand where a format has ``%Z``: letters, perhaps with hours behind them; or an offset alone.
ZONE_NAME = r"([A-Za-z]{1,5}([+-]\d{1,2}(:?\d{2})?)?|[+-]\d{1,2}(:?\d{2})?)"
_OFFSET = re.compile(r"(?:GMT|UTC|UT|Z)?([+-])(\d{1,2}):?(\d{2})?")


@cache
def abbreviations() -> Mapping[str, Mapping[str, str]]:
    """Return every offset an abbreviation is used for, with the place where it is."""
    folder = resources.files("cxresearch.data.readers")
    return tomllib.loads(folder.joinpath("zone_abbreviations.toml").read_text("utf-8"))


def minutes_of(offset: str) -> int | None:
    """Return an offset in minutes east of UTC; None if it is not one.

    Examples
    --------
    >>> minutes_of("+05:30"), minutes_of("GMT-4"), minutes_of("BST")
    (330, -240, None)
    """
    parts = _OFFSET.fullmatch(offset.upper())
    if parts is None:
        return None
    minutes = int(parts[2]) * 60 + int(parts[3] or 0)
    return -minutes if parts[1] == "-" else minutes


def check_zone_tokens(tokens: list[str], column: ColumnMap, where: str) -> None:
    """Refuse abbreviations that mean several zones and are not declared, before one of them is taken.

    Raises
    ------
    StudyError
        Naming the zones the first could mean, and the key that settles it.
    """
    for token in sorted({token.upper() for token in tokens}):
        meanings = abbreviations().get(token, {})
        if len(meanings) > 1 and token not in column.zones:
            places = listed(f"{place} ({offset})" for offset, place in meanings.items())
            raise StudyError(
                f"{shown(token)} is the abbreviation of several time zones",
                where=where,
                wanted=f"one of {places}",
                next_step=f'declare zones = {{ {token} = "{next(iter(meanings))}" }} for this column '
                "(an offset or an IANA name)",
            )


def read_zoned(text: str, date_format: str, column: ColumnMap) -> str:
    """Return the SQL of a moment in UTC from a text that ends with the name or the offset of a zone.

    Parameters
    ----------
    text : str
        Expression of the text.
    date_format : str
        Format that ends with ``%Z``.
    column : ColumnMap
        For the zones declared.
    """
    stem = _stem(text)
    token = f"upper(regexp_extract({text}, {literal(ZONE_NAME + '$')}, 1))"
    naive = f"try_strptime({stem}, {literal(date_format.removesuffix('%Z').rstrip())})"
    known = {name: next(iter(ways)) for name, ways in abbreviations().items() if len(ways) == 1}
    fixed = {name: minutes for name, offset in known.items() if (minutes := minutes_of(offset)) is not None}
    branches = []
    for name, zone in column.zones.items():
        minutes = minutes_of(zone)
        fixed.pop(name.upper(), None)
        if minutes is None:
            moment = f"({naive} AT TIME ZONE {literal(zone)}) AT TIME ZONE 'UTC'"
            branches.append(f"WHEN {token} = {literal(name.upper())} THEN {moment}")
        else:
            fixed[name.upper()] = minutes
    for minutes in sorted(set(fixed.values())):
        names = ", ".join(literal(name) for name, offset in fixed.items() if offset == minutes)
        branches.append(f"WHEN {token} IN ({names}) THEN {naive} - to_minutes({minutes})")
    numeric = r"(GMT|UTC|UT|Z)?([+-])(\d{1,2}):?(\d{2})?"
    hours, rest = (f"TRY_CAST(regexp_extract({token}, {literal(numeric)}, {i}) AS BIGINT)" for i in (3, 4))
    sign = f"CASE WHEN contains({token}, '-') THEN -1 ELSE 1 END"
    offset = f"to_minutes({sign} * ({hours} * 60 + coalesce({rest}, 0)))"
    branches.append(f"WHEN regexp_full_match({token}, {literal(numeric)}) THEN {naive} - {offset}")
    return f"CASE {' '.join(branches)} END"


def _stem(text: str) -> str:
    pattern = literal(r"\s*" + ZONE_NAME + "$")
    return f"regexp_replace({text}, {pattern}, '')"
