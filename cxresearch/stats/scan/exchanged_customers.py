"""Whole customers change places: what chance brings where rows of one customer belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CustomerExchange:
    """Exchanges of rows that keep the rows of one customer together.

    Parameters
    ----------
    cluster : ndarray of int, shape (n,)
        Customer of each row.
    order : ndarray, shape (n,), optional
        What orders the rows of one customer, for example time; by default they stay as they stand.

    Notes
    -----
    A customer changes places with others who have as many rows, the first row with the first, and so on.
    Under the hypothesis that customers are exchangeable each exchange is as likely as the rows themselves.

    Examples
    --------
    >>> exchange = CustomerExchange(np.array([7, 7, 8, 8, 9]))
    >>> sorted(exchange.draw(np.random.default_rng(1)).tolist())
    [0, 1, 2, 3, 4]
    """

    def __init__(self, cluster: NDArray[np.int64], order: NDArray[np.int64] | None = None) -> None:
        code = np.unique(cluster, return_inverse=True)[1].ravel()
        rows = np.arange(len(code)) if order is None else order
        self._sorted = np.lexsort((rows, code))
        sizes = np.bincount(code)
        self._starts = np.cumsum(sizes) - sizes
        self._groups = [(int(size), np.flatnonzero(sizes == size)) for size in np.unique(sizes)]

    def draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return for each row the row whose values it takes, shape (n,)."""
        taken = np.empty(len(self._sorted), dtype=np.int64)
        for size, members in self._groups:
            others = rng.permutation(members)
            steps = np.arange(size)
            here = (self._starts[members][:, None] + steps).ravel()
            there = (self._starts[others][:, None] + steps).ravel()
            taken[self._sorted[here]] = self._sorted[there]
        return taken
