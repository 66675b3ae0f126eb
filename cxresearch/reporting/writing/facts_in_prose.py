"""Numbers in prose: ``{{ level | percent }}`` in a markdown cell becomes ``95 %`` on the page.

Prose can name the parameters of the report and what the notebook noted with ``present.facts``. It is no
template language: a name and a filter, nothing is computed, and what is not known stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cxresearch.results.units import Unit, format_value

FACT = re.compile(r"\{\{\s*([a-z]\w*)\s*(?:\|\s*([a-z ]+?)\s*)?\}\}")
#: What markdown acts on; a backslash before it makes it a letter like others.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~$])")
_FILTERS: dict[str, Callable[[Any], str]] = {
    "number": lambda value: f"{float(value):g}",
    "count": lambda value: f"{int(value):,}",
    "percent": lambda value: f"{100 * float(value):.4g} %",
}


def fill_facts(source: str, facts: Mapping[str, Any]) -> str:
    r"""Return prose with facts in place of their names; a fact can never become markup.

    Parameters
    ----------
    source : str
        Markdown.
    facts : mapping of str to text, number or list
        What is known by name.

    Examples
    --------
    >>> fill_facts("At {{ level | percent }} in {{ by }}; {{ unknown }}", {"level": 0.95, "by": "a*b*"})
    'At 95 % in a\\*b\\*; {{ unknown }}'
    """

    def fact(match: re.Match[str]) -> str:
        name, form = match[1], match[2]
        # An unknown name stays visible in its braces: an empty place would read as a sentence.
        if name not in facts or not _is_filter(form):
            return match[0]
        return _MARKDOWN.sub(r"\\\1", _written(facts[name], form))

    return FACT.sub(fact, source)


def _is_filter(form: str | None) -> bool:
    return form is None or form in _FILTERS or form in set(Unit)


def _written(value: Any, form: str | None) -> str:
    if form in _FILTERS:
        return _FILTERS[form](value)
    if form is not None:
        return format_value(float(value), Unit(form))
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return " ".join(str(value).split())
