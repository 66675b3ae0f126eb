"""The one door to Jinja2: a template of HTML escapes every value, a template of text leaves it as it is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_RESULTS = "cxresearch.results"


def render_html(package: str, template: str, /, **values: Any) -> Markup:
    """Fill a template of HTML; every value that is not itself rendered HTML is escaped.

    Parameters
    ----------
    package : str
        Package that holds a folder ``templates``: ``"cxresearch.results"``.
    template : str
        Name in that folder, without ``.html.j2``.
    **values
        What the template names; a name that is missing is an error.

    Returns
    -------
    Markup
        A text that further templates take as HTML.

    Examples
    --------
    >>> print(render_html("cxresearch.results", "facts", title="<b>", facts={"scores": "CES"}))
    <div class='cx-result'><p><b>&lt;b&gt;</b></p><table><tr><th>scores</th><td>CES</td></tr></table></div>
    """
    from markupsafe import Markup

    text = _environment(package).get_template(f"{template}.html.j2").render(**values)
    return Markup(text)  # noqa: S704 - escaped by the template


def render_text(package: str, template: str, /, **values: Any) -> str:
    """Fill a template of plain text, ``<template>.txt.j2``; quoting is the caller's."""
    return _environment(package).get_template(f"{template}.txt.j2").render(**values)


@cache
def _environment(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

    from cxresearch.results.table_text import unbroken

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _RESULTS))]),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["unbroken"] = unbroken
    return environment
