"""Levels of revenue by subscription: a customer's level is the sum of those in force, never the last one."""

from __future__ import annotations

from collections.abc import Iterable

from cxresearch.data.readers.raw_inputs import quoted
from cxresearch.errors import StudyError
from cxresearch.wording import shown

#: Columns that make sense where levels are those of subscriptions.
SUMMED_COLUMNS = ("customer_id", "effective_at", "mrr", "subscription_id")
#: Hidden column: how many rows of subscriptions a level sums.
SUMMED = "_summed"
#: The view of summed levels.
SUMMED_VIEW = "typed_revenue_summed"

# A row counts if it can be placed: of one customer and one subscription, dated, with a level, and the only
# one of its subscription at its moment. Others stay as they are, for the rules to judge: nothing is lost.
_ROWS = """
SELECT * REPLACE (CASE WHEN _fault IS NULL AND subscription_id IS NULL THEN 'missing_value:subscription_id'
                       ELSE _fault END AS _fault)
FROM {view}
"""
_JUDGED = """
SELECT *, coalesce(_fault IS NULL AND customer_id IS NOT NULL AND effective_at IS NOT NULL AND mrr >= 0
                   AND effective_at >= TIMESTAMP '1901-01-01'
                   AND count(*) OVER (PARTITION BY customer_id, subscription_id, effective_at) = 1,
                   false) AS counts
FROM subscription_rows
"""
_CHANGES = """
SELECT *, mrr - coalesce(lag(mrr) OVER (PARTITION BY customer_id, subscription_id ORDER BY effective_at), 0)
          AS change
FROM judged WHERE counts
"""
_MOMENTS = """
SELECT customer_id, effective_at, sum(change) AS change, min(_source) AS _source,
       arg_min(_row, (_source, _row)) AS _row, count(*) AS {summed}
FROM changes GROUP BY customer_id, effective_at
"""
_LEVELS = """
SELECT _row, _source, CAST(NULL AS VARCHAR) AS _key, CAST(NULL AS VARCHAR) AS _fault,
       CAST(NULL AS VARCHAR) AS _fault_value, customer_id, effective_at,
       round(sum(change) OVER (PARTITION BY customer_id ORDER BY effective_at), 6) + 0.0 AS mrr, {summed}
FROM moments
"""

_OTHERS = "SELECT * EXCLUDE (subscription_id, counts), 1 AS {summed} FROM judged WHERE NOT counts"


def summed_levels(view: str) -> str:
    """Return the SELECT of customers' levels from the typed rows of their subscriptions.

    A subscription holds its level until its next row. Sums are rounded to a millionth, so that what ends
    leaves nothing behind. Rows that cannot be placed come back unchanged.

    Parameters
    ----------
    view : str
        Name of the view with the typed rows, ``subscription_id`` among them.
    """
    steps = {
        "subscription_rows": _ROWS.format(view=quoted(view)),
        "judged": _JUDGED,
        "changes": _CHANGES,
        "moments": _MOMENTS.format(summed=SUMMED),
    }
    named = ", ".join(f"{name} AS ({query})" for name, query in steps.items())
    return f"WITH {named} {_LEVELS.format(summed=SUMMED)} UNION ALL BY NAME {_OTHERS.format(summed=SUMMED)}"


def check_summed(columns: Iterable[str], where: str) -> None:
    """Refuse further columns of subscriptions: a sum has no plan and no status.

    Raises
    ------
    StudyError
        Naming the first.
    """
    for name in columns:
        if name not in SUMMED_COLUMNS:
            raise StudyError(
                f"column {shown(name)} cannot be kept where levels of several subscriptions are summed",
                where=where,
                next_step="leave it out, or sum the levels yourself (with sql in a study file)",
            )
