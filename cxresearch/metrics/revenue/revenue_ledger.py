"""From sums of moves to a ledger: balances, foreign currency and whole cents, on a small table."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.errors import DataError
from cxresearch.metrics.revenue.revenue_levels import KINDS, LEDGER

PAIRS = [f"{a}*{b}" for a, b in combinations_with_replacement(KINDS, 2)]
CROSS = [f"{kind}*opening" for kind in KINDS]
COUNTS = [f"{kind}_customers" for kind in KINDS]
#: Sum of squared contraction over the level before it, for the interval of a share.
RELATIVE = "contraction*contraction/opening"
#: What the engine adds up for each period, group and currency.
SUMS = [*KINDS, *COUNTS, *PAIRS, *CROSS, RELATIVE, "levels"]
#: Cents from here on are not exact in a double, nor their sum safe in 64 bits.
MOST = 2.0**53
SIGNS = {kind: LEDGER[kind] for kind in KINDS}


def refuse_beyond(cents: Any, most: float = MOST) -> None:
    """Refuse amounts that cannot be exact to the cent."""
    if (np.abs(np.asarray(cents, dtype=float)) >= most).any():
        raise DataError(
            "revenue comes to 90 trillion or more, which cannot be exact to the cent",
            where="table revenue, column mrr",
            next_step="look for a level in the wrong unit, or count in thousands",
        )


def whole_cents(money: Any) -> Any:
    """Return amounts as whole cents, half a cent upwards."""
    refuse_beyond(money)
    return np.floor(money + 0.5).astype("int64")


class Ledger:
    """Sums by period, group and currency, turned into balances in the reporting currency."""

    def __init__(
        self,
        sums: pd.DataFrame,
        periods: pd.DatetimeIndex,
        groups: list[str],
        home: str,
        rates: pd.DataFrame,
    ) -> None:
        if "currency" not in sums:
            sums = sums.assign(currency=home)
        self.periods, self.groups, self.rates = periods, groups, rates
        self.sums = sums
        self.extra = pd.DataFrame(columns=["period", *groups, *SUMS])
        self.native = sums.assign(net=sum(sign * sums[kind] for kind, sign in SIGNS.items()))

    def add_switches(self, rows: pd.DataFrame) -> None:
        """Add customers who changed currency: compared at the period's rates, moved between balances."""
        if rows.empty:
            return
        self.extra = self._moves_of_switches(rows)
        leaving = self._balance_change(rows, "currency_before", rows["before"], sign=-1)
        arriving = self._balance_change(rows, "currency", rows["cents"], sign=1)
        arriving["standing"] = rows["standing"]
        self.native = pd.concat([self.native, leaving, arriving], ignore_index=True)

    def _moves_of_switches(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return expansion and contraction of these customers, both levels in the reporting currency."""
        level_now = whole_cents(rows["cents"] * self.rate(rows["period"], rows["currency"]))
        level_before = whole_cents(rows["before"] * self.rate(rows["period"], rows["currency_before"]))
        moves = rows[["period", *self.groups]].assign(**dict.fromkeys(SUMS, 0))
        for kind, sign in (("expansion", 1), ("contraction", -1)):
            size = (sign * (level_now - level_before)).clip(lower=0)
            moves[kind] = size
            moves[f"{kind}_customers"] = (size > 0).astype("int64")
            moves[f"{kind}*{kind}"] = size**2
            moves[f"{kind}*opening"] = size * level_before
        # Sum of x^2 / s over customers, for the interval of a share.
        moves[RELATIVE] = moves["contraction"] ** 2 / level_before.clip(lower=1)
        return moves

    def _balance_change(
        self, rows: pd.DataFrame, currency: str, cents: pd.Series, *, sign: int
    ) -> pd.DataFrame:
        """Return what leaves (-1) or joins (1) the balance of a currency, and its sum of squared levels."""
        change = rows[["period", *self.groups]].assign(currency=rows[currency])
        return change.assign(net=sign * cents, levels=sign * cents**2.0)

    def rate(self, period: Any, currency: Any) -> Any:
        """Return the rates of pairs of period and currency, shape (n,)."""
        rows = self.rates.index.get_indexer(pd.DatetimeIndex(period))
        return self.rates.to_numpy()[rows, self.rates.columns.get_indexer(pd.Index(currency))]

    def close(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the ledger in money and the sums in cents, one row for each period and group."""
        self._prove()
        index = self._index()
        flows = self._converted(index)
        balance, squares = self._balances(index)
        # Opening + new + expansion + reactivation - contraction - churn + FX = closing.
        net = sum(sign * flows[kind] for kind, sign in SIGNS.items())
        opening = self._opening(balance)
        money = pd.DataFrame({"opening": opening, **{kind: flows[kind] for kind in KINDS}})
        # What the moves do not explain: revaluation of the opening balance, and rounding.
        money["fx"] = balance - opening - net
        money["closing"] = balance
        frame = money[["opening", *LEDGER, "closing"]] / 100
        counts = flows[COUNTS]
        gained = counts["new_customers"] + counts["reactivation_customers"] - counts["churn_customers"]
        if self.groups:
            closing = gained.groupby(level=self.groups).cumsum()
        else:
            closing = gained.cumsum()
        frame = frame.assign(opening_customers=closing - gained, **counts, closing_customers=closing)
        table = flows.drop(columns="levels").assign(
            **{"opening*opening": self._opening(squares), "opening": opening}
        )
        return frame.reset_index(), table.reset_index()

    def _prove(self) -> None:
        """Moves added up must leave, in each currency and group, what the customers' last levels come to.

        The one is differences of levels, the other the levels themselves: neither follows from the other.
        """
        moved = self.native.groupby([*self.groups, "currency"])[["net", "standing"]].sum()
        off = (moved["net"] - moved["standing"].astype("int64")).loc[lambda cents: cents != 0]
        if len(off):
            raise DataError(
                "the bridge does not reconcile: its moves do not add up to the customers' last levels",
                where="; ".join(f"{key}: {cents / 100:,.2f}" for key, cents in off.head(5).items()),
                next_step="report this as a defect of the package",
            )

    def _index(self) -> pd.MultiIndex | pd.Index:
        if not self.groups:
            return pd.Index(self.periods, name="period")
        parts = [part[self.groups] for part in (self.sums, self.extra) if len(part)]
        groups = pd.concat(parts).drop_duplicates().sort_values(self.groups)
        rows = groups.merge(pd.DataFrame({"period": self.periods}), how="cross")[["period", *self.groups]]
        return pd.MultiIndex.from_frame(rows)

    def _converted(self, index: Any) -> pd.DataFrame:
        sums = self.sums.copy()
        rate = self.rate(sums["period"], sums["currency"])
        for kind in KINDS:
            # The home currency stays in whole cents as the engine added them: no rounding, so no fx.
            same = rate == 1
            sums[kind] = sums[kind].where(same, whole_cents(sums[kind] * rate))
        for name in (*PAIRS, *CROSS):
            # Products of two amounts are in squared money.
            sums[name] = sums[name] * rate**2
        sums[RELATIVE] = sums[RELATIVE] * rate
        parts = [part for part in (sums, self.extra) if len(part)]
        total = pd.concat(parts, ignore_index=True).groupby(["period", *self.groups])[SUMS].sum()
        total = total.reindex(index, fill_value=0)
        return total.astype(dict.fromkeys([*KINDS, *COUNTS], "int64"))

    def _balances(self, index: Any) -> tuple[pd.Series, pd.Series]:
        """Closing MRR in reporting cents, and the sum of squared levels, for each period and group."""
        return self._held("net", index, squares=False), self._held("levels", index, squares=True)

    def _held(self, column: str, index: Any, *, squares: bool) -> pd.Series:
        keys = [*self.groups, "currency"]
        # Balance = running sum of moves, in each currency's own cents, then at the rate of the period.
        wide = self.native.pivot_table(
            index=keys, columns="period", values=column, aggfunc="sum", fill_value=0
        )
        wide = wide.reindex(columns=self.periods, fill_value=0)
        rate = self.rates.to_numpy().T[
            self.rates.columns.get_indexer(wide.index.get_level_values("currency"))
        ]
        if squares:
            held = wide.to_numpy(float).cumsum(axis=1) * rate**2
        else:
            native = wide.to_numpy().astype("int64").cumsum(axis=1)
            held = np.where(rate == 1, native, whole_cents(native * rate))
            refuse_beyond(held.astype(float).sum(axis=0))
        if not self.groups:
            return pd.Series(held.sum(axis=0), index=index)
        table = pd.DataFrame(held, index=wide.index, columns=self.periods).reset_index()
        tall = table.drop(columns="currency").melt(id_vars=self.groups, var_name="period", value_name="held")
        return tall.groupby(["period", *self.groups])["held"].sum().reindex(index, fill_value=0)

    def _opening(self, closing: pd.Series) -> pd.Series:
        if self.groups:
            moved = closing.groupby(level=self.groups).shift(1)
        else:
            moved = closing.shift(1)
        return moved.fillna(0).astype(closing.dtype)
