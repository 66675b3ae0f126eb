"""The house of metrics is shallow: a newcomer is never more than six modules from the ground."""

import ast
from functools import cache
from pathlib import Path

import cxresearch

ROOT = Path(cxresearch.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path
    for path in (ROOT / "metrics").rglob("*.py")
    if path.name != "__init__.py"
}


def imports_of(name: str) -> set[str]:
    """Modules of the storey that a module imports when it runs; imports for types alone do not count."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    for_types = {
        id(node) for guard in guards if ast.unparse(guard.test) == "TYPE_CHECKING" for node in ast.walk(guard)
    }
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & set(MODULES)


@cache
def depth(name: str) -> int:
    return 1 + max((depth(imported) for imported in imports_of(name)), default=0)


def test_no_chain_of_imports_in_metrics_is_longer_than_six_modules() -> None:
    depths = {name: depth(name) for name in MODULES}
    assert depths["cxresearch.metrics.base.metric"] == 1
    deepest = {name: steps for name, steps in depths.items() if steps > 6}
    assert not deepest


def test_each_door_lists_the_files_of_its_room() -> None:
    for door in (ROOT / "metrics").glob("*/__init__.py"):
        text = ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))) or ""
        files = {path.stem for path in door.parent.glob("*.py")} - {"__init__"}
        assert {line.strip("`") for line in text.splitlines() if line.startswith("``")} == files
