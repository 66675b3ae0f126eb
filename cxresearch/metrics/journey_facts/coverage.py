"""Coverage: which touchpoint x channel x device is asked, and which customers and what revenue is heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_columns, check_level
from cxresearch.data.engine import collect, period_start
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import shares
from cxresearch.metrics.base.group_columns import neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.options import check_days
from cxresearch.metrics.journey_facts.coverage_result import HEARD, NEVER, SILENT, Coverage
from cxresearch.metrics.journey_facts.customers_heard import (
    CustomersThere,
    customers_there_in,
    revenue_shares,
    share_of_customers,
    share_of_revenue,
)
from cxresearch.metrics.journey_facts.needed_lines import column_line
from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW
from cxresearch.wording import did_you_mean, listed, one_of

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study

#: The grid asked for unless said otherwise, as far as the study has these columns.
USUAL = ("touchpoint", "channel", "device")
#: A larger grid is no picture any more, and most of its cells are empty by arithmetic.
MOST_CELLS = 2_000


def coverage(
    study: Study,
    *,
    by: str | Sequence[str] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    window_days: float = 365,
    level: float = 0.95,
) -> Coverage:
    """Return which cells of touchpoint, channel and device are asked, and whose voice is heard in them.

    The cells never asked are the finding: no score can come from there, and a trend says nothing of them.

    Parameters
    ----------
    study : Study
        With table ``responses``; ``customers`` and ``revenue`` give the shares heard. A row is a question
        asked, one with a score an answer.
    by : str or sequence of str, optional
        Columns of responses that make the grid. By default those of touchpoint, channel and device it has.
    levels : mapping of str to sequence of str, optional
        Levels that a column should have, such as ``{"device": ["desktop", "mobile", "tablet"]}``: a level
        that no question ever had cannot be known from the answers.
    window_days : float
        Days up to the data cut that are looked at.
    level : float
        Confidence level.

    Returns
    -------
    Coverage
        One row a cell of the grid of all levels; ``never_asked`` are the empty ones, ``left_out`` those that
        are hardly empty by chance. Questions that leave a column of the grid empty are in no cell and
        counted in a note. Cells of 1 to 4 customers heard are hidden. ``cx.plot`` draws it as a heat map.

    Raises
    ------
    DataError
        If the study has no responses, none of the columns, or nothing was asked within the window.
    ArgumentError
        If a column is not among those of responses, or the grid has more than 2,000 cells.

    Notes
    -----
    A cell is empty by chance with probability ``(1 - product of the shares of its levels) ** n`` for n
    customers asked whose cells are drawn independently by column; who is asked more often fills more cells,
    so that this is an upper bound. It is multiplied by the number of cells (Bonferroni): on columns that have
    nothing to do with each other any cell at all is named in at most ``1 - level`` of studies. Shares of
    customers have Wilson's interval, shares of revenue the linearised one; see docs/metrics.md.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> asked = pd.DataFrame({"customer_id": range(90), "responded_at": "2024-05-01", "NPS": 9})
    >>> asked["channel"] = ["mail", "app", "app"] * 30
    >>> asked["device"] = ["desktop", "mobile", "mobile"] * 30
    >>> from cxresearch.data.study import Study
    >>> study = Study.from_frames(responses=asked, scores={"NPS": "nps"}, observed_until="2024-06-30")
    >>> coverage(study, by=["channel", "device"]).left_out[["channel", "device", "expected"]]
      channel   device  expected
    0     app  desktop      20.0
    1    mail   mobile      20.0
    """
    check_level(level)
    check_days("window_days", window_days)
    columns = _columns(study, by)
    asked, query = _asked(study, columns, window_days)
    keys = list(query.by)
    base = customers_there_in(study, window_days)
    grid, never = _grid(asked, keys, dict(zip(keys, columns, strict=True)), levels or {})
    cells = grid.merge(_counts(asked, keys), on=keys, how="left")
    cells = cells.merge(_heard(asked, keys, base), on=keys, how="left")
    table = with_users_names(_finished(cells, asked, keys, base, level), query)
    customers = share_of_customers(asked, base, level)
    return Coverage(
        by=tuple(table.columns[: len(keys)]),
        table=table,
        asked=int(asked["asked"].sum()),
        answered=int(asked["answered"].sum()),
        customers=base.n,
        customers_heard=round(float(np.nan_to_num(customers.value * base.n))),
        share_customers=customers,
        share_revenue=share_of_revenue(asked, base, level),
        levels_never_asked=never,
        window_days=float(window_days),
        level=level,
        notes=tuple(_notes(asked, keys, columns, base, table)),
    )


def _columns(study: Study, by: str | Sequence[str] | None) -> tuple[str, ...]:
    """Columns of the grid; those asked for, or the usual ones there are."""
    if "responses" not in study.tables:
        raise DataError("the study has no responses, so nothing is asked", wanted="a table responses")
    present = study.table("responses").collect_schema().names()
    columns = check_columns("by", by)
    if not columns:
        columns = tuple(name for name in USUAL if name in present)
    if not columns:
        raise DataError(
            "responses say neither touchpoint nor channel nor device",
            where="table responses",
            wanted="at least one of these columns",
            next_step=column_line("responses", *USUAL),
        )
    free = [name for name in present if name not in ("customer_id", "score", "responded_at", "sent_at")]
    for name in columns:
        if name not in free and name.casefold() not in map(str.casefold, free):
            raise ArgumentError(
                f"responses have no column {name!r} to cover",
                where="table responses",
                wanted=one_of(free, "a column besides those of the answer"),
                next_step=did_you_mean(name, free, otherwise=column_line("responses", name)),
            )
    return columns


def _asked(study: Study, columns: tuple[str, ...], window_days: float) -> tuple[pd.DataFrame, Query]:
    """Questions asked within the window by cell and customer: asked, answered and the last day asked."""
    tables, query = neutral_groups(study, Query(by=columns))
    rows = tables.table("responses")
    moment = nw.col("responded_at")
    if "sent_at" in rows.collect_schema().names():
        moment = nw.coalesce(nw.col("sent_at"), moment)
    since = study.observed_until - timedelta(days=window_days)
    none, one = nw.lit(0), nw.lit(1)
    # A row is a question asked; one with a score is an answer.
    rows = rows.with_columns(
        moment=moment,
        given=nw.when(nw.col("score").is_null()).then(none).otherwise(one),
    ).filter((nw.col("moment") > nw.lit(since)) & (nw.col("moment") <= nw.lit(study.observed_until)))
    rows = rows.with_columns(day=period_start(nw.col("moment"), "day", study.timezone))
    # One pass over the answers: cells, customers in cells and margins all follow from this table.
    counted = rows.group_by([*query.by, "customer_id"]).agg(
        nw.len().alias("asked"),
        nw.col("given").sum().alias("answered"),
        nw.col("day").max().alias("last_asked"),
    )
    asked = collect(counted)
    if asked.empty:
        raise DataError(
            f"nothing was asked in the {window_days:g} days up to the data cut",
            where="table responses",
            next_step="raise window_days, or look at observed_until in study.toml",
        )
    for name in query.by:
        text = asked[name].astype("object")
        # An empty text names no level, as a missing one does not.
        asked[name] = text.where(text.notna() & (text.astype(str).str.strip() != ""), None)
    return asked, query


def _grid(
    asked: pd.DataFrame, keys: list[str], names: Mapping[str, str], levels: Mapping[str, Sequence[str]]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Every crossing of the levels there are or should be, and the levels that occur on no question."""
    for name in levels:
        if name not in names.values():
            raise ArgumentError(
                f"levels names {name!r}, which is no column of the grid",
                wanted=f"one of {listed(names.values())}",
            )
    sides, never = [], []
    for key in keys:
        seen = sorted(asked[key].dropna().unique(), key=str)
        declared = [str(value) for value in levels.get(names[key], ())]
        never += [f"{names[key]}: {value}" for value in dict.fromkeys(declared) if value not in seen]
        sides.append(list(dict.fromkeys([*declared, *seen])))
    size = reduce(lambda product, side: product * len(side), sides, 1)
    if size > MOST_CELLS:
        raise ArgumentError(
            f"the grid of {listed(names.values())} has {size:,} cells",
            wanted=f"at most {MOST_CELLS:,}",
            next_step="name fewer columns in by, or those with fewer levels",
        )
    return pd.MultiIndex.from_product(sides, names=keys).to_frame(index=False), tuple(never)


def _counts(asked: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Questions, answers and the last day of each cell."""
    return (
        asked.dropna(subset=keys)
        .groupby(keys, as_index=False)
        .agg(asked=("asked", "sum"), answered=("answered", "sum"), last_asked=("last_asked", "max"))
    )


def _heard(asked: pd.DataFrame, keys: list[str], base: CustomersThere) -> pd.DataFrame:
    """Customers heard in each cell, those there in the window, and sums of what they pay."""
    answered = asked[(asked["answered"] > 0) & asked["customer_id"].notna()].dropna(subset=keys)
    people = answered[[*keys, "customer_id"]]
    present = base.of(people)
    present = present.assign(squares=present["cents"] ** 2)
    everyone = people.groupby(keys, as_index=False).agg(people=("customer_id", "nunique"))
    within = present.groupby(keys, as_index=False).agg(
        customers_heard=("customer_id", "nunique"), cents=("cents", "sum"), squares=("squares", "sum")
    )
    return everyone.merge(within, on=keys, how="left")


def _finished(
    cells: pd.DataFrame, asked: pd.DataFrame, keys: list[str], base: CustomersThere, level: float
) -> pd.DataFrame:
    """Cells with status, shares, chance and what is hidden."""
    counted = ["asked", "answered", "people", "customers_heard", "cents", "squares"]
    cells[counted] = cells[counted].fillna(0)
    status = np.where(cells["asked"] == 0, NEVER, np.where(cells["answered"] == 0, SILENT, HEARD))
    table = cells[keys].assign(status=status)
    table["asked"] = cells["asked"].astype("int64")
    table["answered"] = cells["answered"].astype("Int64")
    table["customers_heard"] = cells["customers_heard"].astype("Int64")
    # p = customers heard here / customers there in the window; Wilson (1927).
    n = np.full(len(cells), float(base.n))
    _add_share(table, "share_customers", shares(cells["customers_heard"].to_numpy(float), n, level))
    _add_share(table, "share_revenue", revenue_shares(cells, base, level))
    table["expected"], p_empty = _by_chance(asked, cells, keys)
    table["p_empty"] = np.where(status == NEVER, p_empty, np.nan)
    table["last_asked"] = cells["last_asked"]
    heard = cells["people"].to_numpy()
    table["small_base"] = (heard > 0) & (heard < SMALL_BASE)
    table["suppressed"] = (heard > 0) & (heard < SUPPRESS_BELOW)
    # One to four customers could be told by name.
    blank = [name for name in map(str, table) if name.startswith(("answered", "customers_heard", "share_"))]
    for name in blank:
        table[name] = table[name].mask(table["suppressed"])
    return table


def _add_share(table: pd.DataFrame, name: str, share: Mapping[str, Any] | pd.DataFrame) -> None:
    table[name] = np.asarray(share["value"])
    table[f"{name}_low"] = np.asarray(share["low"])
    table[f"{name}_high"] = np.asarray(share["high"])


def _by_chance(asked: pd.DataFrame, cells: pd.DataFrame, keys: list[str]) -> tuple[Floats, Floats]:
    """Customers expected in each cell if columns were unrelated, and the corrected chance of none of them."""
    filled = asked.dropna(subset=keys)
    total = float(filled["asked"].sum())
    chance = np.ones(len(cells))
    for key in keys:
        share = filled.groupby(key)["asked"].sum() / total
        # pi = product over the columns of the share of questions at the cell's level.
        chance = chance * cells[key].map(share).fillna(0).to_numpy(dtype=float)
    # Customers, not questions: a customer keeps a device, so that their questions are no independent draws.
    known = filled["customer_id"].nunique()
    n = known + int(filled.loc[filled["customer_id"].isna(), "asked"].sum())
    return n * chance, empty_cell_chance(chance, n)


def empty_cell_chance(chance: Floats, n: int) -> Floats:
    """Return the probability that n independent customers leave a cell empty, times the number of cells.

    Parameters
    ----------
    chance : array, shape (cells,)
        Probability of each cell.
    n : int
        Customers.

    Examples
    --------
    >>> empty_cell_chance(np.array([0.5, 0.25, 0.25]), 20).round(4).tolist()
    [0.0, 0.0095, 0.0095]
    """
    # Bonferroni: min(1, cells (1 - pi)^n).
    alone: Floats = (1 - chance) ** n
    return np.minimum(alone * len(chance), 1.0)


def _notes(
    asked: pd.DataFrame, keys: list[str], columns: tuple[str, ...], base: CustomersThere, table: pd.DataFrame
) -> list[str]:
    notes = []
    for key, name in zip(keys, columns, strict=True):
        unfilled = int(asked.loc[asked[key].isna(), "asked"].sum())
        if unfilled:
            notes.append(f"{unfilled:,} questions say nothing of {name}: they are in no cell.")
    if base.customers is None:
        notes.append("The study has no customers table, so that no share of customers heard can be said.")
    hidden = int(table["suppressed"].sum())
    if hidden:
        notes.append(f"{hidden:,} cells of 1 to 4 customers are hidden.")
    if len(table[table["status"] == NEVER]):
        notes.append(
            "A level that no question ever had is unknown here: name those there should be with levels=."
        )
    return notes
