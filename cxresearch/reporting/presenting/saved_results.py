"""The last cell of a report: its results, checked and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cxresearch.errors import ArgumentError
from cxresearch.reporting.presenting.headline_figures import headline_items
from cxresearch.reporting.presenting.reliance_box import segment_shown, whose_page, write_reliance_again
from cxresearch.reporting.presenting.shown_block import show_block
from cxresearch.reporting.writing.staged_files import stage_file, staging_folder
from cxresearch.reporting.writing.whose import about_part
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import as_plain

#: Of results.json; to be raised when what older runs hold can no longer be read.
SCHEMA = 1


def save_results(
    *,
    finding: str,
    headline: Sequence[Estimate | Contrast],
    results: Mapping[str, Any] | None = None,
    watched: Mapping[str, Any] | None = None,
) -> None:
    """Check the results of a report and write ``results.json``; the last cell of every report notebook.

    Parameters
    ----------
    finding : str
        The answer in one sentence.
    headline : sequence of Estimate or Contrast
        The figures that history, alerts and comparisons follow; names are unique and stay the same from run
        to run. May be empty only if the report has no figure at all.
    results : mapping, optional
        Everything else worth keeping: results of this package, frames, plain values.
    watched : mapping, optional
        Changes of level that stand, for alert rules such as ``NPS stepped``: `StandingChanges.watched`.

    Raises
    ------
    ArgumentError
        If the finding is empty or two headline figures share a name.
    """
    if not finding.strip():
        raise ArgumentError("the finding is empty", wanted="the answer in one sentence")
    whose = whose_page()
    finding = about_part(segment_shown(), finding)
    write_reliance_again()
    items = headline_items(headline)
    names = [item["name"] for item in items]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(
            f"two headline figures are called {twice[0]!r}", wanted="one name for each figure"
        )
    content = {
        "schema": SCHEMA,
        "finding": finding,
        "whose": whose,
        "headline": items,
        "results": as_plain(dict(results or {})),
    }
    if watched is not None:
        content["watched"] = as_plain(dict(watched))
    # allow_nan=False: as_plain has made every missing number null, which JSON can hold.
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1, sort_keys=True)
    stage_file("results.json", text.encode("utf-8"))
    where = "not saved: `cxresearch run` saves and publishes"
    if staging_folder():
        where = "saved for publishing"
    show_block("", f"{len(items)} headline figures, {where}", "saved")
