"""``who``: which groups are unhappy, searched as one question with one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_columns, check_level, check_number
from cxresearch.data.landmarks.landmark_dates import Day, as_instant
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.tables.registry import as_study
from cxresearch.stats.scan.cell_search import (
    comparison_designs,
    effective_answers,
    largest_by_chance,
    search_cells,
)
from cxresearch.stats.scan.comparisons import comparisons_of
from cxresearch.stats.scan.explained_cells import explained_by
from cxresearch.stats.scan.named_estimates import smallest_seen
from cxresearch.voice.who.answer_cells import answer_cells
from cxresearch.voice.who.asked_question import asked_question, refuse_impossible, values_by_score
from cxresearch.voice.who.group_search import GroupSearch
from cxresearch.voice.who.search_words import finding_words, nothing_to_judge, passed_over_words
from cxresearch.voice.who.searched_columns import searched_answers
from cxresearch.voice.who.unhappy_revenue import unhappy_in_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.metrics.survey.score_measures import Measure
    from cxresearch.stats.scan.cell_contrasts import Floats, Indices
    from cxresearch.stats.scan.cell_search import CellSearch
    from cxresearch.stats.scan.comparisons import Comparisons
    from cxresearch.stats.scan.max_t import MaxT
    from cxresearch.voice.who.answer_cells import AnswerCells

#: Cells below so many effective answers are not judged.
LEAST = 30
_SHARE_SEEN = 0.1
_TABLE = [
    "group",
    "n",
    "n_effective",
    "share",
    "score",
    "difference",
    "low",
    "high",
    "pull",
    "pull_low",
    "pull_high",
    "p_value",
    "difference_seen",
    "se",
    "unhappy_customers",
    "unhappy_mrr",
    "explained_by",
]


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
    first = None if start is None else as_instant("start", start, study.timezone)
    last = None if end is None else as_instant("end", end, study.timezone)
    columns = None if by is None else check_columns("by", by)
    answers = searched_answers(study, instrument, columns, start=first, end=last)
    cells = answer_cells(answers, values_by_score(measure), depth=depth, least=LEAST)
    refuse_impossible(cells.scores, measure.scale, instrument)
    if not cells.moments.n[0]:
        raise DataError(
            f"there are no answers to {instrument!r}" + (" in this span" if start or end else ""),
            next_step="take a longer span, or another score",
        )
    searched = cells.searched
    effective = effective_answers(searched, least=LEAST)
    comparisons = comparisons_of(cells.index, effective, cells.known_levels(), least=LEAST)
    quiet = nothing_to_judge(cells, comparisons, measure)
    if quiet:
        return _result(cells, measure, effective, _Nothing(comparisons), level=level, finding=quiet)
    design = comparison_designs(searched, comparisons, least=LEAST)
    chance = largest_by_chance(searched, comparisons, design, seed=seed)
    found = search_cells(cells.moments, comparisons, design, chance, level=level)
    outcome = _Outcome(cells, comparisons, design, chance, found)
    people, note = unhappy_in_cells(
        study, instrument, measure.scale, answers=answers, cells=cells, named=outcome.named
    )
    return _result(cells, measure, effective, outcome, level=level, people=people, note=note)


class _Nothing:
    """A search without anything to judge."""

    def __init__(self, comparisons: Comparisons) -> None:
        self.comparisons = comparisons
        self.named: list[int] = []
        self.table = pd.DataFrame(columns=_TABLE)
        self.cells = pd.DataFrame(
            columns=["group", "n", "n_effective", "difference", "t", "p_value", "named"]
        )
        self.critical = float("nan")
        self.visible = float("nan")
        self.method = "no group to judge"


class _Outcome:
    """What a search found, as tables."""

    def __init__(
        self,
        cells: AnswerCells,
        comparisons: Comparisons,
        design: Floats,
        chance: MaxT,
        found: CellSearch,
    ) -> None:
        self.comparisons = comparisons
        self.critical = found.critical
        self.method = chance.method
        self.named: list[int] = found.cell[found.named].tolist()
        overall = design[comparisons.starts]
        self.visible = self._visible(cells, comparisons, overall)
        self.table = self._named_table(cells, found, overall)
        self.cells = pd.DataFrame(
            {
                "group": [cells.label(place) for place in found.cell.tolist()],
                "n": cells.moments.n[found.cell].astype("int64"),
                "difference": found.difference,
                "t": found.smallest_t,
                "p_value": found.p_value,
                "named": found.named,
            }
        )

    def _visible(self, cells: AnswerCells, comparisons: Comparisons, design: Floats) -> float:
        """Difference of a tenth of the answers that would be named with 80 % power."""
        moments = cells.moments
        n = float(moments.n[0])
        variance = float(moments.squares[0] / n - (moments.total[0] / n) ** 2)
        single = comparisons.sizes == 1
        factor = float(np.median(design[single])) if single.any() else float(np.median(design))
        # SE^2 of the difference between a share p and the rest: v / n (1/p + 1/(1 - p)) F
        se = np.sqrt(variance / n * (1 / _SHARE_SEEN + 1 / (1 - _SHARE_SEEN)) * factor)
        return float(smallest_seen(self.critical, np.array([se]))[0])

    def _named_table(self, cells: AnswerCells, found: CellSearch, overall: Floats) -> pd.DataFrame:
        named = found.named
        places: NDArray[np.intp] = found.cell[named]
        moments = cells.moments
        share = moments.n[places] / moments.n[0]
        rest = (moments.total[0] - moments.total[places]) / (moments.n[0] - moments.n[places])
        factors = dict(zip(places.tolist(), overall[named].tolist(), strict=True))
        explained = explained_by(moments, cells.index, places.tolist(), factors, critical=found.critical)
        return pd.DataFrame(
            {
                "group": [cells.label(place) for place in places.tolist()],
                "n": moments.n[places].astype("int64"),
                "share": share,
                "score": rest + found.estimate[named],
                "difference": found.estimate[named],
                "low": found.low[named],
                "high": found.high[named],
                "pull": share * found.estimate[named],
                "pull_low": share * found.low[named],
                "pull_high": share * found.high[named],
                "p_value": found.p_value[named],
                "difference_seen": found.difference[named],
                "se": found.se[named],
                "explained_by": [
                    cells.label(explained[place]) if place in explained else "" for place in places.tolist()
                ],
            }
        )


def _result(
    cells: AnswerCells,
    measure: Measure,
    effective: Floats,
    outcome: _Outcome | _Nothing,
    *,
    level: float,
    finding: str = "",
    people: pd.DataFrame | None = None,
    note: str = "",
) -> GroupSearch:
    worse = float(measure.scale.risk_sign) if measure.kind == "mean" else -1.0
    judged = outcome.comparisons.judged
    table = outcome.table.copy()
    table["n_effective"] = effective[outcome.named] if outcome.named else np.zeros(0)
    for name in ("unhappy_customers", "unhappy_mrr"):
        table[name] = people[name].to_numpy() if people is not None else np.nan
    table = table[_TABLE]
    listed = outcome.cells.assign(n_effective=effective[judged])
    explained = table["explained_by"] != ""
    order = np.lexsort((table["group"], -worse * table["pull"].to_numpy(dtype=float), explained))
    table = table.iloc[order].reset_index(drop=True)
    unknown = [name for name in ("unhappy_customers", "unhappy_mrr") if table[name].isna().all()]
    if len(table):
        table = table.drop(columns=unknown)
    score = float(cells.moments.total[0] / cells.moments.n[0])
    result = GroupSearch(
        name=measure.label,
        table=table,
        by_column=_by_column(cells, judged),
        cells=listed,
        score=score,
        n=int(cells.moments.n[0]),
        unit=measure.unit,
        level=level,
        critical=outcome.critical,
        visible=outcome.visible,
        low_is_good=worse > 0,
        method=outcome.method,
        finding=finding,
    )
    return finding_words(result, notes=(*passed_over_words(cells.passed_over), note))


def _by_column(cells: AnswerCells, judged: Indices) -> pd.DataFrame:
    """Every level of every column with what it contributes; the small ones in one line."""
    moments = cells.moments
    singles = [place for place in range(1, len(cells.index)) if len(cells.index.columns[place]) == 1]
    level = []
    shown = set(judged.tolist())
    for place in singles:
        name = cells.names[cells.index.columns[place][0]][cells.index.levels[place][0]]
        level.append("(not given)" if name is None else name if place in shown else f"(under {LEAST})")
    table = pd.DataFrame(
        {
            "column": [cells.columns[cells.index.columns[place][0]].name for place in singles],
            "level": level,
            "n": moments.n[singles],
            "total": moments.total[singles],
        }
    )
    table = table.groupby(["column", "level"], sort=False, as_index=False).sum()
    n, total = float(moments.n[0]), float(moments.total[0])
    table["share"] = table["n"] / n
    table["score"] = table["total"] / table["n"]
    table["contribution"] = table["total"] / n
    rest = n - table["n"]
    table["pull"] = total / n - (total - table["total"]) / rest.where(rest > 0)
    table["n"] = table["n"].astype("int64")
    return table.drop(columns="total")
