"""Alert rules of a study file: ``nps < 20``, ``churn up significantly``, ``NPS stepped``."""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.errors import StudyError
from cxresearch.reporting.notebook.catalogue import figure_key
from cxresearch.reporting.writing.blocks import list_block
from cxresearch.reporting.writing.changes import Change, compare_headlines
from cxresearch.reporting.writing.rules import Rule
from cxresearch.reporting.writing.steps import judge_steps
from cxresearch.results.table_text import as_float
from cxresearch.results.units import Unit, format_estimate

if TYPE_CHECKING:
    from markupsafe import Markup

_THRESHOLD = re.compile(
    r"(?P<name>[^<>]+?)\s*(?P<sign><=|>=|<|>)\s*(?P<number>[+-]?\d+(\.\d+)?)\s*(?P<percent>%?)"
    r"(?P<sure>\s+significantly)?"
)
_MOVEMENT = re.compile(r"(?P<name>[^<>]+?)\s+(?P<way>up|down|changed)(?P<sure>\s+significantly)?")
_STEP = re.compile(r"(?P<name>[^<>]+?)\s+(?P<way>stepped(\s+(up|down))?)")
_SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_STATUS = {True: "fired", False: "quiet"}
_WANTED = (
    "'nps < 20', 'churn > 5 %', 'nps < 20 significantly', 'nps down', 'churn up significantly', 'nps stepped'"
)


def parse_rule(text: str, *, required: bool = True) -> Rule:
    """Read one rule.

    Raises
    ------
    StudyError
        If it has none of the known forms.

    Examples
    --------
    >>> rule = parse_rule("Churn > 5 % significantly")
    >>> rule.name, rule.sign, rule.number, rule.sure
    ('churn', '>', 0.05, True)
    """
    plain = str(text).strip()
    found = _THRESHOLD.fullmatch(plain) or _STEP.fullmatch(plain) or _MOVEMENT.fullmatch(plain)
    if not found:
        raise StudyError(f"alert rule {text!r} cannot be read", where="[alerts]", wanted=f"such as {_WANTED}")
    parts = found.groupdict()
    number = float(parts.get("number") or 0.0)
    if parts.get("percent"):
        number = number / 100
    return Rule(
        text=plain,
        name=figure_key(parts["name"]),
        sign=parts.get("sign") or " ".join(parts["way"].split()),
        number=number,
        sure=bool(parts.get("sure")),
        required=required,
    )


def read_rules(study_file: Path, report: str) -> tuple[Rule, ...]:
    """Return the rules of a study file for one report.

    ``alerts = ["nps < 20"]`` holds for every report that has the figure. As a table, ``[alerts]``, each key
    is the name of a report, or ``all``.
    """
    try:
        declared = tomllib.loads(study_file.read_text(encoding="utf-8-sig")).get("alerts", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{study_file.name} is not TOML: {error}", where=str(study_file)) from None
    table = declared
    if not isinstance(declared, dict):
        table = {"all": declared}
    rules: list[Rule] = []
    for key in ("all", report):
        texts = table.get(key, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise StudyError(
                f"alerts for {key!r} are {texts!r}", where=str(study_file), wanted="a list of texts"
            )
        rules += [parse_rule(text, required=key == report) for text in texts]
    return tuple(rules)


def evaluate(
    rules: Sequence[Rule],
    headline: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    *,
    watched: Mapping[str, Any] | None = None,
    alerted: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, str]]:
    """Return what each rule says about the headline figures.

    Parameters
    ----------
    rules : sequence of Rule
        The rules in force.
    headline, before : sequence of mapping
        Headline figures of this run, and of the last run on other data.
    watched : mapping, optional
        Which metrics were searched for changes of level, and the changes that stand.
    alerted : sequence of mapping
        The changes that earlier runs fired for.

    Returns
    -------
    list of dict
        ``rule``, ``status`` (``fired``, ``quiet``, or ``unknown`` where the rule cannot be judged) and
        ``sentence``.
    """
    figures: dict[str, list[Mapping[str, Any]]] = {}
    for item in headline:
        figures.setdefault(figure_key(item["name"]), []).append(item)
    moved = {change.name: change for change in compare_headlines(headline, before)}
    judged = []
    for rule in rules:
        if rule.sign.startswith("stepped"):
            verdict = judge_steps(rule, watched, alerted)
        elif rule.required or rule.name in figures:
            verdict = _judge_named(rule, figures.get(rule.name, []), moved, bool(before))
        else:
            verdict = None
        if verdict is not None:
            judged.append({"rule": rule.text, **verdict})
    return judged


def _judge_named(
    rule: Rule, figures: Sequence[Mapping[str, Any]], moved: Mapping[str, Change], has_before: bool
) -> dict[str, str]:
    """Judge the figure that a rule names; of figures that differ in signs alone, the one it names exactly."""
    if len(figures) > 1:
        exact = [item for item in figures if rule.text.casefold().startswith(f"{item['name'].casefold()} ")]
        # The longest: "NPS (new)" begins with "NPS", too.
        figures = sorted(exact, key=lambda item: -len(item["name"]))[:1]
        if not figures:
            sentence = f"{rule.text}: several figures are called so; write the name as printed."
            return {"status": "unknown", "sentence": sentence}
    if not figures:
        return _judge(rule, None, None, has_before)
    return _judge(rule, figures[0], moved.get(figures[0]["name"]), has_before)


def _judge(
    rule: Rule, figure: Mapping[str, Any] | None, change: Change | None, has_before: bool
) -> dict[str, str]:
    if figure is None:
        return {"status": "unknown", "sentence": f"{rule.text}: this report has no figure {rule.name!r}."}
    if figure["value"] is None:
        return {"status": "unknown", "sentence": f"{rule.text}: {figure['name']} could not be computed."}
    if rule.sign in _SIGNS:
        return _judge_threshold(rule, figure)
    if change is None:
        reason = "there is no earlier run"
        if has_before:
            reason = "the figure is not comparable with the last run"
        return {"status": "quiet", "sentence": f"{rule.text}: {reason}."}
    return _judge_movement(rule, change)


def _judge_threshold(rule: Rule, figure: Mapping[str, Any]) -> dict[str, str]:
    unit = Unit(figure["unit"])
    if unit is Unit.SHARE and not 0 <= rule.number <= 1:
        sentence = f"{rule.text}: {figure['name']} is a share; write {rule.number:g} %."
        return {"status": "unknown", "sentence": sentence}
    value, low, high = (as_float(figure[part]) for part in ("value", "low", "high"))
    beyond = _SIGNS[rule.sign]
    # The whole interval lies beyond a threshold where its nearer end does; NaN never does.
    nearer_end = {"<": high, ">": low}[rule.sign[0]]
    # Without "significantly" the value alone decides, and the sentence says how sure it is.
    surely = beyond(nearer_end, rule.number)
    fired = beyond(value, rule.number) and (surely or not rule.sure)
    reading = {True: "the whole interval lies beyond", False: "the interval does not lie wholly beyond"}
    figure_text = format_estimate(value, low, high, unit)
    sentence = f"{figure['name']} is {figure_text}; rule {rule.text}: {reading[surely]}."
    return {"status": _STATUS[fired], "sentence": sentence}


def _judge_movement(rule: Rule, change: Change) -> dict[str, str]:
    ways = {"up": change.difference > 0, "down": change.difference < 0, "changed": change.difference != 0}
    fired = ways[rule.sign] and (change.significant or not rule.sure)
    return {"status": _STATUS[fired], "sentence": f"{change.sentence} Rule {rule.text}."}


def alerts_block(judged: Sequence[Mapping[str, str]]) -> Markup | str:
    """Return the box of the alerts that fired or could not be judged; nothing if all is quiet."""
    loud = [item["sentence"] for item in judged if item["status"] != "quiet"]
    if not loud:
        return ""
    return list_block("Alerts", loud, kind="alerts")
