"""Whether a table may be used: what a study says about rows that break a rule, put into one sentence."""

from __future__ import annotations

import pandas as pd

from cxresearch.data.readers.cells.date_samples import two_readings
from cxresearch.data.study_file.declarations import Limits
from cxresearch.data.validation.judged_tables import CheckedTables, TableSummary
from cxresearch.data.validation.row_rules import RULES, STRUCTURAL
from cxresearch.errors import StudyError
from cxresearch.wording import only_if, shown

_SHOWN_ROWS = 3


def admit(name: str, tables: CheckedTables, limits: Limits) -> None:
    """Refuse a table whose rows break rules that are not forgiven, or too often.

    Structural rules (a customer_id that occurs twice, an instrument without a scale, a date with two
    readings) are never forgiven: they put every row in doubt, not one. For the rest, `Limits` decides.

    Raises
    ------
    StudyError
        Naming the rules, their counts and the first rows.
    """
    if tables.flawless(name):
        return
    summary = tables.summary(name)
    for code in summary.rejected:
        rule = code.split(":", 1)[0]
        # A duplicate customer doubles every join, a date read two ways shifts every period: never forgiven.
        if rule in STRUCTURAL:
            raise _structural(name, rule, summary.rejected[code], tables.rejects(name))
    judged = summary.rows - summary.left_out
    # Share of the rows judged: those left out on purpose (where, after the cut) are in neither number.
    share = max(summary.set_aside / judged, tables.worst_share(name))
    if limits.on_reject == "set_aside" and share <= limits.max_reject_share and summary.valid:
        return
    raise _too_many(name, summary, tables.rejects(name, limit=_SHOWN_ROWS), limits, share)


def _too_many(
    name: str, summary: TableSummary, first: pd.DataFrame, limits: Limits, share: float
) -> StudyError:
    counts: dict[str, int] = {}
    for code, rows in summary.rejected.items():
        rule = code.split(":", 1)[0]
        counts[rule] = counts.get(rule, 0) + rows
    broken = summary.set_aside
    reasons = "; ".join(
        RULES[rule] if len(counts) == 1 else f"{rows:,} with {RULES[rule]}" for rule, rows in counts.items()
    )
    part = f"{broken:,} of {summary.rows:,} rows ({100 * share:.3g} %) of {name}"
    problem = f"{part} {'breaks' if broken == 1 else 'break'} a rule: {reasons}"
    if limits.on_reject == "refuse":
        advice = (
            "correct them, or have them set aside and counted: on_reject = 'set_aside' under [limits] "
            "(`cxresearch check` lists them)"
        )
        if "after_cut" in counts:
            advice += "; or take rows up to the cut only: after_cut = 'leave_out' under [study]"
        return StudyError(problem, where=_rows(first), next_step=advice)
    if not summary.valid:
        return StudyError(f"{problem}; no valid row is left", where=_rows(first))
    return StudyError(
        problem,
        where=_rows(first),
        wanted=f"at most {100 * limits.max_reject_share:g} % set aside (max_reject_share)",
        next_step="correct them, or raise max_reject_share under [limits] if this loss is acceptable",
    )


def _structural(name: str, rule: str, rows: int, rejects: pd.DataFrame) -> StudyError:
    rejects = rejects[rejects["rule"] == rule]
    if rule == "duplicate_customer":
        ids = rejects["value"].nunique()
        return StudyError(
            f"{rows:,} rows of {name} with {RULES[rule]} ({ids:,} of them)",
            where=_rows(rejects.sort_values(["value", "row"])),
            wanted="one row for each customer",
            next_step="merge them: which start or end holds cannot be guessed, and every join would double",
        )
    if rule == "unknown_instrument":
        names = ", ".join(shown(value) for value in rejects["value"].unique()[:5])
        return StudyError(
            f"{_some(rows)} of {name} with {RULES[rule]}: {names}",
            where=_rows(rejects),
            next_step="declare its scale and direction in [instruments], or leave these rows out with sql",
        )
    readings = two_readings(str(rejects["value"].iloc[0]).split()[0])
    both = " or ".join(f"{day:%d %B %Y}" for day in readings) if readings else "two days"
    return StudyError(
        f"{_some(rows)} of {name} with {RULES[rule]}: the first is {both}",
        where=_rows(rejects),
        next_step="declare date_format, such as '%d/%m/%Y' or '%m/%d/%Y'",
    )


def _rows(rejects: pd.DataFrame) -> str:
    """Name the first rows: row 7, score '11'."""
    parts = []
    for reject in rejects.head(_SHOWN_ROWS).to_dict("records"):
        value = only_if(reject["value"], f" {shown(reject['value'])}") or " is empty"
        parts.append(f"row {reject['row']:,}: {reject['column']}{value}")
    source = str(rejects["source"].iloc[0])
    return f"{source}, " + "; ".join(parts) + only_if(len(rejects) > _SHOWN_ROWS, "; ...")


def _some(rows: int) -> str:
    if rows == 1:
        return "1 row"
    return f"{rows:,} rows"
