"""Weights that reproduce known totals: post-stratification to one margin, raking to several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.design.survey_design import Design, calibrated

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints

#: Rounds over the margins before fitting counts as failed.
_ROUNDS = 1000


def rake_weights(
    design: Design,
    margins: Mapping[str, tuple[ArrayLike, Mapping[Any, float]]],
    *,
    tolerance: float = 1e-12,
) -> Design:
    """Return the design with weights raked to known margins by iterative proportional fitting.

    Parameters
    ----------
    design : Design
        Of n rows; its weights are the start.
    margins : mapping of str to (labels, totals)
        For each margin the label of each row, shape (n,), and the population total of each label. One margin
        is post-stratification.
    tolerance : float
        Largest relative miss of any total that is accepted.

    Returns
    -------
    Design
        With new weights, and margins that the variance takes into account.

    Raises
    ------
    ArgumentError
        If totals disagree between margins, are not positive, or labels are missing.
    DataError
        If a total belongs to a label nobody has, or the fitting does not settle.

    References
    ----------
    Deming, W. E., & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table when
    the expected marginal totals are known. Annals of Mathematical Statistics 11, 427-444.
    doi:10.1214/aoms/1177731829

    Examples
    --------
    >>> from cxresearch.stats.design.survey_design import survey_design
    >>> sex, total = ["f", "f", "f", "m"], {"f": 500, "m": 500}
    >>> rake_weights(survey_design(4), {"sex": (sex, total)}).weights.round(1).tolist()
    [166.7, 166.7, 166.7, 500.0]
    """
    if not margins:
        raise ArgumentError("margins is empty", wanted="at least one margin")
    coded = [_margin(name, labels, totals, design) for name, (labels, totals) in margins.items()]
    sums = [float(totals.sum()) for _, totals in coded]
    if max(sums) - min(sums) > 1e-6 * max(sums):
        raise ArgumentError(
            f"the margins add up to different totals: {', '.join(f'{total:,.0f}' for total in sums)}",
            next_step="scale them to one population",
        )
    weights = design.weights.copy()
    for _ in range(_ROUNDS):
        # Deming and Stephan (1940): each margin in turn, w times wanted over present total.
        for codes, totals in coded:
            weights *= (totals / np.bincount(codes, weights=weights, minlength=len(totals)))[codes]
        worst = max(_miss(weights, codes, totals) for codes, totals in coded)
        if worst <= tolerance:
            return calibrated(design, weights, tuple(codes for codes, _ in coded))
    raise DataError(
        f"raking does not settle: after {_ROUNDS} rounds a total is still {worst:.1e} off",
        next_step="merge labels that few rows have",
    )


def _miss(weights: Floats, codes: Ints, totals: Floats) -> float:
    return float(np.abs(np.bincount(codes, weights=weights, minlength=len(totals)) / totals - 1).max())


def _margin(name: str, labels: ArrayLike, totals: Mapping[Any, float], design: Design) -> tuple[Ints, Floats]:
    column = pd.Series(labels)
    if len(column) != len(design.weights):
        raise ArgumentError(
            f"margin {name!r} has {len(column):,} labels",
            wanted=f"one for each of {len(design.weights):,} rows",
        )
    codes = pd.Index(list(totals)).get_indexer(pd.Index(column))
    if (codes < 0).any():
        label = column.iloc[int(np.argmax(codes < 0))]
        raise ArgumentError(
            f"margin {name!r} has no total for label {label!r}", wanted="a total for each label"
        )
    sizes = np.array(list(totals.values()), dtype=np.float64)
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ArgumentError(f"margin {name!r} has a total that is not positive", wanted="totals above 0")
    present = np.bincount(codes, weights=design.weights, minlength=len(sizes))
    if (present == 0).any():
        empty = list(totals)[int(np.argmax(present == 0))]
        raise DataError(f"nobody in the sample has {name} {empty!r}", next_step="merge it with another label")
    return codes.astype(np.int64), sizes
