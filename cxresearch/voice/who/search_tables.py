"""What a search found, as tables: named groups, every group judged, every level of every column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.stats.scan.explained_cells import explained_by
from cxresearch.stats.scan.named_estimates import smallest_seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.stats.scan.cell_contrasts import Floats
    from cxresearch.stats.scan.cell_search import CellSearch
    from cxresearch.voice.who.answer_cells import AnswerCells

#: The share of the answers whose visible difference is stated.
SHARE_SEEN = 0.1
NOT_GIVEN, SMALL = "(not given)", "(under 30)"


def named_table(
    cells: AnswerCells, found: CellSearch, effective: Floats, people: pd.DataFrame
) -> pd.DataFrame:
    """Return the named groups; those that another explains last, then by their pull, largest fall first.

    Parameters
    ----------
    cells : AnswerCells
        Cells of the search.
    found : CellSearch
        What was named.
    effective : array, shape (cells,)
        Effective answers.
    people : DataFrame
        Unhappy customers and their revenue in each named cell, in the order of ``found``.
    """
    named = found.named
    places = found.cell[named]
    moments = cells.moments
    share = moments.n[places] / moments.n[0]
    # the score of the others needs no allowance: they were not what was picked
    rest = (moments.total[0] - moments.total[places]) / (moments.n[0] - moments.n[places])
    factors = dict(zip(places.tolist(), found.design[named].tolist(), strict=True))
    explained = explained_by(moments, cells.index, places.tolist(), factors, critical=found.critical)
    explaining = {place: cells.label(other) for place, other in explained.items()}
    table = pd.DataFrame(
        {
            "group": [cells.label(place) for place in places.tolist()],
            "n": moments.n[places].astype("int64"),
            "n_effective": effective[places],
            "share": share,
            "score": rest + found.estimate[named],
            "difference": found.estimate[named],
            "low": found.low[named],
            "high": found.high[named],
            # pull = share x difference = score of all - score without the group
            "pull": share * found.estimate[named],
            "pull_low": share * found.low[named],
            "pull_high": share * found.high[named],
            "p_value": found.p_value[named],
            "difference_seen": found.difference[named],
            "se": found.se[named],
        }
    )
    for name in people.columns:
        if people[name].notna().any():
            table[name] = people[name].to_numpy()
    table["explained_by"] = [explaining.get(place, "") for place in places.tolist()]
    return table


def in_order(table: pd.DataFrame, *, low_is_good: bool) -> pd.DataFrame:
    """Return named groups with the unhappier first, those that another explains last."""
    pull = table["pull"].to_numpy(dtype=np.float64)
    explained = (table["explained_by"] != "").to_numpy()
    if low_is_good:
        pull = -pull
    order = np.lexsort((table["group"].to_numpy(dtype=str), pull, explained))
    return table.iloc[order].reset_index(drop=True)


def judged_table(cells: AnswerCells, found: CellSearch, effective: Floats) -> pd.DataFrame:
    """Return every group judged, with its difference as seen."""
    return pd.DataFrame(
        {
            "group": [cells.label(place) for place in found.cell.tolist()],
            "n": cells.moments.n[found.cell].astype("int64"),
            "n_effective": effective[found.cell],
            "difference": found.difference,
            "t": found.smallest_t,
            "p_value": found.p_value,
            "named": found.named,
        }
    )


def level_table(cells: AnswerCells, judged: NDArray[np.intp]) -> pd.DataFrame:
    """Return every level of every column with what it contributes; the small ones are one line a column."""
    moments = cells.moments
    singles = [place for place in range(1, len(cells.index)) if len(cells.index.columns[place]) == 1]
    shown = set(judged.tolist())
    columns = [cells.index.columns[place][0] for place in singles]
    table = pd.DataFrame(
        {
            "column": [cells.columns[column].name for column in columns],
            "level": [_level_name(cells, place, shown) for place in singles],
            "n": moments.n[singles],
            "total": moments.total[singles],
        }
    )
    table = table.groupby(["column", "level"], sort=False, as_index=False).sum()
    n, total = float(moments.n[0]), float(moments.total[0])
    table["share"] = table["n"] / n
    table["score"] = table["total"] / table["n"]
    # share x score: over the levels of a column these add up to the score
    table["contribution"] = table["total"] / n
    # score - score of the others = share x (score of the level - score of the others)
    rest = n - table["n"]
    table["pull"] = total / n - (total - table["total"]) / rest.where(rest > 0)
    table["n"] = table["n"].astype("int64")
    return table.drop(columns="total")


def _level_name(cells: AnswerCells, place: int, shown: set[int]) -> str:
    name = cells.names[cells.index.columns[place][0]][cells.index.levels[place][0]]
    if name is None:
        return NOT_GIVEN
    return name if place in shown else SMALL


def visible_difference(cells: AnswerCells, found: CellSearch) -> float:
    """Return the difference of a tenth of the answers from the others that is named with 80 % power.

    SE^2 = v / n (1/p + 1/(1 - p)) F for a share p, with the median design factor F of the groups judged; NaN
    where none is.
    """
    if not len(found.cell):
        return float("nan")
    moments = cells.moments
    n = float(moments.n[0])
    variance = float(moments.squares[0] / n - (moments.total[0] / n) ** 2)
    factor = float(np.median(found.design))
    se = np.sqrt(variance / n * (1 / SHARE_SEEN + 1 / (1 - SHARE_SEEN)) * factor)
    return float(smallest_seen(found.critical, np.array([se]))[0])
