"""Exchange rates as given by the user: one for each period and currency, never looked up or guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_number
from cxresearch.data.engine import collect, lazy
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.options import Option


def rate_table(rates: Any, known: list[str], periods: pd.DatetimeIndex, home: str) -> pd.DataFrame:
    """Return rates with one row for each period and one column for each currency.

    Parameters
    ----------
    rates : mapping or frame
        Rate by currency for all periods, or columns ``period, currency, rate``.
    known : list of str
        Currencies that occur; none means that all revenue is in the reporting currency.
    periods : DatetimeIndex
        First days of the periods.
    home : str
        The reporting currency, at rate 1.

    Raises
    ------
    ArgumentError
        If the rates cannot be read, or name a currency twice for a period.
    DataError
        If a rate is missing, infinite or not above 0.

    Examples
    --------
    >>> months = pd.date_range("2024-01-01", periods=2, freq="MS")
    >>> rate_table({"EUR": 1.08}, ["EUR", "USD"], months, "USD").iloc[1].to_dict()
    {'EUR': 1.08, 'USD': 1.0}
    """
    table = pd.DataFrame(1.0, index=periods, columns=known or [home])
    if not known:
        return table
    if isinstance(rates, Mapping):
        given = pd.DataFrame(
            {name: _rate(name, rates[name]) for name in known if name in rates}, index=periods
        )
    else:
        given = _rate_frame(rates)
    for name in known:
        if name == home:
            continue
        table[name] = np.nan
        if name in given:
            table[name] = given[name].reindex(periods)
        # A missing rate would drop that currency's revenue from the total without a word.
        sound = np.isfinite(table[name]) & (table[name] > 0)
        if not sound.all():
            missing = table.index[~sound]
            raise DataError(
                f"currency {name!r} has no rate for {len(missing)} periods",
                where=f"first {missing[0]:%Y-%m-%d}",
                wanted=f"{home} for one {name}, above 0, in every period, which its first day names",
            )
    return table


def _rate(name: str, rate: Any) -> float:
    return check_number(f"rates[{name!r}]", rate, above=0)


def _rate_frame(rates: Any) -> pd.DataFrame:
    """Tall frame of rates as one row for each period and one column for each currency."""
    table = collect(lazy(rates))
    missing = [name for name in ("period", "currency", "rate") if name not in table]
    if missing:
        raise ArgumentError(f"rates lack {missing}", wanted="columns period, currency, rate")
    try:
        table["period"] = pd.DatetimeIndex(table["period"]).astype("datetime64[us]")
        table["rate"] = table["rate"].astype(float)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"rates cannot be read: {error}", wanted="dates and numbers") from None
    twice = table.duplicated(["period", "currency"])
    if twice.any():
        first = table[twice].iloc[0]
        raise ArgumentError(
            f"rates name {first['currency']} {int(twice.sum()) + 1} times over",
            where=f"first {first['period']:%Y-%m-%d}",
            wanted="one rate for each period and currency",
        )
    return table.pivot(index="period", columns="currency", values="rate")


@dataclass(frozen=True)
class _RatesOption(Option):
    """Exchange rates: a mapping, or a frame of any engine."""

    def check(self, value: Any) -> None:
        """Refuse what is neither."""
        if isinstance(value, Mapping):
            return
        try:
            lazy(value)
        except ArgumentError:
            wanted = "a mapping such as {'EUR': 1.08}, or a frame with period, currency and rate"
            raise ArgumentError(f"option {self.name!r} is a {type(value).__name__}", wanted=wanted) from None


#: The option of metrics that add up money.
RATES = _RatesOption("rates")
