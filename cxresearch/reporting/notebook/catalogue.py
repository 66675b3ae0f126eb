"""The reports there are: notebooks of the package, and a user's own by path."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.outcome import usage_error
from cxresearch.wording import did_you_mean

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A notebook that can be run as a report.

    Attributes
    ----------
    name : str
        What the command line calls it: ``ces-vs-nps`` for ``ces_vs_nps.ipynb``.
    path : Path
        The notebook.
    title, summary : str
        First heading and first paragraph of its prose.
    """

    name: str
    path: Path
    title: str
    summary: str


def report_folders() -> tuple[Path, ...]:
    """Return the folders that hold the package's own report notebooks: installed, or in a checkout."""
    here = Path(__file__).resolve().parents[1]
    return (here / "notebooks", here.parents[1] / "notebooks" / "report")


def list_reports() -> tuple[Report, ...]:
    """Return the package's own reports by name."""
    found: dict[str, Report] = {}
    # Installed reports first: in a checkout both folders may hold one of a name.
    for folder in report_folders():
        for path in sorted(folder.glob("*.ipynb")):
            report = _describe(path)
            found.setdefault(report.name, report)
    return tuple(found[name] for name in sorted(found))


def find_report(name: str | Path) -> Report:
    """Return a report by name (``ces-vs-nps``) or by the path of a notebook.

    Raises
    ------
    ReportError
        Exit code 2, if there is no such report or the file is not a notebook.
    """
    text = str(name)
    if text.endswith(".ipynb"):
        path = Path(text).expanduser()
        if not path.is_file():
            raise usage_error(f"there is no notebook {text!r}", wanted="an existing .ipynb file")
        return _describe(path.resolve())
    reports = {report.name: report for report in list_reports()}
    wanted = text.replace("_", "-").lower()
    if wanted in reports:
        return reports[wanted]
    raise usage_error(
        f"there is no report {text!r}",
        wanted="one of " + (", ".join(reports) or "(none installed)") + ", or the path of a notebook",
        next_step=did_you_mean(wanted, reports, otherwise="see `cxresearch list`"),
    )


def slug(text: str) -> str:
    """Return text as a safe folder name: lower-case letters, digits and single dashes.

    Examples
    --------
    >>> slug("Ces_vs NPS (2024)/../x")
    'ces-vs-nps-2024-x'
    """
    # 60 letters: Windows admits 260 in a whole path, and a run adds folder, stamp and file.
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "report"


def figure_key(text: str) -> str:
    """Return what a figure is called by, in any script: letters and digits in one case, joined by dashes.

    Examples
    --------
    >>> figure_key("AUC of CES"), figure_key("Оценка 1") == figure_key("оценка-1")
    ('auc-of-ces', True)
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    # L, M and N: a vowel sign of Hindi is a mark, and tells two words apart.
    kept = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in plain)
    return "-".join(kept.split()) or plain.strip()


def _folder_name(stem: str) -> str:
    """Return the folder of a notebook; what a slug leaves out of another script, its hash tells apart."""
    if stem.isascii() and len(stem) <= 60:
        return slug(stem)
    told_apart = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug(stem)[:50].strip('-')}-{told_apart}"


def read_notebook(path: Path) -> dict[str, Any]:
    """Return a notebook as plain JSON; only what this package relies on is checked.

    Raises
    ------
    ReportError
        Exit code 2, if the file is not a version 4 notebook in Python.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] != 4:
            raise usage_error(f"{path.name} has notebook format {notebook['nbformat']}", wanted="format 4")
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        cells = [(cell["cell_type"], source_of(cell)) for cell in notebook["cells"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise usage_error(
            f"{path.name} is not a notebook: {error}", wanted="a Jupyter notebook, format 4"
        ) from None
    if language.lower() != "python":
        raise usage_error(f"{path.name} is written in {language}", wanted="Python")
    if not any(kind == "code" for kind, _ in cells):
        raise usage_error(f"{path.name} has no code cell", wanted="a last cell that calls save_results")
    return notebook  # type: ignore[no-any-return]


def source_of(cell: dict[str, Any]) -> str:
    """Return the text of a cell, however the file splits it."""
    source = cell["source"]
    return "".join(source)  # of lines, or of one text


def _describe(path: Path) -> Report:
    prose = "\n\n".join(
        source_of(cell) for cell in read_notebook(path)["cells"] if cell["cell_type"] == "markdown"
    )
    heading = re.search(r"^#\s+(.+)$", prose, flags=re.MULTILINE)
    title = path.stem.replace("_", " ")
    after = prose
    if heading:
        title = heading.group(1).strip()
        after = prose[heading.end() :]
    paragraphs = [part.strip() for part in after.split("\n\n") if part.strip()]
    plain = [part for part in paragraphs if not part.startswith(("#", "|", "```"))]
    summary = " ".join("".join(plain[:1]).split())
    return Report(
        name=_folder_name(path.stem),
        path=path,
        title=title,
        summary=summary,
    )
