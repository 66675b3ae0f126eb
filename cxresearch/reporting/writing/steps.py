"""Changes of level that stand: a rule fires once for each, and again for a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cxresearch.reporting.notebook.catalogue import figure_key
from cxresearch.reporting.writing.rules import Rule

#: A change counts as seen before if its set of days comes so near to that of the earlier one.
_NEAR = timedelta(days=14)
_ALL = "all"
#: Nightly runs look again and again; with this p-value a family errs about once in 11 years.
SUREST_P = 0.01


def judge_steps(
    rule: Rule, watched: Mapping[str, Any] | None, alerted: Sequence[Mapping[str, Any]]
) -> dict[str, str] | None:
    """Return what a rule says about changes that stand; None where it is not for this report.

    Parameters
    ----------
    rule : Rule
        ``NPS stepped``.
    watched : mapping or None
        ``names`` of what was searched, ``changes`` that stand.
    alerted : sequence of mapping
        Changes that were fired for before.
    """
    names = {figure_key(str(name)) for pair in (watched or {}).get("names", ()) for name in pair}
    if rule.name not in names:
        if not rule.required:
            return None
        sentence = f"{rule.text}: this report searched no {rule.name!r} for changes of level."
        return {"status": "unknown", "sentence": sentence}
    fresh = [change for change in changes_of(rule, watched) if not seen_before(change, alerted)]
    if not fresh:
        return {"status": "quiet", "sentence": f"{rule.text}: no change of level that was not told before."}
    sentences = " ".join(str(change["sentence"]) for change in fresh)
    return {"status": "fired", "sentence": f"{sentences} Rule {rule.text}."}


def changes_of(rule: Rule, watched: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the changes that a rule is about and that are sure enough."""
    return [
        change
        for change in (watched or {}).get("changes", ())
        if rule.name in (figure_key(str(change["metric"])), figure_key(str(change["label"])))
        and change["p_adjusted"] <= SUREST_P
        and _way(rule, change)
    ]


def _way(rule: Rule, change: Mapping[str, Any]) -> bool:
    if rule.sign == "stepped up":
        return bool(change["change"] > 0)
    if rule.sign == "stepped down":
        return bool(change["change"] < 0)
    return True


def seen_before(change: Mapping[str, Any], alerted: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a change was told before: the same series and way, and sets of days that meet.

    From night to night the date moves a little while answers come in; its set of days does not move away.
    """
    low, high = _days(change)
    for earlier in alerted:
        groups = {earlier["group"], change["group"]}
        # A group's change and that of all customers in the same days are one.
        same = earlier["metric"] == change["metric"] and (len(groups) == 1 or _ALL in groups)
        if not same or (earlier["change"] > 0) != (change["change"] > 0):
            continue
        first, last = _days(earlier)
        if low <= last + _NEAR and first <= high + _NEAR:
            return True
    return False


def _days(change: Mapping[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(change["since_low"]), date.fromisoformat(change["since_high"])


def told(
    rules: Sequence[Rule], watched: Mapping[str, Any] | None, alerted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the changes told so far, with those of this run: what the next run must not tell again."""
    changes = [dict(change) for change in alerted]
    for rule in rules:
        if rule.sign.startswith("stepped"):
            for change in changes_of(rule, watched):
                if not seen_before(change, changes):
                    changes.append({name: value for name, value in change.items() if name != "sentence"})
    return changes
