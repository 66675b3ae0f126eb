"""What a search for unhappy groups found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd

_GROUP = Column(name="group", label="group", meaning="column and level, or several crossed")
_SHARE = Column(name="share", label="share", meaning="of all answers", unit=Unit.SHARE)
_N = Column(name="n", label="n", meaning="answers")
_SCORE = "of the group"
#: Columns of scores and of differences, whose unit is that of the score.
_SCORES = ("score", "contribution")
_DIFFERENCES = ("difference", "pull")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GroupSearch(Result):
    """Groups of customers and answers that differ from all others, with one error for the whole search.

    Attributes
    ----------
    name : str
        What a report prints: ``"NPS"``.
    table : DataFrame
        Named groups: the unhappier first, those that another group explains last.
    by_column : DataFrame
        Every level of every column searched, with its contribution; they add up to the score, column by
        column. Levels too small to judge are one line.
    cells : DataFrame
        Every cell judged, named or not, with its difference as seen.
    score : float
        The score of all answers, in ``unit``.
    n : int
        Answers searched.
    unit : Unit
        Of the score.
    level : float
        1 - ``level`` is the chance that a search names any group where none differs; also the level of the
        intervals, which hold among named groups.
    critical : float
        The |t| that names a group.
    visible : float
        Difference of a tenth of the answers from the others that would be named with 80 % power.
    low_is_good : bool
        Whether a lower score is a happier one.
    method : str
        How the error of the search was computed.
    finding : str
    notes : tuple of str
    """

    name: str
    table: pd.DataFrame
    by_column: pd.DataFrame
    cells: pd.DataFrame
    score: float
    n: int
    unit: Unit
    level: float
    critical: float
    visible: float
    low_is_good: bool
    method: str
    finding: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                _GROUP,
                _N,
                _SHARE,
                Column(
                    name="score", label="score", meaning="of the group, allowing for its having been named"
                ),
                Column(
                    name="difference",
                    label="less all others",
                    meaning="score of the group less that of all others, allowing for having been named",
                    low="low",
                    high="high",
                ),
                Column(
                    name="pull",
                    label="pull on the score",
                    meaning="share times difference: the score less what it would be without the group",
                    low="pull_low",
                    high="pull_high",
                ),
                Column(
                    name="p_value",
                    label="p, whole search",
                    meaning="adjusted for every group looked at",
                    unit=Unit.P_VALUE,
                ),
                Column(
                    name="unhappy_customers",
                    label="unhappy customers",
                    meaning="whose last answer, given in this group, is an unhappy one",
                    unit=Unit.COUNT,
                ),
                Column(
                    name="unhappy_mrr", label="their MRR", meaning="monthly revenue today", unit=Unit.MONEY
                ),
                Column(
                    name="explained_by",
                    label="explained by",
                    meaning="the group with which held this one no longer differs",
                ),
            ),
            title="Groups named, {level} intervals among named groups",
        ),
        "by_column": TableSpec(
            columns=(
                Column(name="column", label="column", meaning="what the answers are grouped by"),
                Column(name="level", label="level", meaning="its levels"),
                _N,
                _SHARE,
                Column(name="score", label="score", meaning="of the level, as seen"),
                Column(
                    name="contribution",
                    label="contribution",
                    meaning="share times score; over the levels of a column these add up to the score",
                ),
                Column(
                    name="pull",
                    label="pull on the score",
                    meaning="the score less what it would be without the level, as seen",
                ),
            ),
            title="What each level contributes to the score",
        ),
        "cells": TableSpec(
            columns=(
                _GROUP,
                _N,
                Column(name="n_effective", label="n effective", meaning="independent answers they are worth"),
                Column(name="difference", label="less all others", meaning="as seen, not for quoting"),
                Column(name="t", label="smallest |t|", meaning="of its comparisons, 0 if they disagree"),
                Column(name="p_value", label="p, whole search", meaning="adjusted", unit=Unit.P_VALUE),
                Column(name="named", label="named", meaning="whether it differs beyond chance"),
            ),
            title="Every group judged",
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the units of this score."""
        spec = self.specs[name]
        # a share has points of difference, a score those of its scale
        units = dict.fromkeys(_SCORES, self.unit) | dict.fromkeys(_DIFFERENCES, unit_of_difference(self.unit))
        columns = [replace(column, unit=units.get(column.name, column.unit)) for column in spec.columns]
        return replace(spec, columns=tuple(columns))

    @property
    def unhappy(self) -> pd.DataFrame:
        """Rows of ``table`` that are unhappier than all others and explained by no other group."""
        worse = (self.table["difference"] > 0) == self.low_is_good
        return self.table[worse & (self.table["explained_by"] == "")].reset_index(drop=True)
