"""Revenue in a first study file: several subscriptions of a customer are summed or asked about."""

from __future__ import annotations

from collections.abc import Mapping

from cxresearch.data.raw_names import snake
from cxresearch.data.readers.column_sql import is_iso
from cxresearch.data.readers.raw_inputs import quoted
from cxresearch.data.starter.guess_table import Guess
from cxresearch.data.starter.toml_text import toml

#: Usual names, in snake case, most telling first.
_SUBSCRIPTION = (
    "subscription_id",
    "subscription_uuid",
    "subscription",
    "sub_id",
    "contract_id",
    "abo_id",
    "vertragsnummer",
)
_ENDS = (
    *("end_date", "ended_at", "ends_at", "end", "valid_to", "valid_until", "terminated_at"),
    *("expires_at", "expired_at", "expiry_date", "canceled_at", "cancelled_at"),
    *("ende", "vertragsende", "date_de_fin", "fecha_fin"),
)


def level_lines(columns: dict[str, str], guess: Guess) -> tuple[dict[str, str], list[str]]:
    """Say whose level a row is: of a subscription where one is named, else to be declared if there are plans.

    Returns
    -------
    columns : dict of str to str
        Column of the table to raw column, with ``subscription_id`` if there is one.
    lines : list of str
        To stand before the columns.
    """
    subscription = columns.get("subscription_id") or _first(guess.further, _SUBSCRIPTION)
    if subscription:
        kept = {name: raw for name, raw in columns.items() if name in ("customer_id", "effective_at", "mrr")}
        note = "# each row is taken for the level of one subscription; those of a customer are summed"
        return {**kept, "subscription_id": subscription}, [note]
    if "plan" not in columns:
        return columns, []
    return columns, [
        "# TODO if a customer has one plan at a time: level_of; if several, subscription_id in place of plan",
        '# level_of = "customer"',
    ]


def subscription_source(
    guess: Guess, sample: Mapping[str, list[str]], reader: list[str], position: int
) -> str:
    """Return a source with SQL for subscriptions with a start and an end in one row; empty for others.

    Where the dates are not ISO or the amount need not be a month's, it is a comment to go by.

    Parameters
    ----------
    guess : Guess
        What was recognised.
    sample : mapping of str to list of str
        First values of each column.
    reader : list of str
        How the file is read.
    position : int
        Of the file, for the name of its input.
    """
    end = _first(guess.further, _ENDS)
    wanted = [guess.columns.get(column, "") for column in ("customer_id", "effective_at", "mrr")]
    if not end or not sample[end] or not all(wanted):
        return ""
    customer, start, level = wanted
    if any("'''" in column or not column.isprintable() for column in (*wanted, end)):
        return ""
    name = f"subscriptions_{position}"
    dated = all(is_iso(value) for column in (start, end) for value in sample[column])
    lines = [
        f"# A row is a subscription from {toml(start)} to {toml(end)}: the levels in force are summed.",
        f"# TODO check: is {toml(level)} the amount of one month, and {toml(end)} when it ceased?",
        f"[inputs.{name}]",
        *reader,
        "[[sources]]",
        'table = "revenue"',
        "sql = '''",
        "select customer, day, round(sum(sum(change)) over (partition by customer order by day), 6) as level",
        "from (",
        f"  select {quoted(customer)} as customer,",
        f"    {_day(start)} as day, cast({quoted(level)} as double) as change",
        f"  from {name}",
        "  union all",
        f"  select {quoted(customer)}, {_day(end)}, -cast({quoted(level)} as double)",
        f"  from {name} where {_day(end)} is not null",
        ") group by customer, day",
        "'''",
        'columns = { customer_id = "customer", effective_at = "day", mrr = "level" }',
    ]
    if not dated:
        lines.insert(2, "# TODO the dates are not ISO: read them in the SQL with strptime(column, format)")
    if not dated or not is_monthly(level):
        lines = [line if line.startswith("#") else f"# {line}" for line in lines]
    return "\n".join(lines) + "\n"


def is_monthly(column: str) -> bool:
    """Whether a column says by its name that it is the amount of a month."""
    return "mrr" in snake(column) or "month" in snake(column)


def _day(column: str) -> str:
    return f"cast(nullif(cast({quoted(column)} as varchar), '') as timestamp)"


def _first(present: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    by_name = {snake(column): column for column in reversed(present)}
    return next((by_name[name] for name in wanted if name in by_name), "")
