"""P-values of many tests, corrected for looking at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values corrected for looking at all of them, of which any may be true nulls.

    Parameters
    ----------
    p_values : array-like of float, shape (tests,)
        Missing ones are no tests: they stay missing, and do not count in the size of the family.

    Returns
    -------
    array of float, shape (tests,)

    Notes
    -----
    By statsmodels (``multipletests``). It holds however the tests hang together.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65, https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> holm([0.04, 0.01, float("nan"), 0.03])
    array([0.06, 0.03,  nan, 0.06])
    """
    from statsmodels.stats.multitest import multipletests

    corrected = np.array(p_values, dtype=np.float64)
    tests = np.isfinite(corrected)
    # Of one test Holm's p-value is its own; multipletests takes a tenth of a second to collect garbage.
    if tests.sum() > 1:
        corrected[tests] = multipletests(corrected[tests], method="holm")[1]
    return corrected
