"""The book month by month: who was there, left, came and paid, summed by group, size and age.

A month is a twelfth of a year counted back from the data cut, so that the last one is as complete as the
others. A customer's size is the third of paying customers in which the level at the month's start lies; who
pays nothing is a class by itself. All sums of a month use what was known at its end, and nothing later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.churn.outlook.customer_book import ANSWER_MONTHS, SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.aliases import Bools, Floats, Ints
    from cxresearch.churn.outlook.customer_book import Changes, CustomerBook

#: Ages are whole months since the start; the last one holds all that are older.
AGES = 61
#: The largest accounts are simulated one by one.
LARGEST = 500


@dataclass(frozen=True, kw_only=True)
class Stock:
    """Customers at one moment by cell.

    Attributes
    ----------
    n, money, square : ndarray of float64, shape (cells,)
        Customers, their levels and the squares of these, the largest accounts left out.
    large_cell, large_money : ndarray
        Cell and level of each of the largest accounts.
    """

    n: Floats
    money: Floats
    square: Floats
    large_cell: Ints
    large_money: Floats

    @property
    def customers(self) -> float:
        """All customers."""
        return float(self.n.sum()) + len(self.large_cell)

    @property
    def mrr(self) -> float:
        """All recurring revenue."""
        return float(self.money.sum() + self.large_money.sum())


@dataclass(frozen=True, kw_only=True)
class Step:
    """One month: who was there at its start, and what happened until its end.

    Attributes
    ----------
    n, left : ndarray of float64, shape (cells,)
        Customers at the start, and those of them who left.
    base, up, down : ndarray of float64, shape (AGES,)
        Of those who stayed: levels at the start, and what was added and taken away.
    base_square, move_square, cross : ndarray of float64, shape (AGES,)
        Sums of squares of level and move, and of their product.
    came : float
        Customers who started in the month.
    joined, joined_money, joined_square : ndarray of float64, shape (classes,)
        Those of them still there at its end, by group and size, and their levels.
    """

    n: Floats
    left: Floats
    base: Floats
    up: Floats
    down: Floats
    base_square: Floats
    move_square: Floats
    cross: Floats
    came: float
    joined: Floats
    joined_money: Floats
    joined_square: Floats


@dataclass(frozen=True, kw_only=True)
class MonthCells:
    """All months of a book: ``stocks[i]`` at the start of ``steps[i]``, the last one at the data cut."""

    groups: tuple[str, ...]
    sizes: int
    stocks: tuple[Stock, ...]
    steps: tuple[Step, ...] = field(repr=False)

    @property
    def classes(self) -> int:
        """Groups times sizes."""
        return len(self.groups) * self.sizes

    @property
    def cells(self) -> int:
        """Classes times ages."""
        return self.classes * AGES

    @property
    def customers(self) -> Floats:
        """Customers at each boundary."""
        return np.array([stock.customers for stock in self.stocks])

    @property
    def mrr(self) -> Floats:
        """Recurring revenue at each boundary."""
        return np.array([stock.mrr for stock in self.stocks])


def month_cells(book: CustomerBook, months: int) -> MonthCells:
    """Sum a book by cell over its last months.

    Parameters
    ----------
    book : CustomerBook
    months : int
        Months before the data cut, at most ``book.months_known``.
    """
    sizes = 1
    if book.levels is not None:
        sizes = 4
    walk = _Walk(book, sizes)
    before = walk.at(-float(months))
    stocks, steps = [walk.stock(before)], []
    for boundary in range(-months + 1, 1):
        after = walk.at(float(boundary))
        steps.append(walk.step(before, after))
        stocks.append(walk.stock(after))
        before = after
    return MonthCells(groups=book.groups, sizes=sizes, stocks=tuple(stocks), steps=tuple(steps))


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Customers of a book at one moment: who is there, their level, class (group and size) and cell."""

    at: float
    present: Bools
    level: Floats
    klass: Ints
    cell: Ints


def moment_of(book: CustomerBook, at: float) -> Moment:
    """Return the customers of a book as they were known some months before the data cut (``at`` below 0)."""
    sizes = 1
    if book.levels is not None:
        sizes = 4
    return _Walk(book, sizes).at(at)


class _Walk:
    """The values in force, carried forward in time so that each change is read once."""

    def __init__(self, book: CustomerBook, sizes: int) -> None:
        n = len(book.started)
        self._book = book
        self._sizes = sizes
        self._level = np.zeros(n)
        self._mood = np.full(n, SILENT, dtype=np.int64)
        self._answered = np.full(n, -np.inf)
        self._next_level = 0
        self._next_mood = 0

    def at(self, boundary: float) -> Moment:
        """Return who is there at a boundary, and in which cell; boundaries must rise."""
        book = self._book
        if book.levels is not None:
            rows = _rows_until(book.levels, self._next_level, boundary)
            # several changes of a customer: NumPy assigns in order, the last one holds
            self._level[book.levels.customer[rows]] = book.levels.value[rows]
            self._next_level = rows.stop
        present = (book.started <= boundary) & (book.ended > boundary)
        klass = self._groups(boundary) * self._sizes + self._size(present)
        age = np.clip(np.floor(boundary - book.started), 0, AGES - 1).astype(np.int64)
        return Moment(
            at=boundary,
            present=present,
            level=self._level.copy(),
            klass=klass,
            cell=klass * AGES + age,
        )

    def _groups(self, boundary: float) -> Ints:
        book = self._book
        if book.moods is None:
            return book.group
        rows = _rows_until(book.moods, self._next_mood, boundary)
        self._mood[book.moods.customer[rows]] = book.moods.value[rows].astype(np.int64)
        self._answered[book.moods.customer[rows]] = book.moods.at[rows]
        self._next_mood = rows.stop
        return np.where(boundary - self._answered <= ANSWER_MONTHS, self._mood, SILENT)

    def _size(self, present: Bools) -> Ints:
        if self._sizes == 1:
            return np.zeros(len(present), dtype=np.int64)
        paying = self._level[present & (self._level > 0)]
        if not len(paying):
            return np.zeros(len(present), dtype=np.int64)
        edges = np.quantile(paying, [1 / 3, 2 / 3])
        # 0 pays nothing, 1 to 3 are the thirds of those who pay
        return np.where(self._level > 0, 1 + np.searchsorted(edges, self._level, side="left"), 0)

    def stock(self, moment: Moment) -> Stock:
        """Sum those present by cell, the largest accounts by themselves."""
        cells = len(self._book.groups) * self._sizes * AGES
        rows = np.flatnonzero(moment.present)
        level = moment.level[rows]
        large = np.zeros(len(rows), dtype=bool)
        if len(rows) <= LARGEST:
            large[:] = True
        elif self._sizes > 1:
            large[np.argpartition(-level, LARGEST)[:LARGEST]] = True
        others = moment.cell[rows[~large]]
        money = level[~large]
        return Stock(
            n=np.bincount(others, minlength=cells).astype(float),
            money=_sums(others, money, cells),
            square=_sums(others, money**2, cells),
            large_cell=moment.cell[rows[large]],
            large_money=level[large],
        )

    def step(self, before: Moment, after: Moment) -> Step:
        """Sum what happened between two boundaries."""
        book = self._book
        classes = len(book.groups) * self._sizes
        cells = classes * AGES
        gone = before.present & (book.ended <= after.at)
        stayed = before.present & ~gone
        start = before.level[stayed]
        move = after.level[stayed] - start
        age = before.cell[stayed] % AGES
        came = (book.started > before.at) & (book.started <= after.at)
        joined = came & after.present
        money = after.level[joined]
        return Step(
            n=np.bincount(before.cell[before.present], minlength=cells).astype(float),
            left=np.bincount(before.cell[gone], minlength=cells).astype(float),
            base=_by_age(age, start),
            up=_by_age(age, np.maximum(move, 0.0)),
            down=_by_age(age, np.maximum(-move, 0.0)),
            base_square=_by_age(age, start**2),
            move_square=_by_age(age, move**2),
            cross=_by_age(age, start * move),
            came=float(came.sum()),
            joined=np.bincount(after.klass[joined], minlength=classes).astype(float),
            joined_money=_sums(after.klass[joined], money, classes),
            joined_square=_sums(after.klass[joined], money**2, classes),
        )


def _rows_until(changes: Changes, first: int, boundary: float) -> slice:
    return slice(first, int(np.searchsorted(changes.at, boundary, side="right")))


def _by_age(age: Ints, values: Floats) -> Floats:
    return _sums(age, values, AGES)


def _sums(places: Ints, values: Floats, n: int) -> Floats:
    # sums of nothing come back as whole numbers
    return np.asarray(np.bincount(places, values, minlength=n), dtype=np.float64)


def summed(steps: Sequence[Step], name: str) -> Floats:
    """Return the sum of one of the arrays over months."""
    total: Floats = np.sum([getattr(step, name) for step in steps], axis=0)
    return total
