"""Drivers of a question's score in a study: groups, numbers, facts of tickets, and themes of comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice
from cxresearch.churn.drivers.driver_columns import Driver, DriverColumns, column_of, expand, leaves_of
from cxresearch.churn.risk.feature_words import feature_words
from cxresearch.data.columns.ticket_groups import COUNTS, TICKETS, WAITS, answers_name_tickets
from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.theme_metrics import ThemeMarks
from cxresearch.scales import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What is known only afterwards explains nothing.
_OUTCOMES = {"reason", "ended_at", "end_kind", "notice_at"}
_THEME = "theme:"
#: Waits under a minute count as one, since their logarithm is read.
LEAST_WAIT_HOURS = 1 / 60


def drivers_of_study(
    data: Any, outcome: str, drivers: Sequence[Driver], scales: Mapping[str, Scale]
) -> DriverColumns:
    """Return a question's scores and what is to explain them.

    Parameters
    ----------
    data : Study or Themes
        With themes, all of them are drivers where none is named.
    outcome : str
        A declared question.
    drivers : sequence of str or pairs of str
        Columns of responses, of customers, of the ticket an answer is about (as ``"tickets.category"`` where
        the others have the name, too); ``"first_reply_hours"``,
        ``"resolution_hours"`` (their logarithm), ``"reopened"``, ``"handed_off"``; ``"theme:price"``.
    scales : mapping of str to Scale
        Scales of number columns, for performance.

    Raises
    ------
    ArgumentError
        If the question or a driver is not there, or a driver is an outcome.
    """
    study = getattr(data, "themed_study", data)
    if not study.instruments:
        raise ArgumentError("the study declares no question", next_step="declare [instruments]")
    check_choice("outcome", outcome, tuple(study.instruments))
    marks: ThemeMarks | None = getattr(study, "theme_marks", None)
    tickets = _only_of_tickets(study, leaves_of(drivers))
    wanted = [_named(driver, tickets) for driver in (*drivers, *_all_themes(marks, drivers))]
    names = leaves_of(wanted)
    late = [name for name in names if name.removeprefix(TICKETS) in _OUTCOMES | _open_outcomes(study)]
    if late:
        raise ArgumentError(
            f"{late[0]!r} is an outcome, known only afterwards",
            wanted="what was known before",
            next_step="a further column that only sounds like one is declared: kind = 'group'",
        )
    rows = _answers(study, outcome, names)
    score = rows["score"].to_numpy(dtype=np.float64)
    given = {column_of(rows, name)[0]: _values(rows, marks, name) for name in names}
    columns, rare = expand(given, wanted)
    labels = {name: _label(name, marks) for name in (*columns, *rare)}
    scale = study.instruments[outcome]
    return DriverColumns(
        outcome=score,
        columns=columns,
        clusters=rows["customer_id"],
        labels=labels | {outcome: scale.label},
        scales=_scales(columns, labels, score * -scale.risk_sign) | dict(scales),
        high_is_good=False,
        outcome_good=int(-scale.risk_sign),
        left_out=tuple(labels[name] for name in rare),
    )


def _all_themes(marks: ThemeMarks | None, drivers: Sequence[Driver]) -> list[str]:
    """Every theme of comments, unless some are named."""
    if marks is None or any(name.startswith(_THEME) for name in leaves_of(drivers)):
        return []
    return [f"{_THEME}{name}" for name in marks.labels]


def _open_outcomes(study: Any) -> set[str]:
    """Further columns that state who left, as declared or by their names."""
    kinds: Mapping[str, Mapping[str, str]] = getattr(study, "open_columns", {})
    return {name for columns in kinds.values() for name, kind in columns.items() if kind == "outcome"}


def _only_of_tickets(study: Any, names: Sequence[str]) -> dict[str, str]:
    """Names that only tickets have, as ``tickets.name``; where answers name the ticket they are about."""
    answers, people = _columns_of(study, "responses"), _columns_of(study, "customers")
    if not answers_name_tickets(study.tables, answers):
        return {}
    others = {*answers, *people, *WAITS, *COUNTS}
    tickets = _columns_of(study, "tickets")
    return {
        name: f"{TICKETS}{name}"
        for name in names
        if column_of(tickets, name)[0] in tickets and column_of(list(others), name)[0] not in others
    }


def _named(driver: Driver, tickets: Mapping[str, str]) -> Driver:
    if isinstance(driver, str):
        return tickets.get(driver, driver)
    first, second = driver
    return tickets.get(first, first), tickets.get(second, second)


def _columns_of(study: Any, table: str) -> list[str]:
    if table not in study.tables:
        return []
    return list(study.table(table).collect_schema().names())


def _answers(study: Any, outcome: str, names: Sequence[str]) -> pd.DataFrame:
    """Answers of a question with a score, with what is asked for of their customer and their ticket."""
    rows = collect(study.table("responses"))
    rows = rows[(rows["instrument"] == outcome) & rows["score"].notna()]
    if not len(rows):
        raise DataError(f"nobody answered {outcome!r}", wanted="answers with a score")
    if any(_of_ticket(name) for name in names):
        rows = _with_tickets(study, rows)
    asked = [name for name in names if not _of_ticket(name) and not name.startswith(_THEME)]
    people = _columns_of(study, "customers")
    joined = []
    for name in asked:
        if column_of(rows, name)[0] in rows:
            continue
        column = column_of(people, name)[0]
        if column not in people:
            raise ArgumentError(
                f"driver {name!r} is in neither responses nor customers",
                wanted="a column, 'tickets.' and a column of tickets, or 'theme:' and a theme",
            )
        joined.append(column)
    if joined:
        facts = collect(study.table("customers").select("customer_id", *dict.fromkeys(joined)))
        rows = rows.merge(facts, on="customer_id", how="left")
    return rows.reset_index(drop=True)


def _of_ticket(name: str) -> bool:
    return name in WAITS or name in COUNTS or name.startswith(TICKETS)


def _with_tickets(study: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Answers whose ticket the study has, its columns under ``tickets.`` and their name."""
    if "ticket_id" not in rows or "tickets" not in study.tables:
        raise ArgumentError(
            "answers do not say which ticket they are about",
            wanted="responses with ticket_id, and tickets",
            next_step="map ticket_id of responses in the study file",
        )
    facts = collect(study.table("tickets")).add_prefix(TICKETS)
    return rows.merge(facts, left_on="ticket_id", right_on=f"{TICKETS}ticket_id")


def _values(rows: pd.DataFrame, marks: ThemeMarks | None, name: str) -> pd.Series[Any]:
    if name.startswith(_THEME):
        return pd.Series(_mentions(rows, marks, name.removeprefix(_THEME)))
    if not _of_ticket(name):
        return rows[column_of(rows, name)[0]]
    source = f"{TICKETS}{WAITS.get(name) or COUNTS.get(name) or name.removeprefix(TICKETS)}"
    if source not in rows:
        raise ArgumentError(
            f"tickets have no {source.removeprefix(TICKETS)!r}",
            wanted="a column of tickets or one of " + ", ".join((*WAITS, *COUNTS)),
        )
    if name in WAITS:
        hours = (rows[source] - rows[f"{TICKETS}created_at"]).dt.total_seconds() / 3_600
        # a wait counts by its doublings
        return pd.Series(np.log2(hours.clip(lower=LEAST_WAIT_HOURS).to_numpy(dtype=np.float64)))
    if name in COUNTS:
        return (rows[source] > 0).astype(np.float64).where(rows[source].notna())
    return rows[source]


def _mentions(rows: pd.DataFrame, marks: ThemeMarks | None, theme: str) -> NDArray[np.float64]:
    """Whether each answer's comment mentions a theme; an answer without a comment mentions none."""
    if marks is None or marks.table != "responses":
        raise ArgumentError(
            "there are no themes of comments to explain a score by",
            wanted="cx.themes(study) in the place of the study",
        )
    if theme not in marks.labels:
        raise ArgumentError(f"there is no theme {theme!r}", wanted="one of " + ", ".join(marks.labels))
    said = marks.mark(rows[marks.column].fillna("").to_numpy(dtype=object))
    return said[:, list(marks.labels).index(theme)].astype(np.float64)


def _label(name: str, marks: ThemeMarks | None) -> str:
    first, product, second = name.partition(" x ")
    if product:
        return f"{_label(first, marks)} x {_label(second, marks)}"
    if name.startswith(_THEME) and marks is not None:
        return marks.labels[name.removeprefix(_THEME)]
    return feature_words(name.removeprefix(TICKETS))


def _scales(
    columns: Mapping[str, NDArray[np.float64]], labels: Mapping[str, str], happy: NDArray[np.float64]
) -> dict[str, Scale]:
    """Which end of a mark is good, for performance: none for a group, as nobody performs in it.

    A theme is a complaint, good where nobody mentions it, unless those who do are the happier.
    """
    scales = {}
    for name, values in columns.items():
        theme = name.startswith(_THEME) and " x " not in name
        if not theme and name not in COUNTS:
            continue
        said = values == 1
        praise = theme and happy[said].mean() > happy[~said].mean()
        direction: Literal["high_is_good", "low_is_good"] = "low_is_good"
        if praise:
            direction = "high_is_good"
        scales[name] = Scale(name="mark", label=labels[name], low=0, high=1, direction=direction)
    return scales
