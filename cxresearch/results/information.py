"""What scores add to each other and to what is known anyway."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.units import format_p_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AddedInformation(Result):
    """Likelihood measures of several scores on the same rows.

    Attributes
    ----------
    finding : str
    table : DataFrame
        ``question, larger, smaller, lr_statistic, df, p_lr, wald_statistic, p_wald, adequacy``. The Wald test
        is robust to several rows of a customer and is the one to read; ``adequacy`` is the share of the
        larger model's likelihood-ratio statistic that the smaller one reaches.
    vuong : DataFrame
        ``first, second, z, p_value``: single-score models against each other; z above 0 favours the first.
    controls : tuple of str
        What was known anyway.
    n, n_customers, n_cases : int
    level : float
    """

    finding: str
    table: pd.DataFrame
    vuong: pd.DataFrame
    controls: tuple[str, ...]
    n: int
    n_customers: int
    n_cases: int
    level: float

    def __str__(self) -> str:
        lines = [self.finding]
        lines += [
            f"  {row['question']}: robust Wald {row['wald_statistic']:.1f} on {row['df']}, "
            f"{format_p_value(row['p_wald'])}; adequacy of what was there {row['adequacy']:.2f}"
            for row in self.table.to_dict("records")
        ]
        lines.append(f"  {self.n:,} rows of {self.n_customers:,} customers, {self.n_cases:,} leavers")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{html.escape(str(self))}</pre>"
