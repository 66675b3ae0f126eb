"""The register of pictures: each picture module adds its drawing function for its result class here."""

from __future__ import annotations

import re
from functools import singledispatch
from inspect import Parameter, getdoc, signature
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError
from cxresearch.wording import did_you_mean, only_if

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@singledispatch
def draw(result: Any, ax: Axes | None = None, **options: Any) -> Axes:  # noqa: ARG001
    """Draw one class of result; picture modules register themselves here."""
    raise ArgumentError(
        f"{type(result).__name__} has no picture",
        wanted="one of " + ", ".join(classes_with_a_picture()),
        next_step="use its frame with seaborn, or print it",
    )


def classes_with_a_picture() -> list[str]:
    """Return the names of the result classes that can be drawn, sorted."""
    return sorted(kind.__name__ for kind in draw.registry if kind is not object)


def picture_list() -> str:
    """Return the classes that can be drawn, each with what is drawn and its options, for a docstring."""
    classes = sorted((kind for kind in draw.registry if kind is not object), key=lambda kind: kind.__name__)
    return "\n".join(_picture_lines(kind.__name__, draw.registry[kind]) for kind in classes)


def _picture_lines(name: str, drawing: Any) -> str:
    text = getdoc(drawing) or ""
    lines = [f"``{name}``", f"    {text.splitlines()[0]}"]
    # The first two are the result and the axes, which every picture has.
    for option in list(signature(drawing).parameters.values())[2:]:
        if option.kind is Parameter.VAR_KEYWORD:
            continue
        choices = _choices(drawing, option.name)
        lines.append(f"    ``{option.name}``" + only_if(choices, f" : {choices}"))
    return "\n".join(lines)


def _choices(drawing: Any, option: str) -> str:
    """What an option admits, as the drawing function's docstring lists it; empty where it lists nothing."""
    stated = re.search(rf"^{option} : (\{{.+?\}})", getdoc(drawing) or "", flags=re.MULTILINE)
    if stated is None:
        return ""
    return stated[1]


def draw_checked(result: Any, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result after a look at the options; pictures drawn as another class of result call this too."""
    _check_options(result, options)
    return draw(result, ax, **options)


def _check_options(result: Any, options: dict[str, Any]) -> None:
    """Refuse an option that the picture of a result does not have, naming those it has."""
    known = list(signature(draw.dispatch(type(result))).parameters.values())[2:]
    if any(option.kind is Parameter.VAR_KEYWORD for option in known):
        return
    names = [option.name for option in known]
    wanted = "no option"
    if names:
        wanted = "one of " + ", ".join(names)
    kinds = _choices(draw.dispatch(type(result)), "kind")
    if kinds:
        wanted += f"; kinds are {kinds}"
    for name in options:
        if name not in names:
            raise ArgumentError(
                f"the picture of a {type(result).__name__} has no option {name!r}",
                wanted=wanted,
                next_step=did_you_mean(name, names),
            )
