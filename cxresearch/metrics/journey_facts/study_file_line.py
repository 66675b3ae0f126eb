"""The line of a study file that a missing column needs, in words."""

from __future__ import annotations


def column_line(table: str, *columns: str) -> str:
    """Return the next step where a table lacks columns: the line to write, and where.

    Examples
    --------
    >>> column_line("tickets", "handoffs")
    'write columns = { handoffs = "<your column>" } below [[sources]] table = "tickets" in study.toml'
    """
    pairs = ", ".join(f'{column} = "<your column>"' for column in columns)
    return f'write columns = {{ {pairs} }} below [[sources]] table = "{table}" in study.toml'


def event_line(*kinds: str) -> str:
    """Return the next step where a study has no events of some kinds.

    Examples
    --------
    >>> event_line("goal_set")
    'map a customer_id, a date and kind = "goal_set" below [[sources]] table = "events" in study.toml'
    """
    named = " or ".join(f'"{kind}"' for kind in kinds)
    return f'map a customer_id, a date and kind = {named} below [[sources]] table = "events" in study.toml'
