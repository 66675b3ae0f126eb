"""Features of landmark rows as columns a model can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

_MOST_VALUES = 20


def covariates(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Standardise numbers, mark missing ones, and make categories into columns.

    Parameters
    ----------
    frame : DataFrame, shape (n, any)
    columns : sequence of str
        Numbers and categories. A category with more than 20 values is refused.

    Returns
    -------
    DataFrame, shape (n, p)
        Numbers are centred and scaled; missing ones are set to the mean and marked by a column
        ``<name>_missing``. Constant columns are dropped, and columns equal to an earlier one.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    numeric: dict[str, np.ndarray] = {}
    for name in columns:
        if name not in frame.columns:
            raise ArgumentError(
                f"there is no column {name!r}", wanted="features or segments of the landmarks"
            )
        values = frame[name]
        if is_numeric_dtype(values):
            number = values.to_numpy(dtype=np.float64, na_value=np.nan)
            missing = np.isnan(number)
            answered = number[~missing]
            # Standardised; a missing number stands at the mean, and its indicator takes up the rest.
            if answered.size and answered.std() > 0:
                numeric[name] = np.where(missing, 0.0, (number - answered.mean()) / answered.std())
            numeric[f"{name}_missing"] = missing.astype(np.float64)
            continue
        text = values.astype("string").fillna("(missing)")
        levels = sorted(text.unique())
        if len(levels) > _MOST_VALUES:
            raise ArgumentError(f"{name} has {len(levels)} values", wanted=f"at most {_MOST_VALUES}")
        for level in levels[1:]:
            numeric[f"{name}: {level}"] = (text == level).to_numpy(dtype=np.float64)
    table = pd.DataFrame(numeric, index=frame.index)
    table = table.loc[:, table.std(ddof=0) > 0]
    return _independent(table)


def _independent(table: pd.DataFrame) -> pd.DataFrame:
    """Drop columns that the constant and the earlier columns determine.

    Without pivoting, the diagonal of R holds each column's distance from the span of those before it.
    """
    values = table.to_numpy(dtype=np.float64)
    design = np.column_stack([np.ones(len(table)), values])
    distance = np.abs(np.diagonal(np.linalg.qr(design, mode="r")))[1:]
    # A column that the earlier ones determine has no distance left but rounding.
    free = distance > 1e-7 * np.sqrt(np.einsum("ij,ij->j", values, values))[: len(distance)]
    return table.loc[:, np.append(free, np.zeros(values.shape[1] - len(free), dtype=bool))]
