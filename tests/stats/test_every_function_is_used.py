"""Nothing in stats/ lies dead: each public function is called in the package or is a public name."""

import ast
from pathlib import Path

import pytest

import cxresearch
from cxresearch import topics

PACKAGE = Path(cxresearch.__file__).parent


def public_functions(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def names_read(path: Path) -> set[str]:
    """Names that code reads: not those of definitions, imports, docstrings or comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


@pytest.fixture(scope="module")
def names_used() -> set[str]:
    modules = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "topics"]
    used = set().union(*(names_read(path) for path in modules))
    public = set(cxresearch.__all__)
    for topic in topics.__all__:
        public |= set(getattr(topics, topic).__all__)
    return used | public


@pytest.mark.parametrize("room", sorted(path.name for path in (PACKAGE / "stats").iterdir() if path.is_dir()))
def test_every_public_function_has_a_caller_or_is_public(room: str, names_used: set[str]) -> None:
    functions = [name for path in (PACKAGE / "stats" / room).glob("*.py") for name in public_functions(path)]
    dead = sorted(set(functions) - names_used)
    assert not dead, f"no caller in the package and no public name: {dead}"
