"""What a raw file may be, judged by its name, its column names and a few rows: always shown as a guess."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from cxresearch.data.starter.score_columns import SurveyColumns, survey_columns
from cxresearch.data.table_layouts import LAYOUTS, TABLES
from cxresearch.data.validation.outcome_names import snake, status_words

#: Ids of persons, of whom an account may have several.
_CONTACTS = ("contact_id", "person_id", "user_id", "member_id", "email", "id")
#: Tables that have one row for each of these ids: a file with several is something else (a history).
#: More different values than this are no statuses.
_MOST_STATUSES = 6
_ONE_ROW_EACH = {"customers": "customer_id", "tickets": "ticket_id"}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a file may be.

    Attributes
    ----------
    table : str
        Table it may feed; empty if none fits.
    columns : mapping of str to str
        Table column to raw column.
    survey : SurveyColumns
        Columns that may hold answers, and those that only sound like it.
    further : tuple of str
        Raw columns without a place.
    rows : str
        ``leavers`` for a list of who left; else empty.
    """

    table: str
    columns: Mapping[str, str]
    further: tuple[str, ...]
    survey: SurveyColumns = field(default_factory=SurveyColumns)
    rows: str = ""


@dataclass(frozen=True, kw_only=True)
class SnapshotGuess:
    """A list of customers without dates in which a column says who left.

    Attributes
    ----------
    flag : str
        Raw column that says who left.
    values : mapping of str to str
        Its values as ``"yes"`` (left) or ``"no"``; empty where that cannot be told.
    customer_id : str
        Raw column of the customer; empty where there is none.
    """

    flag: str
    values: Mapping[str, str]
    customer_id: str


@cache
def synonyms() -> Mapping[str, Mapping[str, Any]]:
    """Return the usual names of raw columns, by table and column, as ``synonyms.toml`` lists them."""
    text = resources.files("cxresearch.data.starter").joinpath("synonyms.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    who = tables["who"]["names"]
    for table in TABLES:
        for column, names in tables[table].items():
            tables[table][column] = [
                name for entry in names for name in (who if entry == "@who" else [entry])
            ]
    return tables


def guess_table(
    file: str, sample: Mapping[str, Sequence[str]], titles: Mapping[str, str] = MappingProxyType({})
) -> Guess:
    """Guess which table a file feeds.

    Parameters
    ----------
    file : str
        Its name.
    sample : mapping of str to sequence of str
        First values of each raw column, as text, empty ones left out.
    titles : mapping of str to str
        Questions or labels of raw columns, where the file has them: they count where a name says nothing.

    Examples
    --------
    >>> guess_table("tickets.csv", {"id": ["1"], "opened": ["2024-01-01"], "mood": ["good"]}).columns
    {'ticket_id': 'id', 'created_at': 'opened'}
    """
    stem = snake(re.sub(r"\.(csv|tsv|txt|tab|parquet|pq|gz)\b", "", file))
    names = list(sample)
    survey = survey_columns(sample, unnamed=_named("responses", stem), titles=titles)
    if _lists_leavers(stem, names):
        columns = match_columns("customers", names)
        return Guess(table="customers", columns=columns, further=_rest(sample, columns), rows="leavers")
    worth = {table: _worth(table, stem, sample, survey, titles) for table in synonyms()["telling"]}
    best = max(worth, key=lambda table: worth[table])
    if not worth[best]:
        return Guess(table="", columns={}, further=tuple(sample))
    columns = _without_requests(best, _columns_of(best, sample, titles), names)
    if best != "responses":
        used = {**columns, **survey.scores}
        return Guess(table=best, columns=columns, survey=survey, further=_rest(sample, used))
    long = "score" in columns and "instrument" in columns
    if "score" in columns:
        survey = survey_columns(sample)
    if long:
        survey = SurveyColumns()
    elif survey.found:
        columns = {name: raw for name, raw in columns.items() if name not in ("score", "instrument")}
    used = {**columns, **survey.scores, **survey.worded}
    return Guess(table=best, columns=columns, survey=survey, further=_rest(sample, used))


def guess_snapshot(sample: Mapping[str, Sequence[str]]) -> SnapshotGuess | None:
    """Recognise a list of customers with a column that says who left, whose dates are not there.

    Parameters
    ----------
    sample : mapping of str to sequence of str
        First values of each raw column, none of them a date.

    Examples
    --------
    >>> guess_snapshot({"customerID": ["a", "b"], "Churn": ["Yes", "No"]}).values
    {'No': 'no', 'Yes': 'yes'}
    """
    words = status_words()
    names = {name: snake(name) for name in sample}
    few = [name for name, values in sample.items() if values and len(set(values)) <= _MOST_STATUSES]
    pairs = [name for name in few if len(set(sample[name])) <= 2]
    leaving = [name for name in pairs if re.search(words["leaving_names"], names[name])]
    staying = [name for name in pairs if re.search(words["staying_names"], names[name])]
    told = [name for name in few if _tells_who_left(sample[name])]
    flags = [*leaving, *told, *(name for name in staying if re.search(words["outcome_names"], names[name]))]
    if not flags:
        return None
    flag = flags[0]
    stays = flag not in leaving and flag in staying
    values = {value: _who_left(value, stays=stays) for value in sorted(set(sample[flag]))}
    return SnapshotGuess(flag=flag, values=values, customer_id=first_named(list(sample), _ids()))


def _ids() -> list[str]:
    return [name for name in synonyms()["customers"]["customer_id"] if name != "customer"]


def _tells_who_left(values: Sequence[str]) -> bool:
    """Whether the values of a column are those of a status, of which some say that a customer left."""
    said = {_who_left(value) for value in values}
    answers = {"yes", "no", "0", "1", "true", "false"}  # they say it only of a column that is called so
    return {"yes", "no"} <= said and not {value.lower() for value in values} & answers


def _who_left(value: str, *, stays: bool = False) -> str:
    """Yes or no, or nothing where a value does not say; turned round where a column says who stays."""
    words, plain = status_words(), value.strip().lower()
    turned = {"yes": "no", "no": "yes"}
    for answer, known in (("yes", words["left"]), ("no", words["active"])):
        # Attrited Customer, Existing Customer: a word of the value decides.
        if plain in known or set(plain.split()) & set(known):
            return answer
    for answer in ("yes", "no"):
        if plain in words[answer]:
            return {True: turned[answer]}.get(stays, answer)
    return ""


def match_columns(
    table: str, names: Sequence[str], titles: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return table column to raw column by the usual names, or else titles, each raw column once."""
    by_snake = _aliases(table, names)
    for name in names:
        by_snake.setdefault(snake(titles.get(name, "")), name)
    columns: dict[str, str] = {}
    for target in LAYOUTS[table].columns:
        for synonym in synonyms()[table].get(target, [target]):
            raw = by_snake.get(synonym)
            if raw is not None and raw not in columns.values():
                columns[target] = raw
                break
    return columns


def _columns_of(table: str, sample: Mapping[str, Sequence[str]], titles: Mapping[str, str]) -> dict[str, str]:
    """Columns of a table; in a list of contacts the id that repeats is their account's."""
    columns = match_columns(table, list(sample), titles)
    account = columns.get("customer_id", "")
    if table != "customers" or not _repeats(sample.get(account, ())):
        return columns
    contact = first_named([name for name in sample if name != account], _CONTACTS)
    if not contact or _repeats(sample[contact]):
        return columns
    return {**columns, "customer_id": contact, "account_id": account}


def _aliases(table: str, names: Sequence[str]) -> dict[str, str]:
    """Raw columns by snake name; also without what stands before a dot, and without the table's own noun."""
    aliases: dict[str, str] = {}
    for name in names:
        aliases.setdefault(snake(name), name)
    noun = re.compile(rf"^({synonyms()['words']['nouns'][table]})s?_(?!id$)")
    for name in names:
        behind_dot = snake(name.rsplit(".", 1)[-1])
        if "." in name and behind_dot != "id":
            aliases.setdefault(behind_dot, name)
        if table in synonyms()["words"]["nouns"]:
            aliases.setdefault(noun.sub("", snake(name)), name)
    return aliases


def first_named(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the raw column with the first of the wanted names; empty if there is none."""
    by_name = {snake(name.rsplit(".", 1)[-1]): name for name in reversed(names)}
    by_name |= {snake(name): name for name in reversed(names)}
    return next((by_name[name] for name in wanted if name in by_name), "")


def _rest(sample: Mapping[str, Sequence[str]], used: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in sample if name not in used.values())


def _named(table: str, stem: str) -> bool:
    return re.search(synonyms()["telling"][table][1], stem) is not None


def _worth(
    table: str,
    stem: str,
    sample: Mapping[str, Sequence[str]],
    survey: SurveyColumns,
    titles: Mapping[str, str],
) -> int:
    """How well a file fits a table, by required columns, its name and the column that tells; 0 for not."""
    columns = _columns_of(table, sample, titles)
    telling = synonyms()["telling"][table][0]
    named = _named(table, stem)
    scored = table == "responses" and survey.found
    if not (named or telling in columns or scored):
        return 0
    elsewhere = any(_named(other, stem) for other in synonyms()["telling"] if other != table)
    common = snake(columns.get(telling, "")) in synonyms()["words"]["common"]
    if common and not named and (elsewhere or table != "customers"):
        return 0
    if table in _ONE_ROW_EACH and _repeats(sample.get(columns.get(_ONE_ROW_EACH[table], ""), ())):
        return 0
    required = sum(column in columns for column in LAYOUTS[table].required)
    if required + scored < 2 and not _tickets_without_an_id(table, columns, named=named):
        return 0
    return required + 2 * named + 2 * (telling in columns or scored) + scored


def _tickets_without_an_id(table: str, columns: Mapping[str, str], *, named: bool) -> bool:
    return table == "tickets" and named and "created_at" in columns


def _repeats(values: Sequence[str]) -> bool:
    return len(set(values)) < len(values)


def _lists_leavers(stem: str, names: Sequence[str]) -> bool:
    """A list of who left: customers with an end and no start, in a file that says so."""
    columns = match_columns("customers", names)
    ended = {"customer_id", "ended_at"} <= set(columns) and "started_at" not in columns
    return ended and re.search(synonyms()["words"]["leavers"], stem) is not None


def _without_requests(table: str, columns: dict[str, str], names: Sequence[str]) -> dict[str, str]:
    """``canceled_at`` beside ``cancel_at_period_end`` is when leaving was asked for, not when it happened."""
    asked = first_named(names, ("cancel_at_period_end",))
    request = first_named(names, ("canceled_at", "cancelled_at", "canceled_on", "cancelled_on"))
    if table != "customers" or not asked or not request:
        return columns
    others = match_columns(table, [name for name in names if name != request])
    return {**others, "notice_at": request}
