"""The parts of a saved churn model, checked before a model is made of them: a file may come from anywhere."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import pandas as pd

from cxresearch.churn.classifier.churn_model import ChurnModel, Split, Training
from cxresearch.errors import CxError, DataError
from cxresearch.scales import Scale
from cxresearch.wording import listed

FITTED = ("classifier", "members", "baselines")
FRAMES = ("ranges", "alarms", "table")
_NEXT = "give a file written by cx.classifier.save_churn_model, or fit the model again"
_RANGES = {"feature", "low", "q01", "median", "q99", "high", "missing"}


def facts_of(text: Any, where: str) -> dict[str, Any]:
    """Return the facts of a saved model, all but its fitted objects.

    Raises
    ------
    DataError
        If they are not what `save_churn_model` writes.
    """
    try:
        facts = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"the facts of the model cannot be read: {error}", where=where, next_step=_NEXT
        ) from None
    if not isinstance(facts, dict):
        raise DataError("the facts of the model are no table of names", where=where, next_step=_NEXT)
    return facts


def rebuilt(facts: Mapping[str, Any], fitted: Any, where: str) -> ChurnModel:
    """Return the model that these parts make up, once it has predicted a risk for its own median customer.

    Raises
    ------
    DataError
        If a part is missing, strange, of another kind than it should be, or the whole predicts nothing.
    """
    wanted = {item.name for item in fields(ChurnModel)} - set(FITTED)
    for problem, names in (("lacks", wanted - set(facts)), ("has the unknown", set(facts) - wanted)):
        if names:
            raise DataError(f"the model {problem} {listed(sorted(names))}", where=where, next_step=_NEXT)
    if not isinstance(fitted, dict) or set(fitted) != set(FITTED):
        raise DataError("the model lacks its fitted objects", where=where, next_step=_NEXT)
    wrong = [name for name, holds in _CHECKS.items() if not holds(facts[name])]
    if wrong:
        raise DataError(f"parts of the model are damaged: {listed(wrong)}", where=where, next_step=_NEXT)
    try:
        model = ChurnModel(**_values(dict(facts)), **_tuples(fitted))
        _try(model)
    except CxError as error:
        raise DataError(error.problem, where=where, wanted=error.wanted, next_step=_NEXT) from None
    except Exception as error:
        # Whatever of the parts does not fit together shows here, not in somebody's list of risks.
        problem = f"parts of the model do not fit together: {type(error).__name__}: {error}"
        raise DataError(" ".join(problem.split())[:300], where=where, next_step=_NEXT) from None
    return model


def _tuples(fitted: dict[str, Any]) -> dict[str, Any]:
    return {
        "classifier": fitted["classifier"],
        "members": tuple(fitted["members"]),
        "baselines": dict(fitted["baselines"]),
    }


def _values(facts: dict[str, Any]) -> dict[str, Any]:
    for name in FRAMES:
        facts[name] = pd.DataFrame(facts[name])
    for part, name in (("split", "test_from"), ("training", "first"), ("training", "last")):
        moment = facts[part][name]
        if moment is not None:
            facts[part][name] = datetime.fromisoformat(moment)
    facts["split"] = Split(**facts["split"])
    facts["training"] = Training(**facts["training"])
    scales = facts["instruments"].items()
    facts["instruments"] = {
        name: Scale(**{**scale, "top": tuple(scale["top"]), "bottom": tuple(scale["bottom"])})
        for name, scale in scales
    }
    facts["levels"] = {name: tuple(levels) for name, levels in facts["levels"].items()}
    facts["window_days"] = float(facts["window_days"])
    for name in ("numbers", "categories", "left_out", "passed_over"):
        facts[name] = tuple(facts[name])
    return facts


def _try(model: ChurnModel) -> None:
    """Predict the customer who is the median in every number, by every classifier of the file."""
    if not set(model.ranges.columns) >= _RANGES:
        raise DataError("the ranges of the model lack columns", wanted=listed(sorted(_RANGES)))
    median = dict(zip(model.ranges["feature"], model.ranges["median"], strict=True))
    row: dict[str, Any] = {name: [float(median.get(name, math.nan))] for name in model.numbers}
    row |= {name: [next(iter(model.levels[name]), None)] for name in model.categories}
    table = pd.DataFrame(row).astype(dict.fromkeys(model.categories, object))
    risks = [model.classifier.predict_proba(table)[:, 1]]
    risks += [fit.predict_proba(table)[:, 1] for fit in model.baselines.values()]
    features = model.classifier[:-1].transform(table)
    logits = [member.decision_function(features) for member in model.members]
    str(model)
    model.to_dict()
    if not all(0 <= float(risk[0]) <= 1 for risk in risks):
        raise DataError("the model predicts what is no risk", wanted="from 0 to 1")
    if not all(math.isfinite(float(value[0])) for value in logits):
        raise DataError("a member of the model predicts no number")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_columns(value: Any) -> bool:
    """Columns of one length, by name."""
    if not isinstance(value, dict) or not all(isinstance(column, list) for column in value.values()):
        return False
    return len({len(column) for column in value.values()}) <= 1


def _is_window(value: Any) -> bool:
    try:
        return isinstance(value, str) and float(value) > 0
    except ValueError:
        return False


def _is_training(value: Any) -> bool:
    counts = ("rows", "customers", "cases", "censored", "risk")
    return isinstance(value, dict) and all(_is_number(value.get(name)) for name in counts)


#: What each fact must be for the words and numbers made of it.
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "model": lambda value: value in ("logistic", "boosting"),
    "horizon_days": lambda value: _is_number(value) and value > 0,
    "kind": lambda value: isinstance(value, str),
    "name": lambda value: isinstance(value, str),
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "member_scale": lambda value: _is_number(value) and value > 0,
    "window_days": _is_window,
    "numbers": _is_texts,
    "categories": _is_texts,
    "left_out": _is_texts,
    "passed_over": _is_texts,
    "levels": lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
    "instruments": lambda value: isinstance(value, dict) and all(isinstance(s, dict) for s in value.values()),
    "split": lambda value: isinstance(value, dict) and _is_number(value.get("test_share")),
    "training": _is_training,
    "ranges": _is_columns,
    "alarms": _is_columns,
    "table": _is_columns,
}
