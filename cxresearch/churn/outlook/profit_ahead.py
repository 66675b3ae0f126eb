"""What costs leave of the revenue ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.churn.outlook.simulate_months import Futures
    from cxresearch.data.study_file.costs import Costs

PROFIT = TableSpec(
    title="What the declared costs leave of the revenue of the months ahead; 80 % bands",
    columns=(
        Column(name="item", label="", meaning="what is added or taken away"),
        Column(
            name="value",
            label="over all months",
            meaning="median of the futures",
            unit=Unit.MONEY,
            low="low",
            high="high",
        ),
    ),
)


def profit_ahead(futures: Futures, costs: Costs | None, *, money: bool) -> pd.DataFrame:
    """Return revenue, costs and profit summed over the months ahead.

    Parameters
    ----------
    futures : Futures
    costs : Costs or None
        As the study declares them.
    money : bool
        Whether revenue was simulated.

    Returns
    -------
    DataFrame
        ``item, value, low, high``; without rows where no cost is declared, or revenue is not known.
    """
    names = ["item", "value", "low", "high"]
    if costs is None or not money:
        return pd.DataFrame(columns=names)
    months = futures.mrr.shape[1]
    # profit = margin x revenue - serve x customers - acquire x newcomers - fixed, month by month
    revenue = futures.mrr.sum(axis=1)
    goods = -(1 - costs.gross_margin) * revenue
    serve = -costs.serve_a_month * futures.customers.sum(axis=1)
    acquire = -costs.acquire * futures.came.sum(axis=1)
    fixed = np.full(len(revenue), -costs.fixed_a_month * months)
    items: dict[str, Floats] = {"revenue": revenue}
    if costs.gross_margin < 1:
        items["cost of what is sold"] = goods
    if costs.serve_a_month:
        items["serving customers"] = serve
    if costs.acquire:
        items["winning new customers"] = acquire
    if costs.fixed_a_month:
        items["fixed costs"] = fixed
    items["profit"] = revenue + goods + serve + acquire + fixed
    rows = [
        (item, float(np.median(draws)), *map(float, np.quantile(draws, [0.1, 0.9])))
        for item, draws in items.items()
    ]
    return pd.DataFrame(rows, columns=names)
