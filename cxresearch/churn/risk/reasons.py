"""Why a customer is on the list, in words: what raises the model's risk against a typical customer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import logit

from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.risk.churn_risk import risk_of
from cxresearch.churn.risk.feature_words import feature_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Least rise of the log odds that is called a reason.
_LEAST_RISE = 0.05
#: What is said of a customer whose risk nothing raises, and who pays nothing that is known.
NO_REASON = "nothing stands out"


def reason_texts(
    model: ChurnModel, table: pd.DataFrame, *, most: int = 3, mrr: NDArray[np.float64] | None = None
) -> list[str]:
    """Say for each row which columns raise its risk most.

    Of several columns on one topic (a score, answering surveys, usage, tickets) the strongest speaks.
    Each column in turn is set to its typical value (median of a number, commonest category; a missing score
    counts as one's own value), and the fall of the log odds is that column's share. Shares do not add up, and
    columns that go together share what they tell.

    Parameters
    ----------
    model : ChurnModel
    table : DataFrame, shape (n, columns)
        Rows in the model's own columns and types.
    most : int
        Reasons for each row.
    mrr : ndarray, shape (n,), optional
        What each pays a month: what is said where nothing raises the risk.

    Returns
    -------
    list of str, length n
        ``"two unresolved tickets; usage down 40 % on the 30 days before"``; where no column
        raises the risk ``"risk as usual; pays 450 a month"``, or ``"nothing stands out"`` without revenue.
    """
    # Each column against a typical customer, one at a time.
    typical = typical_values(model)
    rises = column_rises(model, table, typical)
    texts = []
    for at in range(len(table)):
        row = rises[at]
        # The strongest first; what hardly moves the risk is no reason.
        names = [model.columns[index] for index in np.argsort(-row) if row[index] > _LEAST_RISE]
        said: list[str] = []
        spoken: set[str] = set()
        for name in names:
            topics = _topics(model, name, table[name].iloc[at])
            if not topics & spoken and len(said) < most:
                said.append(phrase(model, name, table[name].iloc[at], typical[name]))
                spoken |= topics
        texts.append("; ".join(said) or _without_reason(mrr, at))
    return texts


def _without_reason(mrr: NDArray[np.float64] | None, at: int) -> str:
    if mrr is None or np.isnan(mrr[at]):
        return NO_REASON
    return f"risk as usual; pays {_short(mrr[at])} a month"


def typical_values(model: ChurnModel) -> dict[str, float | str]:
    """Return the median of each number and the commonest category of each segment, as trained on."""
    # A number stands at its median, a category at the commonest.
    medians = dict(zip(model.ranges["feature"], model.ranges["median"], strict=True))
    return {name: float(medians[name]) for name in model.numbers} | {
        name: model.levels[name][0] for name in model.categories
    }


def column_rises(
    model: ChurnModel, table: pd.DataFrame, typical: dict[str, float | str]
) -> NDArray[np.float64]:
    """Rise of the log odds by each column's value against the typical value, shape (n, columns)."""
    # Rise of the log odds by column j: logit p(x) - logit p(x with column j at its typical value).
    base = logit(np.clip(risk_of(model, table), 1e-12, 1 - 1e-12))
    rises = np.empty((len(table), len(model.columns)))
    for at, name in enumerate(model.columns):
        other = logit(np.clip(risk_of(model, table.assign(**{name: typical[name]})), 1e-12, 1 - 1e-12))
        rises[:, at] = base - other
    return rises


def _topics(model: ChurnModel, name: str, value: float | str) -> set[str]:
    """What a column speaks of; an answer that is missing speaks of its question and of answering at all."""
    for instrument in model.instruments:
        if name == instrument or name.startswith(f"{instrument}_"):
            if isinstance(value, float) and np.isnan(value):
                return {instrument, "answering"}
            return {instrument}
    topic = re.search(r"answer|response|invitation|usage|ticket|reopened|repl(y|ies)|resolution|order", name)
    topics = {"response": "answering", "invitation": "answering", "answer": "answering"}
    tickets = dict.fromkeys(("reopened", "reply", "replies", "resolution"), "ticket")
    if topic is None:
        return {name}
    return {(topics | tickets).get(topic.group(0), topic.group(0))}


def phrase(model: ChurnModel, name: str, value: float | str, typical: float | str) -> str:
    """Put one column's value into words."""
    if isinstance(value, str):
        return f"{name.replace('_', ' ')} {value or 'not known'}"
    for instrument, scale in model.instruments.items():
        if name == instrument or name.startswith(f"{instrument}_"):
            return _score_phrase(name.removeprefix(instrument), value, scale.label, scale.high)
    if np.isnan(value):
        return _UNKNOWN.get(name, f"{feature_words(name)}: not known")
    for pattern, write in _PHRASES:
        match = re.fullmatch(pattern, name)
        if match:
            days = "".join(match.groups())
            return write(value, days)
    return f"{_plain(name)} {_short(value)} (typical {_short(float(typical))})"


def _score_phrase(part: str, value: float, label: str, top: int) -> str:
    if np.isnan(value):
        missing = {"": f"no recent {label} answer", "_age_days": f"no recent {label} answer"}
        return missing.get(part, f"no earlier {label} answer")
    texts = {
        "": f"{label} {value:g} of {top}",
        "_age_days": f"last {label} answer {value:.0f} days ago",
        "_previous": f"{label} before that {value:g} of {top}",
        "_change": f"{label} {_up_or_down(value)} {abs(value):g} since the answer before",
    }
    if part == "_change" and value == 0:
        return f"{label} the same as before"
    return texts.get(part, f"{label}{_plain(part)} {_short(value)}")


def _count(value: float) -> str:
    count = round(value)
    if 0 <= count < len(_WORDS):
        return _WORDS[count]
    return f"{count:,}"


def _several(value: float, thing: str) -> str:
    if round(value) == 1:
        return f"{_count(value)} {thing}"
    return f"{_count(value)} {thing}s"


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _up_or_down(value: float) -> str:
    return "up" if value > 0 else "down"


def _plain(name: str) -> str:
    return re.sub(r"\b(\d+)d\b", r"in \1 days", name.replace("_", " "))


def _change(what: str, value: float) -> str:
    if abs(value) < 0.005:
        return f"{what} unchanged"
    return f"{what} {_up_or_down(value)} {abs(value):.0%}".replace("%", " %")


def _hours(minutes: float) -> str:
    if minutes >= 90:
        return f"{minutes / 60:.1f} hours"
    return f"{minutes:.0f} minutes"


_UNKNOWN = {
    "days_since_answer": "has never answered a survey",
    "days_since_usage": "no usage on record",
    "days_since_order": "has never ordered",
    "days_to_renewal": "no renewal date ahead",
}
_PHRASES: tuple[tuple[str, Callable[[float, str], str]], ...] = (
    (r"unresolved_tickets", lambda v, _: _several(v, "unresolved ticket")),
    (r"unresolved_tickets_(\d+)d", lambda v, d: f"{_several(v, 'unresolved ticket')} in {d} days"),
    (r"tickets_(\d+)d", lambda v, d: f"{_several(v, 'ticket')} in {d} days"),
    (r"reopened_(\d+)d", lambda v, d: f"{_several(v, 'reopened ticket')} in {d} days"),
    (r"resolution_days_(\d+)d_mean", lambda v, d: f"tickets took {v:.1f} days to resolve (last {d} days)"),
    (r"replies_(\d+)d_mean", lambda v, d: f"{v:.1f} replies a ticket (last {d} days)"),
    (r"first_reply_minutes_(\d+)d_mean", lambda v, d: f"first replies after {_hours(v)} (last {d} days)"),
    (r"usage_(\d+)d", lambda v, d: f"usage of {_short(v)} in the last {d} days"),
    (r"usage_change_(\d+)d_share", lambda v, d: f"{_change('usage', v)} on the {d} days before"),
    (r"usage_slope_(\d+)d", lambda v, d: f"usage {'falling' if v < 0 else 'rising'} over {d} days"),
    (r"days_since_usage", lambda v, _: f"last used {_several(v, 'day')} ago"),
    (r"days_since_answer", lambda v, _: f"last answered a survey {_several(v, 'day')} ago"),
    (r"days_since_order", lambda v, _: f"last ordered {_several(v, 'day')} ago"),
    (r"response_rate_(\d+)d", lambda v, d: f"answered {v:.0%} of surveys in {d} days".replace("%", " %")),
    (r"answers_(\d+)d", lambda v, d: f"{_several(v, 'survey answer')} in {d} days"),
    (r"invitations_(\d+)d", lambda v, d: f"{_several(v, 'survey invitation')} in {d} days"),
    (r"orders_(\d+)d", lambda v, d: f"{_several(v, 'order')} in {d} days"),
    (r"order_amount_(\d+)d", lambda v, d: f"ordered for {_short(v)} in {d} days"),
    (r"mrr", lambda v, _: f"pays {_short(v)} a month"),
    (r"mrr_change_(\d+)d_share", lambda v, d: f"{_change('MRR', v)} in {d} days"),
    (r"days_to_renewal", lambda v, _: f"renewal in {_several(v, 'day')}"),
    (r"tenure_days", lambda v, _: f"a customer for {_several(v, 'day')}"),
)
