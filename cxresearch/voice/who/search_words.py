"""What a search found, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.results.units import Unit, format_estimate, format_value

if TYPE_CHECKING:
    from typing import Any

    from cxresearch.metrics.survey.score_measures import Measure
    from cxresearch.stats.scan.comparisons import Comparisons
    from cxresearch.voice.who.answer_cells import AnswerCells
    from cxresearch.voice.who.group_search import GroupSearch

_MOST_SAID = 3


def nothing_to_judge(cells: AnswerCells, comparisons: Comparisons, measure: Measure) -> str:
    """Return why no group can be judged, or an empty text."""
    n, total, squares = cells.moments.n[0], cells.moments.total[0], cells.moments.squares[0]
    # variance = mean of squares - square of the mean
    if squares / n - (total / n) ** 2 < 1e-12:
        value = format_value(float(total / n), measure.unit)
        return f"All {int(n):,} answers count the same ({measure.label} {value}): no group can differ."
    if not cells.columns:
        return (
            "There is no column to search: every one is empty, the same for all, an outcome or an identifier."
        )
    if not len(comparisons.judged):
        return (
            f"No group holds 30 effective answers with as many outside it (n {int(n):,}): none can be "
            "judged. Wait for more answers, or search coarser groups."
        )
    return ""


def finding_words(result: GroupSearch, *, notes: tuple[str, ...]) -> GroupSearch:
    """Return the result with its finding and its notes."""
    further = [note for note in notes if note]
    if result.finding:
        return replace(result, notes=tuple(further))
    judged = len(result.cells)
    error = f"{100 * (1 - result.level):.3g} %"
    seen = format_value(result.visible, unit_of_difference(result.unit))
    power = (
        f"A tenth of the answers would be named with 80 % power if it lay {seen.lstrip('+')} from the others."
    )
    further.insert(
        0, f"{judged:,} groups judged, {error} error for the whole search ({result.method}). {power}"
    )
    if (result.table["explained_by"] != "").any():
        further.append("Groups explained by another no longer differ once that one is held.")
    unhappy = result.unhappy
    if len(unhappy):
        finding = _unhappy_words(result, unhappy.to_dict("records"))
    elif len(result.table):
        happier = ", ".join(result.table["group"].head(_MOST_SAID))
        finding = f"No group stands out as unhappier; happier than the others: {happier}. {power}"
    else:
        finding = f"No group of {judged:,} differs from the others beyond chance. {power}"
    return replace(result, finding=finding, notes=tuple(further))


def _unhappy_words(result: GroupSearch, rows: list[dict[Any, Any]]) -> str:
    first = rows[0]
    unit = unit_of_difference(result.unit)
    size = format_estimate(first["difference"], first["low"], first["high"], unit, signed=True)
    whole = format_value(result.score, result.unit)
    without = format_value(result.score - first["pull"], result.unit)
    share = format_value(first["share"], Unit.SHARE)
    text = (
        f"Unhappiest: {first['group']}, {result.name} {format_value(first['score'], result.unit)}, "
        f"{size} against all others. It is {share} of the answers; without it {result.name} would be "
        f"{without} instead of {whole}."
    )
    others = [row["group"] for row in rows[1:_MOST_SAID]]
    if others:
        text += f" Also unhappier: {'; '.join(others)}"
        left = len(rows) - 1 - len(others)
        if left:
            text += f" and {left} more"
        text += "."
    return text


def passed_over_words(passed_over: dict[str, str]) -> tuple[str, ...]:
    """Return a note on the columns that were not searched.

    Examples
    --------
    >>> passed_over_words({"status": "an outcome", "id": "9,000 levels"})
    ('Not searched: status (an outcome); id (9,000 levels).',)
    """
    if not passed_over:
        return ()
    text = "; ".join(f"{name} ({reason})" for name, reason in passed_over.items())
    return (f"Not searched: {text}.",)
