"""``who``: which groups are unhappy, searched as one question with one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxresearch.checks import check_columns, check_level, check_number
from cxresearch.data.landmarks.landmark_dates import Day, as_instant
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.tables.registry import as_study
from cxresearch.stats.scan.cell_search import (
    comparison_designs,
    effective_answers,
    largest_by_chance,
    nothing_searched,
    search_cells,
)
from cxresearch.stats.scan.comparisons import comparisons_of
from cxresearch.voice.who.answer_cells import answer_cells
from cxresearch.voice.who.asked_question import asked_question, refuse_impossible, values_by_score
from cxresearch.voice.who.group_search import GroupSearch
from cxresearch.voice.who.search_tables import (
    in_order,
    judged_table,
    level_table,
    named_table,
    visible_difference,
)
from cxresearch.voice.who.search_words import finding_words, nothing_to_judge, passed_over_words
from cxresearch.voice.who.searched_columns import searched_answers
from cxresearch.voice.who.unhappy_revenue import unhappy_in_cells

#: Cells below so many effective answers are not judged.
LEAST = 30


def who(
    data: Any,
    score: str | None = None,
    *,
    by: str | Sequence[str] | None = None,
    depth: int = 2,
    start: Day | None = None,
    end: Day | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> GroupSearch:
    """Search all groups of customers and answers for those that are unhappier than all others.

    Parameters
    ----------
    data : Study or frame
        A study, or a frame of answers (see `metric_table`), which has no customers' columns.
    score : str, optional
        ``"nps"``, ``"csat"`` (the mean), ``"csat_top_2_box"``, ``"csat_top_box"``, likewise for each declared
        question; by default the NPS, or else the first question.
    by : str or sequence of str, optional
        Columns to search, of responses or customers, besides ``plan`` (at the time of the answer), ``tenure``
        and ``cohort``. By default all that are groups. Numbers are cut into five classes at their quantiles;
        outcomes (``reason``, an end, a column whose levels tell who has left, or that says what the
        score says) are left out and named in the notes.
    depth : {1, 2, 3}
        Columns are crossed up to so many at a time.
    start, end : date, optional
        Answers from ``start`` on and before ``end``; by default all.
    level : float
        1 - ``level`` is the chance that the search names any group where none differs. Intervals hold the
        truth among named groups with this level.
    seed : int
        Of the exchanges of customers.

    Returns
    -------
    GroupSearch
        Groups under 30 effective answers are not judged. Missing levels count in the totals, not as groups.

    Raises
    ------
    ArgumentError
        If the score or a column does not exist, or an argument makes no sense.
    DataError
        If a frame holds scores that are no answers to the question.

    Notes
    -----
    A group's score less that of all other answers over its error, clustered by customer; a crossed group must
    also differ from the rest of each group that holds it. A group is named if the smallest of these |t|
    exceeds what the largest in the whole search does in 1 - ``level`` of the exchanges of whole customers
    (Westfall and Young 1993); beyond two million answers times sets of columns, of draws with normal
    multipliers on a sample of customers. Estimates allow for having been named (Zhong and Prentice 2008).
    See ``docs/who-and-when.md``.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> answers = pd.DataFrame(
    ...     {"customer_id": np.arange(1200), "channel": rng.choice(["web", "phone"], 1200)}
    ... )
    >>> unhappy = (answers["channel"] == "phone") & (rng.random(1200) < 0.6)
    >>> answers["score"] = np.where(unhappy, 3, rng.choice([8, 9, 10], 1200))
    >>> who(answers, "nps").table["group"].tolist()
    ['channel phone', 'channel web']
    """
    check_level(level)
    if depth not in (1, 2, 3) or isinstance(depth, bool):
        raise ArgumentError(f"depth is {depth!r}", wanted="1, 2 or 3 columns crossed")
    check_number("seed", seed, at_least=0)
    study = as_study(data, score or "nps")
    instrument, measure = asked_question(study, score)
    span = {
        name: as_instant(name, moment, study.timezone)
        for name, moment in (("start", start), ("end", end))
        if moment is not None
    }
    columns = check_columns("by", by) or None
    answers = searched_answers(study, instrument, columns, **span)
    cells = answer_cells(answers, values_by_score(measure), depth=depth, least=LEAST)
    refuse_impossible(cells.scores, measure.scale, instrument)
    if not cells.moments.n[0]:
        raise DataError(
            f"there are no answers to {instrument!r}",
            where=", ".join(f"{name} {moment:%Y-%m-%d}" for name, moment in span.items()),
            next_step="take a longer span, or another score",
        )
    searched = cells.searched
    effective = effective_answers(searched, least=LEAST)
    comparisons = comparisons_of(cells.index, effective, cells.known_levels(), least=LEAST)
    # nothing to judge is a sentence, not a table of noughts
    finding = nothing_to_judge(cells, comparisons, measure)
    found = nothing_searched()
    if not finding:
        design = comparison_designs(searched, comparisons, least=LEAST)
        chance = largest_by_chance(searched, comparisons, design, seed=seed)
        found = search_cells(cells.moments, comparisons, design, chance, level=level)
    named = found.cell[found.named].tolist()
    people, note = unhappy_in_cells(
        study, instrument, measure.scale, answers=answers, cells=cells, named=named
    )
    low_is_good = measure.kind == "mean" and measure.scale.risk_sign > 0
    result = GroupSearch(
        name=measure.label,
        table=in_order(named_table(cells, found, effective, people), low_is_good=low_is_good),
        by_column=level_table(cells, comparisons.judged),
        cells=judged_table(cells, found, effective),
        score=float(cells.moments.total[0] / cells.moments.n[0]),
        n=int(cells.moments.n[0]),
        unit=measure.unit,
        level=level,
        critical=found.critical,
        visible=visible_difference(cells, found),
        low_is_good=low_is_good,
        method=found.method,
        finding=finding,
    )
    return finding_words(result, notes=(*passed_over_words(cells.passed_over), note))
