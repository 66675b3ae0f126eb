"""Parameters: read without running anything, typed as declared, refused before a kernel starts."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.reporting.notebook.parameters import bind, injected_source, read_parameters
from cxresearch.reporting.outcome import ExitCode, ReportError

TODAY = date(2024, 5, 15)  # a Wednesday
DECLARED = """\
from datetime import date
from typing import Literal

study: str = "built-in"  # a study file
code: str = "x"
horizon_days: int = 180
margin: float = 0.02
weighted: bool = False
as_of: date = date(2024, 1, 31)
form: Literal["signed", "shape"] = "signed"
by: list[str] = ["plan"]
cuts: list[int] = [1, -2]
segment: str | None = None
"""


def notebook_with(source: str | list[str]) -> dict[str, object]:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    return {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# T"}, cell]}


def bound(**given: object) -> dict[str, object]:
    return bind(read_parameters(notebook_with(DECLARED)), given, today=TODAY)


def refusal(source: str) -> str:
    with pytest.raises(ReportError) as caught:
        read_parameters(notebook_with(source))
    assert caught.value.code is ExitCode.USAGE
    return str(caught.value)


def test_reads_names_types_defaults_and_comments() -> None:
    found = {p.name: p for p in read_parameters(notebook_with(DECLARED))}
    assert {name: str(p.kind) for name, p in found.items()} == {
        "study": "str",
        "code": "str",
        "horizon_days": "int",
        "margin": "float",
        "weighted": "bool",
        "as_of": "date",
        "form": "one of 'signed', 'shape'",
        "by": "list[str]",
        "cuts": "list[int]",
        "segment": "str | None",
    }
    assert found["study"].help == "a study file"
    assert found["as_of"].default == date(2024, 1, 31)
    assert found["cuts"].default == [1, -2]


def test_source_may_be_a_list_of_lines() -> None:
    lines = DECLARED.splitlines(keepends=True)
    assert read_parameters(notebook_with(lines)) == read_parameters(notebook_with(DECLARED))


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("code", "007", "007"),
        ("code", "1e5", "1e5"),
        ("code", "", ""),
        ("code", "true", "true"),
        ("horizon_days", "90", 90),
        ("horizon_days", "-3", -3),
        ("margin", "1", 1.0),
        ("margin", "5e-3", 0.005),
        ("weighted", "Yes", True),
        ("weighted", "off", False),
        ("as_of", "2024-02-29", date(2024, 2, 29)),
        ("form", "shape", "shape"),
        ("by", "plan,country", ["plan", "country"]),
        ("by", "", []),
        ("by", '["a,b", "c"]', ["a,b", "c"]),
        ("cuts", "3, 4", [3, 4]),
        ("segment", "none", None),
        ("segment", "plan=pro", "plan=pro"),
    ],
)
def test_text_becomes_the_declared_type(name: str, text: str, wanted: object) -> None:
    value = bound(**{name: text})[name]
    assert value == wanted
    assert type(value) is type(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("today", "2024-05-15"),
        ("yesterday", "2024-05-14"),
        ("today-30d", "2024-04-15"),
        ("last-month", "2024-04-30"),
        ("last-month-start", "2024-04-01"),
        ("this-month-start", "2024-05-01"),
        ("last-week", "2024-05-12"),
        ("last-quarter", "2024-03-31"),
        ("last-quarter-start", "2024-01-01"),
        ("last-year", "2023-12-31"),
        ("LAST-MONTH-END", "2024-04-30"),
    ],
)
def test_relative_dates(text: str, wanted: str) -> None:
    assert bound(as_of=text)["as_of"] == date.fromisoformat(wanted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("horizon_days", "90.5"),
        ("horizon_days", "1_000"),
        ("horizon_days", "ninety"),
        ("horizon_days", ""),
        ("horizon_days", True),
        ("horizon_days", "9" * 30),
        ("margin", "0,02"),
        ("margin", "nan"),
        ("margin", "inf"),
        ("margin", "1e999"),
        ("weighted", "maybe"),
        ("weighted", 1),
        ("as_of", "03/04/2024"),
        ("as_of", "2024-02-30"),
        ("as_of", "20240131"),
        ("as_of", "last-fortnight"),
        ("as_of", "this-month"),
        ("form", "Shape"),
        ("by", "[1"),
        ("cuts", "1,x"),
        ("code", 7),
        ("code", "nul\0byte"),
        ("code", "lone \ud800 surrogate"),
        ("code", "x" * 10_001),
    ],
)
def test_ill_typed_is_refused_with_the_name_and_what_is_wanted(name: str, value: object) -> None:
    with pytest.raises(ReportError, match=f"(?s)parameter {name}.*wanted") as caught:
        bound(**{name: value})
    assert caught.value.code is ExitCode.USAGE
    assert len(str(caught.value)) < 400


def test_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ReportError, match="perhaps you meant 'horizon_days'"):
        bound(horizon_day="90")


@pytest.mark.parametrize(
    "name",
    ["__import__('os').system('x')", "x = 1\nimport os", "a;b", "horizon_days=1#", "class", "", "a" * 5000],
)
def test_hostile_names_are_unknown_names(name: str) -> None:
    with pytest.raises(ReportError, match="has no parameter"):
        bound(**{name: "1"})


@pytest.mark.parametrize(
    "name", ["password", "api_key", "CRM_TOKEN", "db_passwd", "secret", "dsn", "access_key"]
)
def test_secret_names_are_refused_given_or_declared(name: str) -> None:
    with pytest.raises(ReportError, match="looks like a secret"):
        bound(**{name: "x"})
    assert "looks like a secret" in refusal(f'{name}: str = ""')


def test_names_that_only_resemble_secrets_pass() -> None:
    read_parameters(notebook_with('monkey: str = ""\ntokenizer: str = ""\nkeys: int = 3\nauthor: str = ""'))


def test_address_with_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ReportError) as caught:
        bound(code="postgres://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "x: int = len('abc')",
        "x: int = __import__('os').getpid()",
        "x = None",
        "x: int = 'a'",
        "x: dict = {}",
        "x: int",
        "for x in [1]: pass",
        "print('hello')",
        "%matplotlib inline",
        "x, y = 1, 2",
        "x: int = 1\nx: int = 2",
        "x: float = float('nan')",
        "x: Literal[f()] = 1",
    ],
)
def test_anything_but_annotated_literals_is_refused(source: str) -> None:
    refusal(source)


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ('x: str = "a"  # one of a, b: which', "one of 'a', 'b'", "which"),
        ("x: int = 1  # one of 1, 2: how deep", "one of 1, 2", "how deep"),
        ("x: list[str] = []  # any of a, b: what; empty: all", "list[one of 'a', 'b']", "what; empty: all"),
        ("x: Optional[str] = None  # one of a, b: c", "one of 'a', 'b' | None", "c"),
        ('x: str = "a"  # one of the best: which', "str", "one of the best: which"),
        ("x: int = 1  # one of a, b: which", "int", "one of a, b: which"),
        ("x: list[str] = []  # one of a, b: which", "list[str]", "one of a, b: which"),
        ("x: bool = True  # one of a, b: which", "bool", "one of a, b: which"),
    ],
)
def test_choices_stand_in_front_of_a_comment(line: str, kind: str, text: str) -> None:
    (parameter,) = read_parameters(notebook_with(line))
    assert (str(parameter.kind), parameter.help) == (kind, text)


def test_choices_of_a_comment_are_kept_to() -> None:
    declared = read_parameters(
        notebook_with('x: str = "a"  # one of a, b: which\nn: int = 1  # one of 1, 2: n')
    )
    assert bind(declared, {"x": "b", "n": "2"}, today=TODAY) == {"x": "b", "n": 2}
    for wrong in ({"x": "c"}, {"n": "3"}):
        with pytest.raises(ReportError, match="one of"):
            bind(declared, wrong, today=TODAY)
    assert "does not fit its type" in refusal('x: str = "c"  # one of a, b: which')


def test_two_parameters_cells_are_refused() -> None:
    twice = notebook_with("x: int = 1")
    twice["cells"] = [*twice["cells"], twice["cells"][-1]]  # type: ignore[misc]
    with pytest.raises(ReportError, match="2 cells"):
        read_parameters(twice)


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.none(),
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10), max_size=3
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, min_size=1))
def test_injected_source_gives_back_exactly_the_values(values: dict[str, object]) -> None:
    source = injected_source(values)
    assert source.isascii()
    namespace: dict[str, object] = {}
    exec(compile(source, "injected", "exec"), namespace)
    assert {name: namespace[name] for name in values} == values
    assert set(namespace) <= {*values, "date", "__builtins__"}


def test_injected_names_must_be_names() -> None:
    with pytest.raises(ReportError):
        injected_source({"a = 1\nimport os": 1})
