"""Amounts for a year, a quarter or a week, as amounts of one month."""

from __future__ import annotations

from cxresearch.data.readers.raw_inputs import literal
from cxresearch.errors import StudyError
from cxresearch.wording import listed, shown

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
