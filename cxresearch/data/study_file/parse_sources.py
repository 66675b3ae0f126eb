"""The ``[[sources]]`` of a study file: which raw rows feed which table, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from cxresearch.data.columns.open_columns import check_open_column
from cxresearch.data.readers.summed_levels import PERIOD_COLUMNS, check_summed, needs_sums
from cxresearch.data.study_file.declarations import (
    BlankScores,
    ColumnMap,
    PeriodEnds,
    RawInput,
    RowKind,
    SourceMap,
    StudyKind,
)
from cxresearch.data.study_file.parse_columns import READING_KEYS, column_of, reading_of
from cxresearch.data.study_file.row_conditions import read_where
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.data.table_layouts import LAYOUTS, SNAPSHOT, TABLES, TableLayout
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import did_you_mean, listed, one_of, shown

_SOURCE_KEYS = (
    "table",
    "file",
    "frame",
    "database",
    "input",
    "sql",
    *Keys.READER_KEYS,
    *READING_KEYS,
    "unique",
    "columns",
    "scores",
    "blank_scores",
    "level_of",
    "rows",
    "ends",
    "bridge_gaps_days",
    "where",
)
_BLANK_SCORES = ("reject", "not_asked")


def read_sources(
    top: Keys,
    inputs: Mapping[str, RawInput],
    instruments: Mapping[str, Scale],
    timezone: str,
    folder: Path,
    study: StudyKind = "timeline",
) -> tuple[dict[str, RawInput], tuple[SourceMap, ...]]:
    """Return all raw inputs (declared ones and those named within sources) and the sources.

    Raises
    ------
    StudyError
        If there is none, a table or column is unknown, a required column is not mapped, or an instrument
        has no declared scale.
    """
    known = dict(inputs)
    sources = []
    entries = top.tables("sources")
    if not entries:
        raise StudyError(
            "no table is mapped", where=top.where, wanted="at least one [[sources]] with a table and a file"
        )
    for number, keys in enumerate(entries, start=1):
        keys.only(_SOURCE_KEYS)
        name = _input_of(keys, number, known, folder)
        sources.append(_source(keys, name, known, instruments, timezone, study))
    _check_kinds(sources, top.where)
    return known, tuple(sources)


def _input_of(keys: Keys, number: int, known: dict[str, RawInput], folder: Path) -> str:
    given = [key for key in ("file", "frame", "database", "input", "sql") if key in keys]
    # Two origins in one entry would leave open whose rows count.
    if len(given) != 1:
        raise StudyError(
            "a source needs exactly one of 'file', 'frame', 'database', 'input' and 'sql'",
            where=keys.where,
            wanted=f"one, not {len(given)}",
        )
    if given[0] in ("file", "frame", "database"):
        name = f"source_{number}"
        known[name] = keys.raw_input(name, folder)
        return name
    for option in Keys.READER_KEYS:
        if option in keys:
            raise StudyError(
                f"{option!r} belongs where the file is named",
                where=keys.where,
                next_step="move it to [inputs]",
            )
    if given[0] == "sql":
        return ""
    name = keys.text("input")
    if name not in known:
        raise StudyError(
            f"input {shown(name)} is not declared",
            where=keys.where,
            wanted=one_of(known, "a section [inputs.NAME]"),
            next_step=did_you_mean(name, known),
        )
    return name


def _table_of(keys: Keys, study: StudyKind) -> str:
    """The table that a source feeds; the customers of a snapshot have a layout of their own."""
    table = keys.text("table")
    if table not in TABLES:
        raise StudyError(
            f"table {shown(table)} is unknown",
            where=keys.where,
            wanted=f"one of {listed(TABLES)}",
            next_step=did_you_mean(table, TABLES),
        )
    # A snapshot has one layout, whose rows are customers and whose columns are anything.
    if study == "timeline":
        return table
    if table != "customers":
        raise StudyError(
            f"a snapshot has customers only, and table {shown(table)} needs dates",
            where=keys.where,
            next_step="take it out; or, if the customers have dates, take kind = 'snapshot' out",
        )
    return SNAPSHOT


def _source(
    keys: Keys,
    name: str,
    inputs: Mapping[str, RawInput],
    instruments: Mapping[str, Scale],
    timezone: str,
    study: StudyKind,
) -> SourceMap:
    table = _table_of(keys, study)
    layout = LAYOUTS[table]
    defaults = reading_of(keys, ColumnMap(timezone=timezone))
    mapped = keys.table("columns", required=True)
    columns = {target: column_of(mapped, target, defaults) for target in mapped}
    if table == "usage" and "quantity" not in columns:
        columns["quantity"] = ColumnMap(constant="1")  # a log without a number: each row counts once
    scored = keys.table("scores")
    scores = {target: column_of(scored, target, defaults) for target in scored}
    if "scores" in keys and not scores:
        raise StudyError(
            "no score is mapped",
            where=scored.where,
            next_step="name under [sources.scores] the raw column of each question, such as nps = 'Q1'",
        )
    kind = _row_kind(keys, table)
    _check_targets(layout, columns, scores, mapped.where, kind)
    _check_instruments(table, columns, scores, instruments, mapped.where)
    _check_levels(keys, table, columns)
    if kind == "subscriptions":
        _check_periods(keys, columns)
    origin = "sql"
    if name:
        origin = inputs[name].declared or inputs[name].frame or inputs[name].database_table or name
    return SourceMap(
        label=f"{table} from {origin}",
        table=table,
        input=name,
        sql=keys.text("sql", default="").strip().rstrip(";"),
        columns=columns,
        scores=scores,
        blank_scores=cast("BlankScores", keys.choice("blank_scores", _BLANK_SCORES, default="reject")),
        unique=keys.texts("unique"),
        rows=kind,
        ends=_ends_of(keys),
        bridge_gaps_days=keys.number("bridge_gaps_days", default=0.0),
        where=read_where(keys),
    )


def _row_kind(keys: Keys, table: str) -> RowKind:
    if table == "customers":
        return cast("RowKind", keys.choice("rows", ("customers", "leavers"), default="customers"))
    for key in ("rows", "ends", "bridge_gaps_days"):
        if key in keys and table != "revenue":
            raise StudyError(f"{key!r} belongs to the table revenue", where=keys.where)
    chosen = keys.choice("rows", ("levels", "snapshots", "subscriptions", "movements"), default="levels")
    return cast("RowKind", chosen)


def _ends_of(keys: Keys) -> PeriodEnds:
    if "ends" not in keys:
        return ""
    return cast("PeriodEnds", keys.choice("ends", ("inclusive", "exclusive"), default=""))


def _check_periods(keys: Keys, columns: Mapping[str, ColumnMap]) -> None:
    """Subscriptions from a start to an end: where they end, and how, is declared."""
    if "ends_at" not in columns:
        raise StudyError(
            "rows = 'subscriptions' needs the column ends_at: without it nobody ever leaves",
            where=keys.where,
            next_step="map ends_at, or say what a row is: rows = 'levels', 'snapshots' or 'movements'",
        )
    # A day too early or too late moves every end at the turn of a month into the neighbouring month.
    if "ends" not in keys:
        raise StudyError(
            "is ends_at the last paid day, or the first without?",
            where=keys.where,
            wanted="ends = 'inclusive' (last paid day) or ends = 'exclusive' (first moment without)",
            next_step="look at a customer with two subscriptions in a row: does the next start on that "
            "day, or the day after?",
        )


def _check_kinds(sources: Sequence[SourceMap], where: str) -> None:
    """Sums of subscriptions and whole levels of customers would overwrite one another."""
    revenue = [source for source in sources if source.table == "revenue"]
    plain = [source for source in revenue if source.rows in ("levels", "snapshots")]
    # A level replaces what a customer paid before, a part adds to it: both in one table count twice.
    whole = [source for source in plain if "subscription_id" not in source.columns]
    sums = [source for source in revenue if source not in plain]
    snapshots = any(source.rows == "snapshots" for source in revenue)
    if (sums and whole) or (snapshots and needs_sums(revenue)):
        raise StudyError(
            "revenue is given as whole levels of customers and as parts to be summed",
            where=where,
            wanted="one kind: levels or snapshots of customers; or subscriptions, movements and levels with "
            "subscription_id",
        )


def _check_targets(
    layout: TableLayout,
    columns: Mapping[str, ColumnMap],
    scores: Mapping[str, ColumnMap],
    where: str,
    kind: RowKind,
) -> None:
    if scores and layout.name != "responses":
        raise StudyError("'scores' belongs to the table responses", where=where)
    given = set(columns)
    if scores:
        given |= {"instrument", "score"}
    if scores and {"instrument", "score"} & set(columns):
        raise StudyError("'scores' replaces the columns 'instrument' and 'score'", where=where)
    for target in columns:
        check_open_column(layout, target, columns[target], columns, where, rows=kind)
        # Columns with an underscore hold row number, source and fault while rows are judged.
        if target.startswith("_"):
            raise StudyError(
                f"column {shown(target)} starts with an underscore", where=where, wanted="a letter"
            )
    required = {"leavers": ("customer_id", "ended_at")}.get(kind, tuple(layout.required))
    for target in required:
        if target not in given:
            raise StudyError(
                f"required column {target!r} of {layout.name} is not mapped",
                where=where,
                next_step=f"add {target} = 'name of the raw column'",
            )


def _check_levels(keys: Keys, table: str, columns: Mapping[str, ColumnMap]) -> None:
    """Revenue of a plan is not revenue of a customer: where both can be meant, one must be declared."""
    if table != "revenue":
        if "level_of" in keys:
            raise StudyError("'level_of' belongs to the table revenue", where=keys.where)
        return
    keys.choice("level_of", ("customer",), default="customer")
    if keys.value("rows") in ("subscriptions", "movements"):
        check_summed(columns, keys.where, PERIOD_COLUMNS)
    elif "subscription_id" in columns:
        if "level_of" in keys:
            raise StudyError(
                "'level_of' and the column 'subscription_id' exclude each other", where=keys.where
            )
        check_summed(columns, keys.where)
    # Two plans side by side: as levels of the customer the second would look like a change of price.
    elif "plan" in columns and "level_of" not in keys:
        raise StudyError(
            "the revenue has a plan: is mrr the level of the plan or of the customer?",
            where=keys.where,
            next_step="if a customer has one plan at a time, declare level_of = 'customer' for this source; "
            "if plans run side by side, map subscription_id instead of plan: their levels are summed",
        )


def _check_instruments(
    table: str,
    columns: Mapping[str, ColumnMap],
    scores: Mapping[str, ColumnMap],
    instruments: Mapping[str, Scale],
    where: str,
) -> None:
    if table != "responses":
        return
    named = columns.get("instrument")
    constant = []
    if named is not None and named.constant is not None:
        constant.append(named.constant)
    for name in [*scores, *constant]:
        if name not in instruments:
            raise StudyError(
                f"instrument {shown(name)} is unknown",
                where=where,
                wanted=one_of(instruments, "a section [instruments]"),
                next_step=did_you_mean(name, instruments, otherwise="declare its scale in [instruments]"),
            )
    binned = dict(scores)
    if constant and "score" in columns:
        binned[constant[0]] = columns["score"]
    elif columns.get("score") is not None and columns["score"].bins:
        raise StudyError(
            "bins need one declared instrument", where=where, wanted="instrument = { constant = ... }"
        )
    for name, column in binned.items():
        levels = instruments[name].levels
        # k edges make k + 1 answers: exactly those of the scale, or the question is another one.
        if column.bins and len(column.bins) != len(levels) - 1:
            raise StudyError(
                f"{len(column.bins)} bin edges make {len(column.bins) + 1} answers",
                where=where,
                wanted=f"{len(levels) - 1} edges for the {len(levels)} answers of {name!r}",
            )
