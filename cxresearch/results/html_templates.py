"""The one door to Jinja2: every word from outside is escaped unless a template is plain text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(package: str, template: str, **values: Any) -> str:
    """Fill a template of a package.

    Parameters
    ----------
    package : str
        Package that holds a folder ``templates``: ``"cxresearch.results"``.
    template : str
        Name in that folder. In ``*.html.j2`` every value is escaped; other templates are plain text.
    **values
        What the template names; a name that is missing is an error.

    Examples
    --------
    >>> render("cxresearch.results", "facts.html.j2", title="<b>", facts={"scores": "CES"})
    "<div class='cx-result'><p><b>&lt;b&gt;</b></p><table><tr><th>scores</th><td>CES</td></tr></table></div>"
    """
    return _environment(package).get_template(template).render(**values)


@cache
def _environment(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    from cxresearch.results.table_text import unbroken

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    return environment
