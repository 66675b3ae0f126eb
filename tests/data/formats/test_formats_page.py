"""The table of docs/formats.md is what these tests see; CX_WRITE_DOCS=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.data.formats.planted_further import EVERY
from tests.data.formats.test_vendor_exports import PLAN, begin, figure

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
HEAD = ["| export | recognised by | open | by hand | checked figures |", "|---|---|---|---|---|"]


def row(name: str, folder: Path) -> str:
    choices, study = begin(folder, name)
    file, _, title, decisions, figures = EVERY[name]
    (choice,) = [choice for choice in choices.files if choice.file == file]
    assert choice.read_as == title
    truth = {**PLAN.truth, "usage": len(PLAN.tickets)}
    checked = []
    for wanted in figures:
        value = figure(study, wanted)
        assert value == pytest.approx(truth[wanted])
        checked.append(f"{wanted} {value:,.1f}".removesuffix(".0"))
    cells = [title, choice.reasons[0], len(choice.questions), len(decisions), ", ".join(checked)]
    return f"| {' | '.join(map(str, cells))} |"


def test_the_table_of_formats_is_what_init_does(tmp_path: Path) -> None:
    lines = list(HEAD)
    for name in EVERY:
        folder = tmp_path / name
        folder.mkdir()
        lines.append(row(name, folder))
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split("<!-- table -->\n")
    _, after = rest.split("<!-- end -->")
    made = before + "<!-- table -->\n" + "\n".join(lines) + "\n<!-- end -->" + after
    if os.environ.get("CX_WRITE_DOCS"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made
