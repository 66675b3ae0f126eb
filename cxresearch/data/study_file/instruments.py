"""Instruments of a study file: scale and direction, declared and never inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.scales import STANDARD_SCALES, Scale
from cxresearch.wording import did_you_mean, listed, shown


def read_instruments(keys: Keys) -> dict[str, Scale]:
    """Return the scale of each instrument.

    Parameters
    ----------
    keys : Keys
        The section ``[instruments]``: a name of `STANDARD_SCALES`, or ``low``, ``high``, ``direction`` and,
        if wanted, ``label``, ``top``, ``question``.

    Raises
    ------
    StudyError
        If a scale is unknown or its direction is not declared.
    """
    return {name: _instrument(name, keys) for name in keys}


def check_scales(instruments: Mapping[str, Scale]) -> None:
    """Refuse instruments in memory that are no scale, such as the names that a study file uses.

    Raises
    ------
    ArgumentError
        Naming the first.
    """
    for name, scale in instruments.items():
        if not isinstance(scale, Scale):
            raise ArgumentError(
                f"instrument {shown(name)} is {shown(scale)}",
                wanted="a Scale, such as cx.NPS, cx.CSAT, cx.CES1 or cx.CES2",
            )


def _instrument(name: str, keys: Keys) -> Scale:
    value = keys.value(name)
    if isinstance(value, str):
        return _standard(name, value, keys.where)
    if not isinstance(value, dict):
        raise StudyError(
            f"instrument {shown(name)} is {shown(value)}",
            where=keys.where,
            wanted=f"one of {listed(STANDARD_SCALES)}, or a section with low, high and direction",
        )
    own = keys.table(name)
    own.only(("low", "high", "direction", "label", "top", "bottom", "question"))
    # The direction decides what every figure of the question means: a wrong one turns each result round.
    if "direction" not in own:
        raise StudyError(
            f"the direction of instrument {shown(name)} is not declared",
            where=own.where,
            wanted="direction = 'high_is_good' or 'low_is_good'",
            next_step="say which end of the scale a happy customer chooses; it is never inferred",
        )
    for bound in ("low", "high"):
        if bound not in own:
            raise StudyError(f"{bound!r} of instrument {shown(name)} is not declared", where=own.where)
    # Answers of the top and bottom box; the standard ones are those of the scale (cxresearch/scales.py).
    top = own.numbers("top")
    bottom = own.numbers("bottom")
    fields: dict[str, Any] = {
        # Both ends are declared, so that the defaults are never used; -1000 admits scales around 0.
        "low": own.whole("low", default=0, at_least=-1000),
        "high": own.whole("high", default=0, at_least=-1000),
        "direction": own.text("direction"),
        "label": own.text("label", default=_label(name)),
        "question": own.text("question", default=""),
    }
    try:
        return Scale(
            name=name,
            top=tuple(int(answer) for answer in top),
            bottom=tuple(int(answer) for answer in bottom),
            **fields,
        )
    except ArgumentError as error:
        raise StudyError(
            error.problem, where=own.where, wanted=error.wanted, next_step=error.next_step
        ) from None


def _label(name: str) -> str:
    """Short names are abbreviations: NPS, CSAT."""
    if len(name) <= 4:
        return name.upper()
    return name.capitalize()


def _standard(name: str, value: str, where: str) -> Scale:
    if value in STANDARD_SCALES:
        scale = STANDARD_SCALES[value]
        label = scale.label
        if name != scale.name:
            label = _label(name)
        return replace(scale, name=name, label=label)
    # CES 1.0 and 2.0 share name and the answers 1 to 5, and run in opposite directions.
    if value == "ces":
        raise StudyError(
            f"instrument {shown(name)} names no version of CES, so its direction is not declared",
            where=where,
            wanted="'ces1' (1 to 5, how much effort, low is good) or 'ces2' (1 to 7, easy, high is good)",
            next_step="look at the wording of the question; it is never inferred",
        )
    raise StudyError(
        f"scale {shown(value)} of instrument {shown(name)} is unknown",
        where=where,
        wanted=f"one of {listed(STANDARD_SCALES)}, or a section with low, high and direction",
        next_step=did_you_mean(value, STANDARD_SCALES),
    )
