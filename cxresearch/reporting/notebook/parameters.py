"""Parameters of a report: read from its notebook without running it, and given values by declared type."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cxresearch.reporting.notebook.catalogue import PARAMETERS_TAG, source_of
from cxresearch.reporting.notebook.parameter_values import Kind, coerce
from cxresearch.reporting.outcome import ReportError, usage_error
from cxresearch.wording import did_you_mean, only_if

SECRET_NAME = re.compile(
    r"(^|_)(passwords?|passwd|pwd|passphrase|secrets?|tokens?|api_?keys?|access_?keys?|private_?keys?|"
    r"credentials?|bearer|dsn)($|_)",
    re.IGNORECASE,
)
#: Choices in front of a comment: ``# one of week, month: the period``; for a list ``any of``. papermill reads
#: neither ``Literal`` nor ``|``, so our notebooks declare plain types, and their choices here.
_CHOICES = re.compile(r"(?P<how>one|any) of (?P<names>[^\s,:]+(?:, [^\s,:]+)+): (?P<help>.+)")
_SIMPLE = {"str": "str", "int": "int", "float": "float", "bool": "bool", "date": "date"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One declared parameter of a report.

    Attributes
    ----------
    name : str
        A Python identifier.
    kind : Kind
        Declared type.
    default : object
        Value in the notebook.
    help : str
        Comment behind the declaration, without the choices it begins with.
    """

    name: str
    kind: Kind
    default: Any
    help: str = ""

    def __str__(self) -> str:
        text = f"{self.name}: {self.kind} = {self.default!r}"
        return text + only_if(self.help, f"  # {self.help}")


def read_parameters(notebook: Mapping[str, Any], *, where: str = "the notebook") -> tuple[Parameter, ...]:
    """Read the annotated literals of the cell tagged ``parameters``; nothing in it is executed.

    Parameters
    ----------
    notebook : mapping
        A notebook as JSON.
    where : str
        Its name, for messages.

    Returns
    -------
    tuple of Parameter
        In the order of the cell; empty where the notebook has no such cell.

    Raises
    ------
    ReportError
        Exit code 2, if the cell holds anything but imports and annotated literals.
    """
    cells = [
        source_of(cell)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and PARAMETERS_TAG in cell.get("metadata", {}).get("tags", [])
    ]
    if len(cells) > 1:
        raise usage_error(f"{where} has {len(cells)} cells tagged 'parameters'", wanted="one at most")
    if not cells:
        return ()
    try:
        # Read, not run: a report can be described, and its parameters checked, without trusting it.
        tree = ast.parse(cells[0])
    except SyntaxError as error:
        raise usage_error(
            f"the parameters cell of {where} is not plain Python: {error.msg}",
            where=f"line {error.lineno}",
            wanted="annotated literals such as `horizon_days: int = 180`",
        ) from None
    comments = _comments(cells[0])
    found: dict[str, Parameter] = {}
    # Imports serve the annotations (date, Literal) and are not run either.
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_prose(node):
            continue
        parameter = _declared(node, where, comments.get(node.end_lineno or 0, ""))
        if parameter.name in found:
            raise usage_error(f"parameter {parameter.name!r} is declared twice in {where}")
        found[parameter.name] = parameter
    return tuple(found.values())


def bind(
    parameters: tuple[Parameter, ...], given: Mapping[str, Any], *, today: date, where: str = "this report"
) -> dict[str, Any]:
    """Check and coerce given values against the declared parameters.

    Parameters
    ----------
    parameters : tuple of Parameter
        What the notebook declares.
    given : mapping
        Name to text (from a command line) or to a Python value (from code).
    today : date
        What relative dates such as ``today`` and ``last-month`` count from.
    where : str
        Name of the report, for messages.

    Returns
    -------
    dict
        The given parameters alone, in the order of declaration, each of its declared type.

    Raises
    ------
    ReportError
        Exit code 2, naming the first unknown or ill-typed parameter and what was wanted.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    for name in given:
        refuse_secret(name)
        if name not in declared:
            raise usage_error(
                f"{where} has no parameter {str(name)[:60]!r}",
                wanted="one of " + (", ".join(declared) or "(it has none)"),
                next_step=did_you_mean(str(name), declared),
            )
    return {
        name: coerce(name, given[name], parameter.kind, today=today)
        for name, parameter in declared.items()
        if name in given
    }


def refuse_secret(name: str) -> None:
    """Refuse a parameter whose name looks like a secret: parameters are published with the report."""
    if SECRET_NAME.search(str(name)):
        raise usage_error(
            f"parameter {str(name)[:60]!r} looks like a secret",
            wanted="no secrets among parameters: they are written into the notebook and the manifest",
            next_step="set an environment variable and read it with `present.secret('NAME')`",
        )


def injected_source(values: Mapping[str, Any]) -> str:
    """Return the code cell that sets the given parameters: names are checked, values are literals.

    Examples
    --------
    >>> print(injected_source({"horizon_days": 90, "as_of": date(2024, 1, 31)}))
    # Parameters of this run
    from datetime import date
    horizon_days = 90
    as_of = date(2024, 1, 31)
    """
    lines = ["# Parameters of this run"]
    if any(isinstance(value, date) for value in _flat(values.values())):
        lines.append("from datetime import date")
    for name, value in values.items():
        # The name goes into code: only an identifier can do nothing there.
        if not name.isidentifier():
            raise usage_error(f"{name!r} is not a name")
        lines.append(f"{name} = {_literal(value)}")
    return "\n".join(lines)


def _flat(values: Any) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list):
            flat += value
        else:
            flat.append(value)
    return flat


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    # ascii writes every letter as a literal, so that no text can end its own quotes.
    return ascii(value)


def _is_prose(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT
    }


def _declared(node: ast.stmt, where: str, comment: str) -> Parameter:
    line = f"line {node.lineno} of the parameters cell"
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        kind: Kind | None = _kind(node.annotation, line)
        name, value = node.target.id, node.value
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        kind, name, value = None, node.targets[0].id, node.value
    else:
        raise usage_error(
            f"the parameters cell of {where} holds more than declarations",
            where=line,
            wanted="annotated literals such as `horizon_days: int = 180`",
        )
    refuse_secret(name)
    default = _default(value, name, line)
    if kind is None:
        kind = _inferred(default, name, line)
    kind, text = _with_choices(kind, comment)
    try:
        checked = coerce(name, default, kind, today=date.today())
    except ReportError as error:
        raise usage_error(f"the default in {where} does not fit its type: {error}", where=line) from None
    return Parameter(name=name, kind=kind, default=checked, help=text)


def _with_choices(kind: Kind, comment: str) -> tuple[Kind, str]:
    """A declared type narrowed to the choices that its comment begins with, and the rest of the comment.

    A whole number's choices are whole numbers; a comment that fits no type stays what it is.
    """
    match = _CHOICES.fullmatch(comment)
    if match is None:
        return kind, comment
    item = kind
    if match["how"] == "any" and kind.item is not None:
        item = kind.item
    read = {"str": str, "int": int}.get(item.base)
    if read is None or (match["how"] == "any") != (kind.base == "list"):
        return kind, comment
    try:
        choices = tuple(read(name) for name in match["names"].split(", "))
    except ValueError:
        return kind, comment
    narrowed = replace(item, base="choice", choices=choices)
    if kind.base == "list":
        narrowed = replace(kind, item=narrowed)
    return narrowed, match["help"]


def _kind(node: ast.expr, line: str) -> Kind:
    try:
        return _kind_of(node, line)
    except (ValueError, SyntaxError):
        raise usage_error(f"the type {ast.unparse(node)[:60]!r} cannot be read", where=line) from None


def _kind_of(node: ast.expr, line: str) -> Kind:
    # "int | None" in quotes, as under `from __future__ import annotations` by hand.
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _kind(ast.parse(node.value, mode="eval").body, line)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        if len(sides) == 1:
            return _kind(sides[0], line).or_none()
    if isinstance(node, ast.Attribute) and node.attr == "date":
        return Kind(base="date")
    if isinstance(node, ast.Name) and node.id in _SIMPLE:
        return Kind(base=_SIMPLE[node.id])
    if isinstance(node, ast.Subscript):
        kind = _subscripted(node, line)
        if kind is not None:
            return kind
    raise usage_error(
        f"the type {ast.unparse(node)!r} is not one a parameter can have",
        where=line,
        wanted="str, int, float, bool, date, Literal[...], list[...] or one of these `| None`",
    )


def _subscripted(node: ast.Subscript, line: str) -> Kind | None:
    outer = _last_name(node.value)
    if outer == "Literal":
        items = getattr(node.slice, "elts", [node.slice])
        return Kind(base="choice", choices=tuple(ast.literal_eval(item) for item in items))
    if outer == "Optional":
        return _kind(node.slice, line).or_none()
    if outer == "list":
        return Kind(base="list", item=_kind(node.slice, line))
    return None


def _last_name(node: ast.expr) -> str:
    """The name a dotted name ends with: ``typing.Literal`` and ``Literal`` are one."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _default(node: ast.expr, name: str, line: str) -> Any:
    if isinstance(node, ast.Call) and not node.keywords:
        called = _last_name(node.func)
        try:
            arguments = [ast.literal_eval(argument) for argument in node.args]
            if called == "date":
                return date(*arguments)
            if called == "fromisoformat":
                return date.fromisoformat(*arguments)
        except (TypeError, ValueError):
            pass
    try:
        # literal_eval admits literals alone, no names and no calls.
        value = ast.literal_eval(node)
    except (ValueError, SyntaxError):
        raise usage_error(
            f"the default of {name!r} is an expression: {ast.unparse(node)[:60]}",
            where=line,
            wanted="a literal: text, a number, True, None, a date(...) or a list of these",
        ) from None
    if isinstance(value, tuple):
        return list(value)
    return value


def _inferred(default: Any, name: str, line: str) -> Kind:
    # An empty list, or one of mixed types, does not tell what its items are.
    if isinstance(default, list) and default and len({type(item) for item in default}) == 1:
        return Kind(base="list", item=_inferred(default[0], name, line))
    base = {str: "str", bool: "bool", int: "int", float: "float", date: "date"}.get(type(default))
    if base is None:
        raise usage_error(
            f"parameter {name!r} has no type",
            where=line,
            next_step=f"annotate it: `{name}: str | None = None`",
        )
    return Kind(base=base)
