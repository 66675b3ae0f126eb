"""From scores and controls to the columns of a hazard regression: straight, bent, or by category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.stats.models.spline import restricted_cubic, spline_knots

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term of the model.

    Attributes
    ----------
    name : str
        The score or control it is made of.
    columns : tuple of str
        Its columns in the regression.
    knots : array or None
        Knots of a spline.
    levels : tuple of str
        Categories with a column each, against the one that has none.
    """

    name: str
    columns: tuple[str, ...]
    knots: Floats | None = None
    levels: tuple[str, ...] = ()

    def basis(self, values: Floats) -> Floats:
        """Return the columns of a number (n, p): the number itself, and its bends if it has any."""
        if self.knots is None:
            return values[:, None]
        return np.column_stack([values, restricted_cubic(values, self.knots)])

    def of(self, values: pd.Series[Any]) -> dict[str, Any]:
        """Return its columns for some values."""
        if self.levels:
            text = as_text(values)
            indicators = [(text == level).to_numpy(dtype=np.float64) for level in self.levels]
            return dict(zip(self.columns, indicators, strict=True))
        basis = self.basis(values.to_numpy(dtype=np.float64))
        return dict(zip(self.columns, basis.T, strict=True))


@dataclass(frozen=True, kw_only=True)
class Design:
    """The columns of a regression by term, with what the reader must know about them."""

    columns: pd.DataFrame
    terms: tuple[Term, ...]
    notes: tuple[str, ...]

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of the regression for other rows."""
        columns: dict[str, Any] = {}
        for term in self.terms:
            columns |= term.of(frame[term.name])
        return pd.DataFrame(columns)


def design_of(known: pd.DataFrame, names: Sequence[str], splines: Sequence[str]) -> Design:
    """Make terms of scores and controls: straight, bent, or categories against the most common one."""
    terms, notes = [], []
    for name in dict.fromkeys(names):
        values = known[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            terms.append(_number_term(name, values, bent=name in splines))
            continue
        # Categories stand against the most common one, of which most is known.
        order = as_text(values).value_counts(sort=True).index
        if len(order) < 2:
            notes.append(f"{name} has one value only and is left out")
            continue
        levels = tuple(sorted(order[1:]))
        notes.append(f"{name} is compared with {order[0]}, the most common")
        terms.append(Term(name=name, columns=tuple(f"{name} {level}" for level in levels), levels=levels))
    empty = Design(columns=pd.DataFrame(), terms=tuple(terms), notes=tuple(notes))
    return replace(empty, columns=empty.of(known))


def _number_term(name: str, values: pd.Series[Any], *, bent: bool) -> Term:
    if not bent:
        return Term(name=name, columns=(name,))
    knots = spline_knots(values.to_numpy(dtype=np.float64))
    # A restricted cubic spline with k knots is the value itself and k - 2 columns that bend.
    bends = tuple(f"{name} bend {position}" for position in range(1, len(knots) - 1))
    return Term(name=name, columns=(name, *bends), knots=knots)


def as_text(values: pd.Series[Any]) -> pd.Series[str]:
    """Categories as text; a missing value is one of its own."""
    return values.astype(object).where(values.notna(), "unknown").map(str)
