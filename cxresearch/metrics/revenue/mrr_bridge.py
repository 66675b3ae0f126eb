"""The MRR bridge: one pass over the revenue table, then exact whole cents on a small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_columns
from cxresearch.data.engine import EVERY, Every, collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.company_events import company_events
from cxresearch.metrics.base.group_columns import neutral_groups, users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.periods import complete_periods, period_steps
from cxresearch.metrics.revenue.exchange_rates import rate_table
from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.revenue_ledger import (
    COUNTS,
    CROSS,
    PAIRS,
    RELATIVE,
    SIGNS,
    SUMS,
    Ledger,
    refuse_beyond,
)
from cxresearch.metrics.revenue.revenue_levels import KINDS, revenue_levels, revenue_moves
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.wording import did_you_mean

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def mrr_bridge(
    study: Study,
    *,
    every: Every = "month",
    by: str | Sequence[str] | None = None,
    profile: str | RevenueProfile = "cxresearch",
    rates: Mapping[str, float] | pd.DataFrame | None = None,
) -> MrrBridge:
    """Reconcile recurring revenue from period to period.

    Parameters
    ----------
    study : Study
        With table ``revenue``; see `revenue_levels` for its columns.
    every : {"day", "week", "month", "quarter", "year"}
        Length of a period, cut in the study's time zone.
    by : str or sequence of str, optional
        Segment columns of the customers table; customers without one are in ``"(none)"``.
    profile : str or RevenueProfile
        Whose definition: see `REVENUE_PROFILES`.
    rates : mapping or DataFrame, optional
        Reporting currency for one unit of each other currency: ``{"EUR": 1.08}``, or a frame with columns
        ``period, currency, rate`` where the rate of a period values all its moves and its closing balance.
        Needed as soon as the table holds a second currency.

    Returns
    -------
    MrrBridge
        Exact to the cent: each level is rounded once, half a cent upwards, and summed as whole cents. The FX
        line holds the revaluation of opening balances, and what rounding of converted sums leaves.

    Raises
    ------
    ArgumentError
        If an argument is not admitted, or ``by`` names no segment.
    DataError
        If the table is empty, holds a negative level, a currency without a rate, or amounts of 90 trillion
        and more, which cannot be exact to the cent.

    Notes
    -----
    Rules, under the definition ``cxresearch``: joined and left within a period is no move; a trial has no
    MRR; a pause (status ``paused``) is contraction and its end expansion; a return after leaving is
    reactivation; a level of 0 without a status is churn; a change of currency compares both levels at the
    period's rates.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> revenue = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "b", "c", "a", "b", "c"],
    ...         "effective_at": pd.to_datetime(["2024-01-05"] * 3 + ["2024-02-10"] * 3),
    ...         "mrr": [50.0, 40.0, 10.0, 60.0, 30.0, 0.0],
    ...     }
    ... )
    >>> study = Study.from_frames({"revenue": revenue}, observed_until="2024-03-01", instruments={})
    >>> row = mrr_bridge(study).table.iloc[1]
    >>> [float(row[name]) for name in ("opening", "expansion", "contraction", "churn", "closing")]
    [100.0, 10.0, 10.0, 10.0, 90.0]
    """
    check_choice("every", every, EVERY)
    query = Query(by=check_columns("by", by), every=every)
    grouped, query = neutral_groups(study, query)
    _refuse_others(study, query)
    bridge = bridge_by(grouped, query.by, every=every, rules=revenue_profile(profile), rates=rates)
    names = users_names(query, bridge.table, bridge.sums)
    return replace(
        bridge,
        table=bridge.table.rename(columns=names),
        sums=bridge.sums.rename(columns=names),
        by=tuple(names.values()),
        events=company_events(study),
    )


def bridge_by(
    study: Any, by: tuple[str, ...], *, every: Every, rules: RevenueProfile, rates: Any
) -> MrrBridge:
    """Return the bridge of a study whose group columns have neutral names; see `neutral_groups`."""
    groups = list(by)
    levels = revenue_levels(study, rules)
    levels, known = _currencies(study, levels, rates)
    moves = revenue_moves(levels, rules, every, study.timezone)
    if known:
        moves = _carry_currency(moves, study.currency)
    keys = [*groups, *(["currency"] if known else [])]
    moves = _with_segments(study, moves, groups)
    sums = _sum_moves(moves, keys, rules)
    if sums.empty:
        raise DataError("the revenue table has no row up to the data cut", where="table revenue")
    periods = period_steps(study, sums["period"].min(), every)
    ledger = Ledger(sums, periods, groups, study.currency, rate_table(rates, known, periods, study.currency))
    if known:
        ledger.add_switches(_switches(moves, groups))
    frame, table = ledger.close()
    frame["complete"] = complete_periods(study, frame["period"], every)
    frame["largest_share"] = _largest(moves, keys, frame, table, ledger)
    return MrrBridge(
        table=frame,
        every=every,
        profile=rules.name,
        rules=rules,
        by=by,
        currency=study.currency,
        name=study.name,
        sums=table,
    )


def _refuse_others(study: Study, query: Query) -> None:
    """Refuse group columns that are no segments of customers."""
    unknown = [name for name in map(query.called, query.by) if name not in study.segments]
    if unknown:
        raise ArgumentError(
            f"by names {unknown}",
            wanted="segment columns of customers: " + (", ".join(study.segments) or "none"),
            next_step=did_you_mean(unknown[0], study.segments),
        )


def _with_segments(study: Study, moves: nw.LazyFrame[Any], groups: list[str]) -> nw.LazyFrame[Any]:
    if not groups:
        return moves
    who = study.table("customers").select("customer_id", nw.col(groups).cast(nw.String()))
    if moves.implementation != who.implementation:
        who = nw.from_native(_same_engine(who)).lazy()
    joined = moves.join(who, on="customer_id", how="left")
    return joined.with_columns(nw.col(name).fill_null("(none)") for name in groups)


def _same_engine(frame: nw.LazyFrame[Any]) -> Any:
    """PyArrow moves run on DuckDB (see `windowed`), and their partner with them."""
    import duckdb

    return duckdb.from_arrow(frame.collect("pyarrow").to_native())


def _currencies(study: Study, levels: nw.LazyFrame[Any], rates: Any) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Names of the currencies if more than the reporting one occurs; else none, and the column is dropped."""
    if "currency" not in levels.collect_schema().names():
        return levels, []
    held = levels.filter(nw.col("cents") != 0).select("currency").unique()
    currencies = sorted(map(str, collect(held)["currency"].dropna()))
    home = study.currency or (currencies[0] if len(currencies) == 1 else "")
    if all(name == home for name in currencies):
        return levels.drop("currency"), []
    if not study.currency:
        raise DataError(
            f"revenue is in {', '.join(currencies)} and the study names no currency",
            next_step="set currency in the study file, and give rates",
        )
    if rates is None:
        raise DataError(
            f"revenue is in {', '.join(currencies)} while the study reports in {study.currency}",
            where="table revenue, column currency",
            next_step=f"give rates: {study.currency} for one unit of each other currency; none are looked up",
        )
    return levels.with_columns(nw.col("currency").fill_null(study.currency)), sorted(
        {*currencies, study.currency}
    )


def _carry_currency(moves: nw.LazyFrame[Any], home: str) -> nw.LazyFrame[Any]:
    """A level of 0 has no currency of its own: what is lost was held in that of the level before."""
    lost = nw.when(nw.col("before") > 0).then(nw.col("currency_before")).otherwise(nw.lit(home))
    return moves.with_columns(currency=nw.when(nw.col("cents") > 0).then(nw.col("currency")).otherwise(lost))


def _sum_moves(moves: nw.LazyFrame[Any], keys: list[str], profile: RevenueProfile) -> pd.DataFrame:
    if "currency" in keys:
        moves = moves.filter(~_switched())
    if profile.moves == "period_end":
        return _one_move_each(moves, ["period", *keys])
    return _several_moves(moves, ["period", *keys])


def _switched() -> nw.Expr:
    return (nw.col("before") > 0) & (nw.col("cents") > 0) & (nw.col("currency") != nw.col("currency_before"))


def _one_move_each(moves: nw.LazyFrame[Any], keys: list[str]) -> pd.DataFrame:
    """At most one move for each customer and period: a single group-by with the kind among its keys."""
    now, before = nw.col("cents"), nw.col("before")
    wide, was = now.cast(nw.Float64), before.cast(nw.Float64)
    moved = moves.select(
        *keys,
        "kind",
        "change",
        cents=now,
        # Per customer x^2, x s and x^2 / s, with x the move and s the level before it.
        square=(wide - was) * (wide - was),
        cross=(wide - was) * was,
        relative=nw.when(before > 0).then((wide - was) * (wide - was) / was).otherwise(nw.lit(0.0)),
        # Squared levels change by s1^2 - s0^2: their running sum is that of the levels in force.
        levels=wide * wide - was * was,
        standing="standing",
    )
    sums = collect(
        moved.group_by([*keys, "kind"]).agg(
            nw.len().alias("n"),
            nw.col("cents").min().alias("lowest"),
            nw.col("cents").max().alias("highest"),
            *(nw.col(name).sum() for name in ("change", "square", "cross", "relative", "levels", "standing")),
        )
    )
    _check_levels(sums)
    still = sums["standing"].where(sums["kind"] < 0, 0)
    parts = [
        sums[keys].assign(**dict.fromkeys(SUMS, 0), standing=still)
    ]  # nothing moved: a period all the same
    for code, (kind, sign) in enumerate(SIGNS.items()):
        rows = sums[sums["kind"] == code]
        part = rows[keys].assign(**dict.fromkeys(SUMS, 0))
        part[kind] = sign * rows["change"]
        part[f"{kind}_customers"] = rows["n"]
        part[f"{kind}*{kind}"], part[f"{kind}*opening"] = rows["square"], sign * rows["cross"]
        part["levels"], part["standing"] = rows["levels"], rows["standing"]
        if kind == "contraction":
            part[RELATIVE] = rows["relative"]
        parts.append(part)
    return _totals(pd.concat(parts, ignore_index=True), keys)


def _several_moves(moves: nw.LazyFrame[Any], keys: list[str]) -> pd.DataFrame:
    """Every change counts: sums for each customer and period first, so that a customer stays one unit."""
    now, before = nw.col("cents"), nw.col("before")
    each = {
        kind: nw.when(nw.col("kind") == code).then(nw.col("change") * sign).otherwise(nw.lit(0))
        for code, (kind, sign) in enumerate(SIGNS.items())
    }
    times = {
        f"{kind}_customers": nw.when(nw.col("kind") == code).then(nw.lit(1)).otherwise(nw.lit(0))
        for code, kind in enumerate(KINDS)
    }
    wide, was = now.cast(nw.Float64), before.cast(nw.Float64)
    # A customer's opening level is the one before the first change in the period.
    earlier = nw.col("period").shift(1).over("customer_id", order_by="at")
    moves = moves.with_columns(**each, **times, earlier=earlier, levels=wide * wide - was * was)
    begins = nw.col("earlier").is_null() | (nw.col("earlier") != nw.col("period"))
    moves = moves.with_columns(opening=nw.when(begins).then(before).otherwise(nw.lit(0)))
    whose = moves.group_by(["customer_id", *keys]).agg(
        *(nw.col(name).sum() for name in [*each, *times, "opening", "levels", "standing"]),
        now.min().alias("lowest"),
        now.max().alias("highest"),
    )
    number = {name: nw.col(name).cast(nw.Float64) for name in (*KINDS, "opening")}
    products = {pair: number[pair.split("*")[0]] * number[pair.split("*")[1]] for pair in (*PAIRS, *CROSS)}
    opened, shrunk = number["opening"], number["contraction"]
    products[RELATIVE] = nw.when(nw.col("opening") > 0).then(shrunk * shrunk / opened).otherwise(nw.lit(0.0))
    whose = whose.with_columns(**products)
    sums = collect(
        whose.group_by(keys).agg(
            *(nw.col(name).sum() for name in (*SUMS, "standing")),
            nw.col("lowest").min(),
            nw.col("highest").max(),
        )
    )
    _check_levels(sums)
    return _totals(sums, keys)


def _check_levels(sums: pd.DataFrame) -> None:
    if (sums["lowest"] < 0).any():
        raise DataError(
            "revenue holds a negative level", where="table revenue, column mrr", wanted="mrr of 0 or more"
        )
    refuse_beyond(sums["highest"])


def _totals(sums: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    for kind in KINDS:  # sum |x| <= sqrt(n sum x^2): what the engine added up cannot have wrapped around
        refuse_beyond(np.sqrt(sums[f"{kind}_customers"] * sums[f"{kind}*{kind}"]), 2.0**62)
    whole = [*KINDS, *COUNTS, "standing"]
    sums[whole] = sums[whole].astype("int64")
    return sums.groupby(keys, sort=True)[[*SUMS, "standing"]].sum().reset_index()


def _switches(moves: nw.LazyFrame[Any], groups: list[str]) -> pd.DataFrame:
    columns = ["period", *groups, "cents", "before", "currency", "currency_before", "standing"]
    return collect(moves.filter(_switched()).select(*columns))


def _largest(
    moves: nw.LazyFrame[Any], keys: list[str], frame: pd.DataFrame, table: pd.DataFrame, ledger: Ledger
) -> pd.Series:
    """Share of the largest account in opening MRR, looked up only where it can exceed 10 %."""
    opening = table["opening"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The largest share is at most sqrt(sum s^2) / sum s: looked up only where that exceeds 10 %.
        bound = np.sqrt(np.maximum(table["opening*opening"].to_numpy(float), 0)) / opening
    doubtful = np.where(opening > 0, bound, 0.0) > 0.1
    share = np.full(len(frame), np.nan)
    matters = (frame["opening_customers"] >= 10) | (frame["period"] == frame["period"].max())
    if not (
        doubtful & matters
    ).any():  # the first handful of customers of a firm are no reason for a second pass
        return pd.Series(share, index=frame.index)
    following = nw.col("period").shift(-1).over("customer_id", order_by="at")
    spans = moves.with_columns(following=following)
    spans = spans.filter(nw.col("following").is_null() | (nw.col("following") > nw.col("period")))
    top = collect(spans.group_by(["period", "following", *keys]).agg(nw.col("cents").max()))
    if "currency" not in top:
        top = top.assign(currency=ledger.rates.columns[0])
    for row in np.flatnonzero(doubtful):
        start = frame["period"].iloc[row]
        in_force = top[(top["period"] < start) & (top["following"].isna() | (top["following"] >= start))]
        for name in ledger.groups:
            in_force = in_force[in_force[name] == frame[name].iloc[row]]
        worth = in_force["cents"] * ledger.rate([start] * len(in_force), in_force["currency"])
        share[row] = np.nan
        if len(in_force):
            share[row] = worth.max() / opening[row]
    return pd.Series(share, index=frame.index)
