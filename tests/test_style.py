"""Style that a machine can count, room by room: conditional expressions, comments, doors that name files.

A finished room keeps the limits. An unfinished one, listed in ``style_reached.json``, keeps what it has
reached, with a tenth to spare while it is built on. Whoever has mended a room, or brought together rooms of
several hands, writes the list anew: ``python tests/test_style.py``. Numbers may only fall, and a room that
keeps the limits drops out.
"""

import ast
import io
import json
import tokenize
from pathlib import Path

import pytest

import cxresearch

PACKAGE = Path(cxresearch.__file__).parent

#: Conditional expressions (``a if b else c``) in 1,000 lines; scikit-survival has 1.7, papermill 5.7.
MOST_CONDITIONALS = 8.0
#: Share of lines with a comment that names an equation, a source or a constraint; scikit-survival has 4.8 %.
LEAST_COMMENTS = 0.02


#: Unfinished rooms: conditional expressions and comments in 1,000 lines, and rooms whose door is to come.
LIST = Path(__file__).with_name("style_reached.json")
REACHED: dict[str, dict[str, float]] = json.loads(LIST.read_text(encoding="utf-8"))


def rooms() -> dict[str, list[Path]]:
    """Files by room; topics/ only names what stands elsewhere."""
    by_room: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        by_room.setdefault(path.parent.relative_to(PACKAGE).as_posix(), []).append(path)
    return {room: paths for room, paths in by_room.items() if len(paths) > 1 and room != "topics"}


ROOMS = rooms()


def lines_of(room: str) -> int:
    return sum(path.read_text(encoding="utf-8").count("\n") for path in ROOMS[room])


def conditionals(room: str) -> float:
    """Conditional expressions in 1,000 lines."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in ROOMS[room]]
    count = sum(isinstance(node, ast.IfExp) for tree in trees for node in ast.walk(tree))
    return 1000 * count / lines_of(room)


def comments(room: str) -> float:
    """Comments in 1,000 lines; those that speak to a tool do not count."""
    count = 0
    for path in ROOMS[room]:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            spoken_to_a_tool = token.string.startswith(("# noqa", "# type:", "# pragma"))
            count += token.type == tokenize.COMMENT and not spoken_to_a_tool
    return 1000 * count / lines_of(room)


def absent_from_door(room: str) -> list[str]:
    """Files that the door of a room does not name."""
    door = PACKAGE / room / "__init__.py"
    if room == "." or not door.exists():
        return []
    text = door.read_text(encoding="utf-8")
    return [path.stem for path in ROOMS[room] if path.stem != "__init__" and path.stem not in text]


@pytest.mark.parametrize("room", ROOMS)
def test_few_conditional_expressions(room: str) -> None:
    limit = max(MOST_CONDITIONALS, 1.1 * REACHED.get(room, {}).get("conditionals", 0.0))
    rate = conditionals(room)
    assert rate <= limit + 0.05, f"{room}: {rate:.1f} conditionals in 1,000 lines, at most {limit:.1f}"


@pytest.mark.parametrize("room", ROOMS)
def test_comments_name_equations_and_sources(room: str) -> None:
    limit = min(1000 * LEAST_COMMENTS, 0.9 * REACHED.get(room, {}).get("comments", 1000.0))
    rate = comments(room)
    assert rate >= limit - 0.05, f"{room}: {rate:.1f} comments in 1,000 lines, wanted {limit:.1f}"


@pytest.mark.parametrize("room", ROOMS)
def test_each_door_names_its_files(room: str) -> None:
    if "door" in REACHED.get(room, {}):
        pytest.skip("the door is to come")
    assert not absent_from_door(room), f"the door of {room} does not name {absent_from_door(room)}"


def reached() -> dict[str, dict[str, float]]:
    """What each unfinished room has reached."""
    rooms: dict[str, dict[str, float]] = {}
    for room in ROOMS:
        numbers: dict[str, float] = {}
        if conditionals(room) > MOST_CONDITIONALS:
            numbers["conditionals"] = round(conditionals(room), 1)
        if comments(room) < 1000 * LEAST_COMMENTS:
            numbers["comments"] = round(comments(room), 1)
        if absent_from_door(room):
            numbers["door"] = len(absent_from_door(room))
        if numbers:
            rooms[room] = numbers
    return rooms


if __name__ == "__main__":
    LIST.write_text(json.dumps(reached(), indent=1) + "\n", encoding="utf-8")
