"""Revenue in a first study file: what a row is, which interval an amount is for, when a subscription ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cxresearch.data.starter.guess_table import Guess, first_named, synonyms
from cxresearch.data.starter.lines.starter_columns import column_lines, is_number, is_time, number_lines
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import ENDS, snake
from cxresearch.data.validation.revenue_evidence import EndEvidence, SnapshotEvidence
from cxresearch.wording import only_if, shown

_YEARLY = re.compile(r"(^|_)(arr|acv|annual\w*|yearly\w*|per_year)($|_)")
#: Up to when a subscription is billed, whether it ends then or goes on.
_BILLED_THROUGH = re.compile(r"(^|_)(current|next|trial|renewal|renews|due)(_|$)")
_MONTHLY = re.compile(r"mrr|month")
_CENTS = re.compile(r"(^|_)(cents?|minor_units?|unit_amount|amount_cents)($|_)")
_MOVES = re.compile(r"(^|_)(change|delta|movement)s?($|_)")
_GAINS_OR_LOSSES = re.compile(
    r"new[_ ]|^new$|expansion|contraction|churn|reactivation|upgrade|downgrade", re.IGNORECASE
)
_LOSSES = re.compile(r"churn|contraction|downgrade|cancel|loss|lost|reduction|kündig", re.IGNORECASE)
#: What statuses of billing systems mean for revenue, and those on which definitions differ.
_STATUSES = {
    "active": "active live current non_renewing non-renewing aktiv actif activo in_use",
    "trial": "trial trialing trialling in_trial future",
    "unpaid": "unpaid incomplete incomplete_expired pending draft",
    "cancelled": "cancelled canceled churned expired ended terminated deleted inactive closed stopped",
}
_DIFFER = {
    "past_due": "active",
    "past due": "active",
    "overdue": "active",
    "paused": "unpaid",
    "on_hold": "unpaid",
}


@dataclass(frozen=True, kw_only=True)
class RevenueFacts:
    """What a look at all rows of a revenue file has shown.

    Attributes
    ----------
    snapshots : SnapshotEvidence or None
        Of levels.
    ends : EndEvidence or None
        Of subscriptions from a start to an end.
    """

    snapshots: SnapshotEvidence | None = None
    ends: EndEvidence | None = None


@dataclass(frozen=True, kw_only=True)
class RevenueLines:
    """Lines of a revenue source.

    Attributes
    ----------
    before, columns : list of str
        To stand before, and under ``[sources.columns]``.
    used : tuple of str
        Raw columns that have a place, or are asked about.
    twice : tuple of str
        Condition and factor of a second source, where gains and losses are both written as positive.
    """

    before: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    used: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


def revenue_lines(guess: Guess, sample: Mapping[str, list[str]], facts: RevenueFacts) -> RevenueLines:
    """Return the lines of a revenue source: subscriptions where there is an end, else movements or levels.

    Parameters
    ----------
    guess : Guess
        What was recognised.
    sample : mapping of str to list of str
        First values of each raw column.
    facts : RevenueFacts
        What all rows have shown, as far as they could be read.
    """
    names = list(sample)
    amount = guess.columns.get("mrr", "")
    if _end_column(sample) or first_named(names, ("cancel_at_period_end",)):
        return _periods(guess, sample, facts)
    kind = first_named(names, synonyms()["revenue"]["movement"])
    typed = kind in sample and any(_GAINS_OR_LOSSES.search(value) for value in sample[kind])
    if amount and (typed or _MOVES.search(snake(amount))):
        return _movements(guess, sample)
    return _levels(guess, sample, facts)


def _end_column(sample: Mapping[str, list[str]]) -> str:
    """The column with its end; a yes or no, a mere request and the end of what is billed are none."""
    every = list(sample)
    ends = [name for name in every if not _BILLED_THROUGH.search(snake(name))]
    # A column without any value may still be the end: nobody has left yet.
    names = [name for name in ends if not sample[name] or any(map(is_time, sample[name]))]
    end = first_named(names, synonyms()["revenue"]["ends_at"])
    # Where a cancellation takes effect at the end of a period, its date is that of the request.
    if end and first_named(every, ("cancel_at_period_end",)) and re.match(r"cancell?ed_", snake(end)):
        end = first_named([name for name in names if name != end], synonyms()["revenue"]["ends_at"])
    return end or next((name for name in names if ENDS.search(snake(name))), "")


def _periods(guess: Guess, sample: Mapping[str, list[str]], facts: RevenueFacts) -> RevenueLines:
    names = list(sample)
    end = _end_column(sample)
    mapped = {target: guess.columns.get(target, "") for target in ("customer_id", "effective_at", "mrr")}
    trial = first_named(names, synonyms()["revenue"]["trial_ends_at"])
    subscription = first_named(names, synonyms()["revenue"]["subscription_id"])
    lines = [*_key_lines(mapped, "customer_id", sample), *_key_lines(mapped, "effective_at", sample)]
    if end:
        lines += column_lines("ends_at", end, sample[end], "time")
    else:
        lines += [
            "# TODO required: ends_at, when a subscription ended; asking to cancel is no end",
            '# ends_at = ""',
        ]
    if trial and sample[trial]:
        lines += column_lines("trial_ends_at", trial, sample[trial], "time")
    amount_lines, amount_used = _amount_lines(mapped["mrr"], sample)
    lines += amount_lines
    if subscription:
        lines.append(f"subscription_id = {toml(subscription)}")
    status = guess.columns.get("status", "")
    lines += _status_lines(status, sample)
    before = [
        f"# each row is a subscription from its start to {shown(end or 'ends_at')}; those of a customer are "
        "summed",
        'rows = "subscriptions"',
        *_end_lines(end, facts.ends),
    ]
    used = (*mapped.values(), end, trial, subscription, *amount_used, status)
    return RevenueLines(before=before, columns=lines, used=used)


def _end_lines(end: str, ends: EndEvidence | None) -> list[str]:
    reading, why = ends.reading if ends is not None and ends.ends else ("", "")
    if ends is not None and not ends.ends:
        return ['ends = "exclusive"  # TODO check: there is no end yet']
    if not reading:
        because = only_if(why, f"; {why}")
        asked = shown(end or "ends_at")
        return [
            f'# TODO is {asked} the last paid day, or the first without ("exclusive"){because}?',
            '# ends = "inclusive"',
        ]
    lines = [f'ends = "{reading}"  # TODO check: {why}']
    if ends is not None and ends.gaps:
        lines.append(
            f"# bridge_gaps_days = 3  # TODO after {ends.gaps:,} ends the next starts within four days: "
            "a gap, or did they leave?"
        )
    return lines


def _amount_lines(amount: str, sample: Mapping[str, list[str]]) -> tuple[list[str], tuple[str, ...]]:
    """The amount of one month, with what makes it one; asked about where the file does not say."""
    if not amount:
        return ["# TODO required: mrr, the amount of one month", '# mrr = ""'], ()
    names = list(sample)
    name = snake(amount)
    interval = first_named(names, synonyms()["revenue"]["interval"])
    seats = first_named(names, synonyms()["revenue"]["quantity"])
    options, notes, used = [], [], [amount]
    monthly = _MONTHLY.search(name) is not None
    if not monthly and interval and sample[interval] and _names_intervals(sample[interval]):
        options.append(f"per_column = {toml(interval)}")
        used.append(interval)
    elif _YEARLY.search(name):
        options.append('per = "year"')
        notes.append("read as the amount of a year")
    if _CENTS.search(name):
        options.append("multiply = 0.01")
        notes.append("read as cents")
    elif _may_be_cents(sample[amount]):
        notes.append("whole numbers: if they are cents, multiply = 0.01")
    # MRR is a total by definition; a price may be one of a seat.
    if seats and "mrr" not in name and set(sample[seats]) - {"1", "1.0"}:
        options.append(f"times = {toml(seats)}")
        notes.append(f"taken for one of {shown(seats)}; leave out times if it is for all")
        used.append(seats)
    lines = number_lines("mrr", amount, sample[amount], options)
    if monthly or any(option.startswith("per") for option in options):
        if notes:
            lines[-1] += f"  # TODO check: {'; '.join(notes)}"
        return lines, tuple(used)
    ask = f'# TODO is {shown(amount)} the amount of one month? if of a year: {{ column = ..., per = "year" }}'
    return [ask, *(f"# {line}" for line in lines)], tuple(used)


def _may_be_cents(values: list[str]) -> bool:
    """Whole numbers of three digits or more that end as prices in cents do: 9900, 1999, 2450."""
    prices = [value for value in values if value not in ("0", "0.0")]
    return (
        bool(prices)
        and all(re.fullmatch(r"\d+(00|99|95|90|50)", value) for value in prices)
        and all(len(value) > 3 for value in prices)
    )


def _names_intervals(values: list[str]) -> bool:
    spelled = re.compile(
        r"(every )?(\d+[ _-]*)?(month|year|quarter|week|day|annual|monat|jahr|p\d+[my])\w*", re.IGNORECASE
    )
    return all(spelled.fullmatch(value) for value in values)


def _status_lines(status: str, sample: Mapping[str, list[str]]) -> list[str]:
    """What a status says of revenue; where it is no more than what the end says, it is left aside."""
    if not status or not sample[status]:
        return []
    meanings = {word: kind for kind, words in _STATUSES.items() for word in words.split()} | _DIFFER
    mapped = {value: meanings.get(value.strip().lower(), "") for value in sorted(set(sample[status]))[:12]}
    matters = {"trial", "unpaid"} & set(mapped.values()) or set(_DIFFER) & {v.lower() for v in mapped}
    if not matters:
        return [f"# not used: status {shown(status)}; the end says when revenue stops"]
    said = ", ".join(f"{toml(value)} = {toml(kind or '...')}" for value, kind in mapped.items())
    line = f"status = {{ column = {toml(status)}, values = {{ {said} }} }}"
    unclear = [value for value in mapped if value.strip().lower() in _DIFFER]
    if "" in mapped.values():
        return ["# TODO which are active, trial, unpaid or cancelled?", f"# {line}"]
    if unclear:
        return [f"{line}  # TODO check: definitions differ on {', '.join(map(shown, unclear))}"]
    return [line]


def _movements(guess: Guess, sample: Mapping[str, list[str]]) -> RevenueLines:
    """Amounts by which revenue changes; losses that are written as positive get a source of their own."""
    amount = guess.columns["mrr"]
    kind = first_named(list(sample), synonyms()["revenue"]["movement"])
    lines = [
        *_key_lines(guess.columns, "customer_id", sample),
        *_key_lines(guess.columns, "effective_at", sample),
    ]
    before = [
        "# each row changes the level of a customer by an amount: they are added up",
        'rows = "movements"',
    ]
    # Losses written as positive would be added to what they reduce.
    negative = any(value.startswith("-") for value in sample[amount])
    losses = [value for value in dict.fromkeys(sample.get(kind, ())) if _LOSSES.search(value)]
    if negative or not losses:
        if not negative:
            before.append("# TODO check: no change is negative, so nobody ever loses or leaves")
        lines += number_lines("mrr", amount, sample[amount])
        return RevenueLines(before=before, columns=lines, used=(*guess.columns.values(),))
    names = ", ".join(map(toml, losses))
    before.append(
        f"where = {{ {key(kind)} = {{ not = [{names}] }} }}  # TODO check: gains, written as positive"
    )
    lines += number_lines("mrr", amount, sample[amount])
    second = (
        f"where = {{ {key(kind)} = [{names}] }}  # TODO check: losses, written as positive",
        "multiply = -1",
    )
    return RevenueLines(before=before, columns=lines, used=(*guess.columns.values(), kind), twice=second)


def _levels(guess: Guess, sample: Mapping[str, list[str]], facts: RevenueFacts) -> RevenueLines:
    columns = guess.columns
    names = list(sample)
    before: list[str] = []
    snapshots = facts.snapshots
    spoken = any("snapshot" in snake(name) for name in names)
    if snapshots is not None and (snapshots.likely or (spoken and snapshots.dates > 1)):
        before.append(
            f'rows = "snapshots"  # TODO check: all customers stand at each of {snapshots.dates:,} dates; '
            f'{snapshots.absent:,} are missing from the last: level 0. Else rows = "levels"'
        )
    subscription = first_named(names, synonyms()["revenue"]["subscription_id"])
    lines = [*_key_lines(columns, "customer_id", sample), *_key_lines(columns, "effective_at", sample)]
    amount_lines, amount_used = _amount_lines(columns.get("mrr", ""), sample)
    lines += amount_lines
    used = [*columns.values(), *amount_used]
    # Snapshots say by absence who left, levels by a 0: one source cannot be both.
    if subscription and not before:
        before.append("# each row is taken for the level of one subscription; those of a customer are summed")
        lines.append(f"subscription_id = {toml(subscription)}")
        return RevenueLines(before=before, columns=lines, used=(*used, subscription))
    if "plan" in columns:
        before += [
            "# TODO if a customer has one plan at a time: level_of; if several, subscription_id, not plan",
            '# level_of = "customer"',
        ]
    for target in ("currency", "plan", "due_at", "discount", "discount_kind"):
        if target in columns:
            kind = LAYOUTS["revenue"].kind(target)
            lines += column_lines(target, columns[target], sample[columns[target]], kind)
    if "status" in columns:
        lines += _level_status_lines(columns["status"], sample)
    return RevenueLines(before=before, columns=lines, used=tuple(used))


def _level_status_lines(status: str, sample: Mapping[str, list[str]]) -> list[str]:
    """Statuses of levels: the words that count, others asked about."""
    known = {"active", "trial", "paused", "past_due", "unpaid", "cancelled"}
    meanings = {word: kind for kind, words in _STATUSES.items() for word in words.split()}
    values = sorted(set(sample[status]))[:12]
    mapped = {value: value if value in known else meanings.get(value.strip().lower(), "") for value in values}
    if all(value == kind for value, kind in mapped.items()):
        return [f"status = {toml(status)}"]
    said = ", ".join(f"{toml(value)} = {toml(kind or '...')}" for value, kind in mapped.items())
    line = f"status = {{ column = {toml(status)}, values = {{ {said} }} }}"
    if "" in mapped.values():
        return ["# TODO which are active, trial, paused, past_due, unpaid or cancelled?", f"# {line}"]
    return [f"{line}  # TODO check"]


def _key_lines(columns: Mapping[str, str], target: str, sample: Mapping[str, list[str]]) -> list[str]:
    column = columns.get(target, "")
    if not column:
        return [f"# TODO required: {target}", f'# {target} = ""']
    return column_lines(target, column, sample[column], LAYOUTS["revenue"].kind(target))


def looks_like_amount(values: list[str]) -> bool:
    """Whether values may be amounts of money."""
    return bool(values) and all(is_number(value) for value in values)
