"""What customers and files say, on a terminal, in a picture and in a spreadsheet: shown, and nothing more."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

from cxresearch.cli import main
from cxresearch.reporting.presenting.drawn_picture import drawn_picture
from cxresearch.wording import inert_cell

#: Texts that steer a terminal, run in a spreadsheet, break a picture or mean something in a formula.
HOSTILE = [
    "\x1b[2J\x1b[1;1Hgone",
    "\x1b]0;title\x07",
    "\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mred",
    "\x90q\x9c",
    "a\rb",
    "a\x08\x08b",
    "\x00nul",
    "\x0c\x0b",
    "bell\x07",
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "|calc",
    "%0A=1",
    "\uff1d1+1",
    "a;=1+1",
    "a;=1+1;b",
    "a; =1+1",
    "a;\t=1+1",
    "a\t=1+1",
    "a\n=1+1",
    "a\r\n@SUM(A1)",
    'a;"=1+1"',
    "a;+1",
    "a;-1+cmd",
    "a;@x",
    "a;b;=HYPERLINK(1)",
    'a";=1+1',
    "=cmd|'/c calc'!A0",
    "$\\frac{1}{0}$",
    "$unclosed",
    "$$",
    "\\input{/etc/passwd}",
    "--> <script>alert(1)</script>",
    "<!-- comment",
    "]]> <svg onload=alert(1)>",
    "&amp;&#0;&bogus;",
    "<style>*{display:none}</style>",
    "</style><script>alert(1)</script>",
    "url(javascript:alert(1))",
    "expression(alert(1))",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${{ secrets.TOKEN }}",
    "%(name)s %n {0.__class__}",
    "\u202egnp.exe",
    "\u2066\u2069",
    "\ud83d",
    "\ufffe\uffff",
    "a" * 5_000,
    "e\u0301" * 200,
    "\u0000=1+1",
]

_STARTS = ("=", "+", "-", "@", "|", "%", "\uff1d")


def test_the_corpus_has_sixty_texts() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_spreadsheet_finds_a_formula_whichever_delimiter_it_takes(text, delimiter) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(["first", inert_cell(text), "last"])
    try:
        rows = list(csv.reader(io.StringIO(written.getvalue()), delimiter=delimiter))
    except csv.Error:
        return  # nothing is read at all
    cells = [cell for row in rows for cell in row]
    begins = [cell.strip('"').lstrip(" \t\r\n\ufeff\u200b\u0000").startswith(_STARTS) for cell in cells]
    assert not any(begins), cells


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_picture_with_it_is_one_that_every_reader_reads(text) -> None:
    with plt.style.context({"text.parse_math": False}):
        figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_title(cx_title(text), parse_math=False)
    svg = drawn_picture(axes).svg
    plt.close(figure)
    root = ElementTree.fromstring(svg)
    assert not [part for part in root.iter() if part.tag.endswith(("script", "foreignObject"))]


def cx_title(text: str) -> str:
    """As a group would stand in a title; half a letter of two units is no text of a file."""
    return text.encode("utf-8", "replace").decode()[:60].replace("\n", " ")


@pytest.mark.parametrize("command", ["check", "customer"])
def test_the_terminal_gets_no_control_character(command, tmp_path: Path, capsys) -> None:
    names = [text.encode("utf-8", "ignore").decode().replace("\x00", "") for text in HOSTILE]
    with (tmp_path / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(["id", "start", "plan\x1b[31m"])
        rows.writerows([f"c{number}\x1b[5m", "2024-01-01", name[:50]] for number, name in enumerate(names))
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "T \\u001b[2J"\nobserved_until = 2024-12-31\n[[sources]]\ntable = "customers"\n'
        'file = "customers.csv"\ncolumns = { customer_id = "id", started_at = "start", '
        '"plan \\u001b[1m" = "plan\\u001b[31m", plan = "plan\\u001b[31m" }\n'
    )
    words = {
        "check": ["check", str(tmp_path)],
        "customer": ["customer", "c1\x1b[5m", "--study", str(tmp_path)],
    }
    main(words[command])
    said = capsys.readouterr()
    for text in (said.out, said.err):
        steering = [
            letter for letter in text if letter != "\n" and (letter < " " or "\x7f" <= letter < "\xa0")
        ]
        assert not steering
    assert said.out + said.err
