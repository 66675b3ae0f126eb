"""The lines of a study file that missing columns and events need, in words."""

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


#: What each metric of this room needs of a study file.
_NEEDED = {
    "escalation_rate": column_line("tickets", "escalated"),
    "handoffs_per_ticket": column_line("tickets", "handoffs"),
    "goal_attainment": event_line("goal_set", "goal_reached"),
    "time_to_goal": event_line("goal_set", "goal_reached"),
    "trial_conversion": event_line("trial_started", "trial_converted"),
    "referral_rate": event_line("referral"),
    "review_rate": event_line("review"),
}


def line_needed(metric: str) -> str:
    """Return the line that a metric needs in the study file; empty for a metric of another room.

    Examples
    --------
    >>> line_needed("escalation_rate")
    'write columns = { escalated = "<your column>" } below [[sources]] table = "tickets" in study.toml'
    """
    return _NEEDED.get(metric, "")
