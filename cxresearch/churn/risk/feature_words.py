"""What a reader sees in place of the name of a feature's column."""

from __future__ import annotations

import re

#: Names that say less, or more, than their words; ``{0}`` is the number of days.
_NAMES: tuple[tuple[str, str], ...] = (
    (r"tenure_days", "time as a customer"),
    (r"mrr", "revenue a month (MRR)"),
    (r"mrr_change_(\d+)d_share", "change of revenue a month in the last {0} days"),
    (r"days_to_renewal", "days to the renewal"),
    (r"unresolved_tickets", "unresolved tickets"),
    (r"unresolved_tickets_(\d+)d", "unresolved tickets of the last {0} days"),
    (r"tickets_(\d+)d", "tickets in the last {0} days"),
    (r"reopened_(\d+)d", "reopened tickets in the last {0} days"),
    (r"resolution_days_(\d+)d_mean", "mean days to resolve, last {0} days"),
    (r"replies_(\d+)d_mean", "mean replies a ticket, last {0} days"),
    (r"first_reply_minutes_(\d+)d_mean", "mean minutes to the first reply, last {0} days"),
    (r"usage_(\d+)d", "usage in the last {0} days"),
    (r"usage_change_(\d+)d_share", "change of usage on the {0} days before"),
    (r"usage_slope_(\d+)d", "trend of usage over the last {0} days"),
    (r"days_since_(\w+)", "days since the last {0}"),
    (r"answers_(\d+)d", "survey answers in the last {0} days"),
    (r"invitations_(\d+)d", "survey invitations in the last {0} days"),
    (r"response_rate_(\d+)d", "surveys answered in the last {0} days"),
    (r"orders_(\d+)d", "orders in the last {0} days"),
    (r"order_amount_(\d+)d", "amount ordered in the last {0} days"),
)


def feature_words(column: str) -> str:
    """Put the name of a column into words.

    Parameters
    ----------
    column : str
        A feature of ``cx.landmark``, or any other column.

    Returns
    -------
    str
        For a column of one's own its name without underscores; ``_30d`` becomes "in the last 30 days".

    Examples
    --------
    >>> feature_words("usage_30d"), feature_words("days_since_answer")
    ('usage in the last 30 days', 'days since the last answer')
    >>> feature_words("logins_7d_mean")
    'logins mean, last 7 days'
    """
    for pattern, words in _NAMES:
        match = re.fullmatch(pattern, column)
        if match:
            return words.format(*match.groups())
    end = re.fullmatch(r"(\w+?)_(\d+)d", column)
    if end:
        return f"{_spaced(end[1])} in the last {end[2]} days"
    middle = re.fullmatch(r"(\w+?)_(\d+)d_(\w+)", column)
    if middle:
        return f"{_spaced(middle[1])} {_spaced(middle[3])}, last {middle[2]} days"
    return _spaced(column)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
