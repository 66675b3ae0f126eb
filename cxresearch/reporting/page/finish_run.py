"""What the worker does after the last cell: strike out what differs from run to run, then write the page."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from cxresearch.reporting.outcome import ReportError
from cxresearch.reporting.page.mail_body import write_mail
from cxresearch.reporting.page.report_page import about_block, block_of, render
from cxresearch.reporting.shelf.complete_run import check_kinds, check_results
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.reporting.writing.alerts import alerts_block, evaluate, parse_rule
from cxresearch.reporting.writing.changes import changes_block, compare_headlines
from cxresearch.reporting.writing.staged_files import shown_pictures
from cxresearch.reporting.writing.steps import told
from cxresearch.reporting.writing.whose import whose_of

if TYPE_CHECKING:
    from markupsafe import Markup

# Addresses in memory and names of cell files differ from run to run, and say nothing.
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
_CELL_FILE = re.compile(r"[^\s'\"<>]{0,200}ipykernel_\d+/\d+\.py")
_KEPT_METADATA = ("tags",)


def finish(notebook: Any, job: dict[str, Any], *, ok: bool) -> None:
    """Tidy an executed notebook and write it into the staging folder; with ``ok`` its page too.

    Parameters
    ----------
    notebook : NotebookNode
        As papermill left it.
    job : dict
        What the worker was asked: ``staging``, ``title``, ``parameters``, ``alerts``.
    ok : bool
        Whether every cell ran.
    """
    staging = Path(job["staging"])
    try:
        check_kinds(staging, "")
    except ReportError:  # a pipe has no end: nothing of the folder is read, and the runner says why
        ok = False
    tidy(notebook)
    text = strike_secrets(
        json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False), _secrets(staging)
    )
    (staging / "notebook.ipynb").write_text(text + "\n", encoding="utf-8")
    if not ok:
        return
    _strike_files(staging)
    if _has_results(staging):
        _write_page(json.loads(text, object_hook=_node), job, staging)
        _strike_files(staging, among="*.html")


def _has_results(staging: Path) -> bool:
    try:
        check_results(staging / "results.json", "")
    except ReportError:  # the runner looks again, and says what is wrong
        return False
    return True


def tidy(notebook: Any) -> None:
    """Strike from a notebook, in place, what differs between two runs of the same code on the same data."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for index, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{index}"
        cell["metadata"] = {key: cell["metadata"][key] for key in _KEPT_METADATA if key in cell["metadata"]}
        if "outputs" in cell:
            cell["outputs"] = _joined(cell["outputs"])
        for output in cell.get("outputs", ()):
            _tidy_output(output)


#: Behind what was displayed before it comes what was printed, then what went to the log.
_STREAMS = {"stdout": 1, "stderr": 2}


def _joined(outputs: list[Any]) -> list[Any]:
    """Join what a cell printed: in how many pieces a text arrives, and which stream is first, is chance."""
    ordered: list[tuple[int, int, Any]] = []
    streams: dict[str, Any] = {}
    shown = 0
    for output in outputs:
        if output["output_type"] != "stream":
            shown += 1
            ordered.append((shown, 0, output))
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
            ordered.append((shown, _STREAMS[output["name"]], output))
    for output in streams.values():  # a carriage return starts the line anew, as progress bars do
        lines = output["text"].replace("\r\n", "\n").split("\n")
        output["text"] = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return [output for _, _, output in sorted(ordered, key=lambda entry: entry[:2])]


def _tidy_output(output: Any) -> None:
    if "metadata" in output:
        block = block_of(output)
        output["metadata"] = {}
        if block:
            output["metadata"] = {"cxresearch": {"block": block}}
    if isinstance(output.get("text"), str):
        output["text"] = _steady(output["text"])
    for mime, value in output.get("data", {}).items():
        if mime.startswith("text/") and isinstance(value, str) and len(value) < 1_000_000:
            output["data"][mime] = _steady(value)


def _steady(text: str) -> str:
    if "ipykernel_" in text:
        text = _CELL_FILE.sub("cell", text)
    return _ADDRESS.sub("at 0x...", text)


def _secrets(staging: Path) -> dict[str, str]:
    names = _lines_of(staging / ".private" / "secrets")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _lines_of(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8").split()


def strike_secrets(text: str, secrets: dict[str, str]) -> str:
    """Replace the value of each secret that a notebook asked for by its name in brackets."""
    for name, value in secrets.items():
        for form in _forms(value):
            text = text.replace(form, f"[{name}]")
    return text


def _forms(value: str) -> list[str]:
    """Return how a secret can stand in a file: plain, or escaped in HTML, JSON, CSV, addresses."""
    escaped = {
        value,
        html.escape(value),
        html.escape(value, quote=False),
        value.replace('"', '""'),
        repr(value)[1:-1],
    }
    # markupsafe writes quotes as numbers
    escaped.add(html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"))
    escaped.add(html.escape(value).replace("&#x27;", "&#39;"))
    escaped.add(html.escape(value, quote=False).replace('"', "&quot;"))
    escaped |= {quote(value), quote(value, safe=""), quote_plus(value)}
    escaped |= {json.dumps(form)[1:-1] for form in set(escaped)}
    escaped |= {json.dumps(form, ensure_ascii=False)[1:-1] for form in set(escaped)}
    return sorted(escaped, key=len, reverse=True)


def _strike_files(staging: Path, *, among: str = "*") -> None:
    """Strike secrets out of every text that the run publishes, whoever wrote it."""
    secrets = _secrets(staging)
    if not secrets:
        return
    for path in staging.rglob(among):
        if not path.is_file() or ".private" in path.parts:
            continue
        content = path.read_bytes()
        try:
            text = content.decode("utf-8")
            struck = strike_secrets(text, secrets).encode("utf-8")
        except UnicodeDecodeError:  # no text: the bytes of the secret itself
            struck = content
            for name, value in secrets.items():
                for encoding in ("utf-8", "utf-16-le"):
                    struck = struck.replace(value.encode(encoding), f"[{name}]".encode(encoding))
        if struck != content:
            path.write_bytes(struck)


def _write_page(notebook: Any, job: dict[str, Any], staging: Path) -> None:
    results = json.loads((staging / "results.json").read_text(encoding="utf-8"))
    inputs = json_of(staging / ".private" / "inputs.json")
    previous = json_of(staging / "previous.json")
    blocks = {block_of(output) for cell in notebook["cells"] for output in cell.get("outputs", ())}
    alerts = _alerts(job, results, previous, staging)
    moved: Markup | str = ""
    if results["headline"]:
        changes = compare_headlines(results["headline"], previous.get("headline", []))
        moved = changes_block(changes, previous)
    boxes = alerts
    if "since-last-time" not in blocks:
        boxes = alerts + moved
    about = about_block(job["parameters"], inputs, inputs.get("counts", []))
    noted = strike_secrets(json.dumps(json_of(staging / ".private" / "facts.json")), _secrets(staging))
    facts = {**job["parameters"], **json.loads(noted)}
    whose = whose_of(results)
    page = render(
        notebook,
        title=job["title"],
        boxes=boxes,
        about=about,
        facts=facts,
        whose=whose,
        previous=previous,
        tables=_tables(staging),
    )
    (staging / "report.html").write_text(page, encoding="utf-8")
    pictures = shown_pictures(staging / ".private" / "shown.jsonl")
    write_mail(staging, results, title=job["title"], boxes=alerts + moved, pictures=pictures, whose=whose)


def _tables(staging: Path) -> list[str]:
    """Names of the tables of the page; those that explain their columns aside."""
    names = [path.stem for path in (staging / "tables").glob("*.csv")]
    return sorted(name for name in names if not name.endswith(".columns"))


def _alerts(
    job: dict[str, Any], results: dict[str, Any], previous: dict[str, Any], staging: Path
) -> Markup | str:
    rules = [parse_rule(text, required=required) for text, required in job["alerts"]]
    if not rules:
        return ""
    watched = results.get("watched")
    alerted = previous.get("alerted", [])
    judged = evaluate(
        rules, results["headline"], previous.get("headline", []), watched=watched, alerted=alerted
    )
    state = {"rules": judged, "alerted": told(rules, watched, alerted)}
    text = json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False)
    (staging / "alert.json").write_text(text + "\n", encoding="utf-8")
    return alerts_block(judged)


def _node(content: dict[str, Any]) -> Any:
    import nbformat

    node: Any = nbformat.NotebookNode
    return node(content)
