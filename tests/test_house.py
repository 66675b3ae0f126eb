"""The house rules that a machine can read: imports only descend, names do not collide, importing is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cxresearch
from cxresearch import topics as topics_module

PACKAGE = Path(cxresearch.__file__).parent
ORDER = [
    "errors",
    "wording",
    "units_of_time",
    "aliases",
    "checks",
    "scales",
    "results",
    "stats",
    "data",
    "metrics",
    "churn",
    "headtohead",
    "voice",
    "plots",
    "topics",
    "reporting",
    "cli",
    "__main__",
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def storey(name: str) -> str:
    return name.removeprefix("cxresearch").lstrip(".").split(".")[0]


def name_of(path: Path) -> str:
    parts = ["cxresearch", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("cxresearch.")}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_descend(path: Path) -> None:
    here = storey(name_of(path))
    if here in ("", "__main__"):
        return
    above = [name for name in imports_of(path) if ORDER.index(storey(name)) > ORDER.index(here)]
    assert not above, f"{name_of(path)} imports from above: {above}"


def test_no_import_cycle() -> None:
    known = {name_of(path) for path in MODULES}
    graph = {name_of(path): imports_of(path) & known - {name_of(path)} for path in MODULES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' -> '.join([*trail, module])}"
        if module not in done:
            for target in graph[module]:
                visit(target, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_no_public_name_is_also_a_module() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.name for path in PACKAGE.iterdir() if path.is_dir()
    }
    names = {name for name in cxresearch.__all__ if not name.startswith("_")}
    assert modules & names == {"errors", "voice"}  # the modules themselves


def test_every_public_name_loads_and_is_documented() -> None:
    topics = {name: getattr(cxresearch, name) for name in topics_module.__all__}
    topics["voice"] = cxresearch.voice
    doors = {"cx": cxresearch, **{f"cx.{name}": topic for name, topic in topics.items()}}
    for door, names in doors.items():
        for name in names.__all__:
            member = getattr(names, name)
            assert callable(member) is False or member.__doc__, f"{door}.{name} has no docstring"


def test_a_public_name_stands_in_one_place() -> None:
    places = [*cxresearch.__all__]
    for name in topics_module.__all__:
        places += getattr(topics_module, name).__all__
    places += cxresearch.voice.__all__
    assert sorted(places) == sorted(set(places))


def test_the_root_stays_a_face() -> None:
    names = [name for name in cxresearch.__all__ if name not in topics_module.__all__]
    assert len(names) <= 45, f"{len(names)} names in the root; what belongs to one topic stands in topics/"


def test_a_stem_occurs_once_in_the_package() -> None:
    mirrors = {"plots", "topics"}
    stems = [
        path.stem
        for path in MODULES
        if storey(name_of(path)) not in mirrors and path.stem not in ("__init__", "__main__")
    ]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    assert not twice, f"two files of the same name: {twice}"


def test_no_room_has_more_than_twelve_files() -> None:
    rooms = {path.parent for path in MODULES if path.parent != PACKAGE}
    sizes = {
        str(room.relative_to(PACKAGE)): len([path for path in room.glob("*.py") if path.stem != "__init__"])
        for room in rooms
    }
    too_full = {room: size for room, size in sizes.items() if size > 12}
    assert not too_full, f"make rooms by topic: {too_full}"


def test_no_module_passes_400_lines() -> None:
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    too_long = {name: lines for name, lines in lengths.items() if lines >= 400}
    assert not too_long, f"part them by topic: {too_long}"


def test_import_is_light() -> None:
    code = (
        "import sys, cxresearch; heavy = {'numpy', 'pandas', 'sklearn', 'scipy', 'duckdb', 'matplotlib'}"
        " & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
