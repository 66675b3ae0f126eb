"""``[costs]`` of a study file: numbers, and shares as texts with a per cent sign."""

from __future__ import annotations

import re

from cxresearch.data.study_file.costs import COST_KEYS, Costs
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import ArgumentError, StudyError

_SHARE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*%")


def read_costs(keys: Keys) -> Costs | None:
    """Return the declared costs; None where the section is absent or empty.

    Raises
    ------
    StudyError
        If a key is unknown, or a value is not what it must be.
    """
    keys.only(COST_KEYS)
    declared = {name: _amount(keys, name) for name in keys}
    if not declared:
        return None
    try:
        return Costs(**declared)
    except ArgumentError as error:
        raise StudyError(error.problem, where=keys.where, wanted=error.wanted) from None


def _amount(keys: Keys, name: str) -> float:
    """A number, or of a share a text with a per cent sign."""
    value = keys.value(name)
    if isinstance(value, str) and name in ("gross_margin", "discount"):
        share = _SHARE.fullmatch(value.strip())
        if share:
            return float(share["number"]) / 100
    return keys.number(name, default=0.0)
