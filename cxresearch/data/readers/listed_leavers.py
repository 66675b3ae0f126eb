"""Ends of customers that stand in a list of their own: who left, when, and why."""

from __future__ import annotations

from collections.abc import Iterable

from cxresearch.data.readers.connection import quoted

#: The view of customers with the ends a list of leavers knows.
LEAVERS_VIEW = "typed_customers_with_leavers"
#: What a list of leavers may say of a customer.
_SAID = {"ended_at": "TIMESTAMP", "end_kind": "VARCHAR", "notice_at": "TIMESTAMP"}

# A leaver counts if the row can be read, names a customer of the list and is the only one that does. The
# others come back as rows without a start, each with the rule it breaks: nothing is lost.
_QUERY = """
WITH customers AS (SELECT * EXCLUDE (_rows) FROM {view} WHERE _rows = 'customers'),
leavers AS (
  SELECT * EXCLUDE (_rows),
         count(*) OVER (PARTITION BY customer_id) AS copies,
         customer_id IN (SELECT customer_id FROM customers) AS known
  FROM {view} WHERE _rows = 'leavers'),
placed AS (
  SELECT * FROM leavers WHERE _fault IS NULL AND copies = 1 AND known AND ended_at IS NOT NULL)
SELECT c.* REPLACE ({said}) FROM customers c LEFT JOIN placed l ON c.customer_id = l.customer_id
UNION ALL BY NAME
SELECT * EXCLUDE (copies, known) REPLACE (
  CASE WHEN _fault IS NOT NULL THEN _fault
       WHEN customer_id IS NULL THEN 'missing_value:customer_id'
       WHEN ended_at IS NULL THEN 'missing_value:ended_at'
       WHEN NOT known THEN 'unknown_customer:customer_id'
       ELSE 'two_ends:ended_at' END AS _fault,
  CASE WHEN _fault IS NOT NULL THEN _fault_value ELSE customer_id END AS _fault_value,
  CAST(NULL AS VARCHAR) AS customer_id)
FROM leavers WHERE NOT (_fault IS NULL AND copies = 1 AND coalesce(known, false) AND ended_at IS NOT NULL)
"""


def customers_with_leavers(view: str, columns: Iterable[str]) -> str:
    """Return the SELECT of customers whose ends are completed by a list of leavers.

    Parameters
    ----------
    view : str
        Typed rows of both, with ``_rows``: ``customers`` or ``leavers``.
    columns : iterable of str
        Its columns.

    Notes
    -----
    What the customers table says itself comes first; a leaver's row fills in what is missing.
    """
    said = [name for name in _SAID if name in columns]
    filled = ", ".join(f"coalesce(c.{name}, l.{name}) AS {name}" for name in said)
    return _QUERY.format(view=quoted(view), said=filled)
