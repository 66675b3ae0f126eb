"""Numbers as files write them, and amounts of a year, a quarter or a week as those of one month."""

from __future__ import annotations

from dataclasses import replace

from cxresearch.data.readers.cells.text_sql import ReadColumn, mapped_text
from cxresearch.data.readers.connection import literal, quoted
from cxresearch.data.study_file.declarations import ColumnMap
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import listed, shown

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UTINYINT")
_NOT_A_NUMBER = (("not_a_number", ""),)
#: Months in an interval. A year has 12 months, 52 weeks and 365 days: what billing systems count with.
MONTHS = {"month": 1.0, "quarter": 3.0, "half_year": 6.0, "year": 12.0, "week": 12 / 52, "day": 12 / 365}
#: How columns spell intervals, as a pattern of lower-case text: ``12 months``, ``annually``, ``jährlich``.
_SPELLED = {
    "month": r"month(ly|s)?|mon|mo|monat(lich|e)?|mensuel(le)?|mensual|mensile|mensal|p1m",
    "quarter": r"quarter(ly|s)?|quartal(sweise)?|vierteljährlich|trimestriel(le)?|trimestral|p3m",
    "half_year": r"half[ _-]?year(ly)?|semi[ _-]?annual(ly)?|biannual(ly)?|halbjährlich|semestr(iel|al)",
    "year": r"year(ly|s)?|yr|annual(ly)?|jahr(e)?|jährlich|annuel(le)?|anual|annuale|p1y|p12m",
    "week": r"week(ly|s)?|woche(n)?|wöchentlich|hebdomadaire|semanal|p1w",
    "day": r"dai?ly|days?|täglich|quotidien",
}


def is_numeric(raw_type: str) -> bool:
    """Whether a column of this DuckDB type holds numbers."""
    return raw_type.split("(", maxsplit=1)[0].removeprefix("U") in _NUMERIC


def read_number(target: str, column: ColumnMap, raw_type: str, scale: Scale | None) -> ReadColumn:
    """Read a column of numbers; bins turn them into the answers of a scale."""
    if is_numeric(raw_type) and not column.missing and not column.values:
        return _read_plain_number(target, column, raw_type, scale)
    text = f"trim({mapped_text(column, raw_type)})"
    text = f"CASE WHEN lower({text}) = 'nan' THEN NULL ELSE {text} END"
    digits = _digits(text, column)
    value = f"CASE WHEN regexp_full_match({digits}, {literal(_NUMBER)}) THEN TRY_CAST({digits} AS DOUBLE) END"
    value = f"CASE WHEN isfinite({value}) THEN {value} END"
    return ReadColumn(target=target, value=_scaled(value, column, scale), text=text, faults=_NOT_A_NUMBER)


def _read_plain_number(target: str, column: ColumnMap, raw_type: str, scale: Scale | None) -> ReadColumn:
    """Read numbers that are stored as such: only NaN and the infinite need care."""
    cell = quoted(column.column)
    number = f"CAST({cell} AS DOUBLE)"
    # a comparison with NaN, and isnan, may be answered from maxima in which a file's writer left NaN out
    known = f"isfinite({number}) OR {number} IN ('infinity'::DOUBLE, '-infinity'::DOUBLE)"
    finite = f"CASE WHEN isfinite({number}) THEN {number} END"
    plain = ReadColumn(
        target=target,
        value=_scaled(finite, column, scale),
        text=f"CASE WHEN {known} THEN CAST({cell} AS VARCHAR) END",
    )
    if not column.bins:
        plain = replace(plain, plain=_scaled(number, column, scale))
    if raw_type in ("FLOAT", "DOUBLE"):
        plain = replace(plain, faults=_NOT_A_NUMBER, unusual=f"NOT isfinite({number})")
    return plain


def by_factors(number: ReadColumn, column: ColumnMap, *, interval: str, count: str) -> ReadColumn:
    """Return an amount of one month, from one for another interval and for one of several.

    Parameters
    ----------
    number : ReadColumn
        The amount.
    column : ColumnMap
        For the interval that all rows share.
    interval, count : str
        Texts of the raw columns with the interval and the number of each row; empty where there are none.
    """
    factors, spelled = [], []
    if column.per:
        factors.append(f"/ {MONTHS[column.per]!r}")
    if interval:
        factors.append(f"/ ({months_of(interval)})")
        spelled.append(f"' per ' || coalesce({interval}, '?')")
    if count:
        factors.append(f"* TRY_CAST(trim({count}) AS DOUBLE)")
        spelled.append(f"' times ' || coalesce({count}, '?')")
    if not factors:
        return number
    amount = replace(number, value=f"({number.value}) {' '.join(factors)}", plain="", unusual="")
    if not spelled:
        return amount
    # an amount that can be read, for an interval that cannot, is told apart by the words joined to its text
    unread = f"regexp_full_match({{text}}, {literal('.*( per | times ).*')})"
    read = f"{number.text} IS NOT NULL AND ({number.value}) IS NOT NULL"
    text = f"CASE WHEN {read} THEN {number.text} || {' || '.join(spelled)} ELSE {number.text} END"
    return replace(amount, text=text, faults=(("unknown_interval", unread), *_NOT_A_NUMBER))


def _digits(text: str, column: ColumnMap) -> str:
    """Write a number with a decimal point and nothing between groups of three; missing if it cannot be."""
    mark = column.thousands
    if mark:
        marks = {" ": " \u00a0\u202f"}.get(mark, mark)
        groups = rf"[+-]?\d{{1,3}}([{marks}]\d{{3}})+([^\d{marks}][^{marks}]*)?"
        joined = f"regexp_replace({text}, {literal(f'[{marks}]')}, '', 'g')"
        plain = f"[^{marks}]*"
        text = (
            f"CASE WHEN regexp_full_match({text}, {literal(groups)}) THEN {joined} "
            f"WHEN regexp_full_match({text}, {literal(plain)}) THEN {text} END"
        )
    if column.decimal == ",":
        text = f"CASE WHEN contains({text}, '.') THEN NULL ELSE replace({text}, ',', '.') END"
    return text


def _scaled(value: str, column: ColumnMap, scale: Scale | None) -> str:
    if column.multiply is not None:
        value = f"({value}) * CAST({column.multiply!r} AS DOUBLE)"
    if not column.bins or scale is None:
        return value
    branches = " ".join(
        f"WHEN ({value}) <= {edge!r} THEN {level}"
        for edge, level in zip(column.bins, scale.levels, strict=False)
    )
    return f"CAST(CASE WHEN ({value}) IS NULL THEN NULL {branches} ELSE {scale.high} END AS DOUBLE)"


def check_interval(name: str, where: str) -> str:
    """Return the name of an interval, or an empty text for none.

    Raises
    ------
    StudyError
        If it is not one of `MONTHS`.
    """
    if name and name not in MONTHS:
        raise StudyError(
            f"per is {shown(name)}",
            where=where,
            wanted=f"one of {listed(MONTHS)}",
            next_step="if a column of the file names the interval of each row: per_column = 'its name'",
        )
    return name


def months_of(text: str) -> str:
    """Return the SQL of the months in an interval spelled in a text; missing where it is not known.

    Parameters
    ----------
    text : str
        Expression of the text; a number before the word multiplies it, as in ``3 months``.
    """
    plain = f"trim(lower({text}))"
    count = f"coalesce(TRY_CAST(regexp_extract({plain}, '(\\d+)', 1) AS DOUBLE), 1.0)"
    patterns = {name: literal(rf"(every )?(\d+[ _-]*)?({words})") for name, words in _SPELLED.items()}
    branches = " ".join(
        f"WHEN regexp_full_match({plain}, {pattern}) THEN {MONTHS[name]!r} * {count}"
        for name, pattern in patterns.items()
    )
    # ISO durations count for themselves: the digits of P12M are no factor
    iso = " ".join(
        f"WHEN {plain} = '{spelled}' THEN {months!r}"
        for spelled, months in {"p1m": 1.0, "p3m": 3.0, "p6m": 6.0, "p12m": 12.0, "p1y": 12.0}.items()
    )
    return f"CASE {iso} {branches} END"
