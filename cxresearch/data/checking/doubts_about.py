"""Doubts of `check` about some tables of a study: those that a report read."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from cxresearch.data.checking.check_study import all_doubts
from cxresearch.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study

#: Flags that count what is no doubt: invitations without an answer, levels known ahead.
_NO_DOUBT = {"no_score", "not_asked", "scheduled", "ends_after_cut"}
#: Contradictions between two tables that touch the other one, too.
_ALSO_OF_CUSTOMERS = {"paying after the end", "stopped without an end"}


def doubts_about(study: Study, tables: Collection[str]) -> pd.DataFrame:
    """Return the doubts of `check_study` that touch some tables; the others are not looked at.

    Parameters
    ----------
    study : Study
    tables : collection of str
        Names of tables, such as ``study.tables_read``.

    Returns
    -------
    DataFrame
        ``table, flag, rows, detail``.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.synthetic_study(customers=50)
    >>> doubts_about(study, ["customers"]).empty
    True
    """
    wanted = [name for name in study.tables if name in tables]
    seen = {*wanted}
    if wanted:
        seen.add("customers")  # every table is linked to them
    if "customers" in wanted and _readable(study, "revenue"):
        seen.add("revenue")  # it may contradict the ends of customers
    doubts = all_doubts(study.only(seen))
    touched = doubts["table"].isin(wanted)
    if "customers" in wanted:
        touched |= doubts["flag"].isin(_ALSO_OF_CUSTOMERS)
    return doubts[touched & ~doubts["flag"].isin(_NO_DOUBT)].reset_index(drop=True)


def _readable(study: Study, table: str) -> bool:
    """Whether a table is there and can be read to its end; one that no report uses must not stop it."""
    if table not in study.tables:
        return False
    try:
        study.summary(table)
    except StudyError:
        return False
    return True
