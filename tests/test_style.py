"""Style that a machine can count, room by room: conditional expressions, comments, doors that name files.

A finished room keeps the limits. An unfinished one keeps the number it has reached, which may only fall (of
conditional expressions) or rise (of comments): whoever mends a room enters the better number, or strikes it.
"""

import ast
import io
import tokenize
from pathlib import Path

import pytest

import cxresearch

PACKAGE = Path(cxresearch.__file__).parent

#: Conditional expressions (``a if b else c``) in 1,000 lines; scikit-survival has 1.7, papermill 5.7.
MOST_CONDITIONALS = 8.0
#: Share of lines with a comment that names an equation, a source or a constraint; scikit-survival has 4.8 %.
LEAST_COMMENTS = 0.02

#: Unfinished rooms: conditional expressions in 1,000 lines, and comments in 1,000 lines, reached so far.
REACHED: dict[str, tuple[float, float]] = {
    ".": (9.3, 15.4),
    "churn/classifier": (10.5, 9.7),
    "churn/curves": (10.2, 3.9),
    "churn/drivers": (27.5, 3.6),
    "churn/evaluation": (10.8, 2.1),
    "churn/risk": (17.6, 8.2),
    "data": (11.9, 6.9),
    "data/checking": (8.0, 11.9),
    "data/landmarks": (20.6, 7.0),
    "data/readers": (9.3, 17.2),
    "data/starter": (8.1, 7.2),
    "data/study_file": (14.4, 2.3),
    "data/synthetic": (6.0, 17.7),
    "data/validation": (10.7, 11.4),
    "headtohead/claims": (6.1, 4.8),
    "headtohead/contest": (14.4, 12.2),
    "headtohead/robustness": (8.6, 4.8),
    "metrics/base": (18.8, 10.5),
    "metrics/economics": (18.8, 4.9),
    "metrics/returns": (14.6, 7.2),
    "metrics/revenue": (11.4, 9.6),
    "metrics/support": (14.2, 3.2),
    "metrics/survey": (22.2, 4.2),
    "metrics/tables": (26.2, 2.5),
    "metrics/usage": (9.8, 4.1),
    "plots": (0.0, 16.7),
    "plots/churn": (0.0, 6.0),
    "plots/contest": (0.0, 4.7),
    "plots/metrics": (0.0, 3.7),
    "plots/voice": (15.5, 6.5),
    "reporting": (19.3, 6.2),
    "reporting/notebook": (24.3, 0.0),
    "reporting/page": (18.3, 10.6),
    "reporting/shelf": (7.6, 1.8),
    "reporting/worker": (6.2, 6.1),
    "reporting/writing": (24.6, 3.5),
    "results": (15.1, 15.0),
    "stats/change_points": (3.9, 7.7),
    "stats/effects": (7.6, 19.5),
    "stats/text": (13.3, 26.0),
    "voice/causes": (18.0, 4.2),
    "voice/recovery": (6.7, 7.0),
    "voice/turning": (4.4, 10.7),
    "voice/when": (23.5, 6.2),
    "voice/why": (16.5, 4.8),
}


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


@pytest.mark.parametrize("room", ROOMS)
def test_few_conditional_expressions(room: str) -> None:
    limit = max(MOST_CONDITIONALS, REACHED.get(room, (0.0, 0.0))[0])
    rate = conditionals(room)
    assert rate <= limit + 0.05, f"{room}: {rate:.1f} conditionals in 1,000 lines, at most {limit:.1f}"


@pytest.mark.parametrize("room", ROOMS)
def test_comments_name_equations_and_sources(room: str) -> None:
    limit = min(1000 * LEAST_COMMENTS, REACHED.get(room, (0.0, 1000.0))[1])
    rate = comments(room)
    assert rate >= limit - 0.05, f"{room}: {rate:.1f} comments in 1,000 lines, wanted {limit:.1f}"


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "."])
def test_each_door_names_its_files(room: str) -> None:
    door = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
    absent = [path.stem for path in ROOMS[room] if path.stem != "__init__" and path.stem not in door]
    assert not absent, f"the door of {room} does not name {absent}"
