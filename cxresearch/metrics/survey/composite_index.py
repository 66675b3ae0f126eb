"""A composite index from declared items and weights, with its reliability."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cxresearch.checks import check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.score_measures import base_note, check_clusters, check_scores
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.scales import CES1, CES2, Scale
from cxresearch.stats.design.survey_design import DesignMean, design_mean, survey_design
from cxresearch.stats.models.reliability import Alpha, alpha_of


@dataclass(frozen=True, kw_only=True)
class CompositeIndex(Result):
    """A weighted mean of items, each from 0 (worst answer) to 100 (best answer).

    Attributes
    ----------
    estimate : Estimate
        Mean of the index over the people who answered every item.
    alpha : Estimate
        Cronbach's alpha of the items with its interval.
    table : DataFrame
        One row an item: item, weight (they add up to 1), n, mean (0 to 100), item_rest_correlation (with the
        mean of the
        others), alpha_without.
    scores : Series
        The index of each row of the input, NaN where an item is missing.
    """

    estimate: Estimate
    alpha: Estimate
    table: pd.DataFrame
    scores: pd.Series[float]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What the index is made of",
            columns=(
                Column(name="item", label="item", meaning="the question"),
                Column(name="weight", label="weight", meaning="they add up to 1", unit=Unit.SHARE),
                Column(name="n", label="n", meaning="answers", unit=Unit.COUNT),
                Column(name="mean", label="mean", meaning="from 0, worst, to 100, best", unit=Unit.SCORE),
                Column(
                    name="item_rest_correlation",
                    label="correlation with the rest",
                    meaning="with the mean of the other items",
                    unit=Unit.RATIO,
                ),
                Column(name="alpha_without", label="alpha without", meaning="of the others", unit=Unit.RATIO),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """The index and how well its items hang together."""
        return f"{self.estimate}; {self.alpha}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know of the items."""
        return tuple(
            f"{note[0].upper()}{note[1:]}." for note in (self.estimate.note, self.alpha.note) if note
        )

    def __str__(self) -> str:
        return f"{self.estimate}\n{self.alpha}"

    __repr__ = __str__


Floats = NDArray[np.float64]
#: Names and labels of effort questions: "ces", "CES 1.0", "ces_2".
_EFFORT = re.compile(r"ces(?![a-z])", re.IGNORECASE)


def cronbach_alpha(
    answers: Mapping[str, ArrayLike], items: Mapping[str, Scale], *, level: float = 0.95
) -> Estimate:
    """Return Cronbach's alpha of declared items, those where low is good turned round.

    Parameters
    ----------
    answers : mapping of str to array-like, each shape (n,), or DataFrame
        Answers by item; missing ones are None, NaN or NA.
    items : mapping of str to Scale
        Scale of each item to use.
    level : float
        Confidence level of Feldt's interval.

    Returns
    -------
    Estimate
        Unit ratio; ``n`` counts the people who answered any item. A note says so if an item runs against the
        others.

    Raises
    ------
    DataError
        If a score is no answer to its question, or an item never varies.
    ArgumentError
        If there are fewer than two items, or two versions of CES among them.

    References
    ----------
    Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika 16, 297-334.
    doi:10.1007/BF02310555

    Examples
    --------
    >>> from cxresearch.scales import CES1, CSAT
    >>> answers = {"ease": [5, 4, 2, 1, 3], "satisfied": [1, 3, 4, 5, 3]}
    >>> cronbach_alpha(answers, {"ease": CES1, "satisfied": CSAT})
    Cronbach's alpha 0.98 [0.79, 1.00], n 5
    """
    table = _aligned(answers, items)
    return _alpha_estimate(alpha_of(table, level=level), table, level)


def _alpha_estimate(alpha: Alpha, table: Floats, level: float) -> Estimate:
    # A negative item-rest correlation is the mark of an item declared the wrong way round.
    against = _item_rest(table) < 0
    return Estimate(
        name="Cronbach's alpha",
        value=alpha.value,
        low=alpha.low,
        high=alpha.high,
        level=level,
        se=alpha.se,
        n=alpha.n,
        n_missing=int(np.isnan(table).any(axis=1).sum()),
        unit=Unit.RATIO,
        method="Feldt (1965) interval; SE Duhachek and Iacobucci (2004)",
        denominator="people who answered any item",
        note="an item runs against the others: is its direction declared right?" if against.any() else "",
    )


def _aligned(answers: Mapping[str, ArrayLike], items: Mapping[str, Scale]) -> Floats:
    """Return answers from 0 (worst) to 100 (best), shape (n, items)."""
    if len(items) < 2:
        raise ArgumentError(f"{len(items)} items", wanted="two items or more")
    _refuse_two_versions(items)
    columns = []
    for name, scale in items.items():
        if name not in answers:
            raise ArgumentError(f"no answers to item {name!r}", wanted="a column for each declared item")
        # Place on the scale, 0 for the lowest answer and 1 for the highest.
        place = (check_scores(answers[name], scale) - scale.low) / (scale.high - scale.low)
        columns.append(100 * (place if scale.direction == "high_is_good" else 1 - place))
    if len({len(column) for column in columns}) > 1:
        raise ArgumentError("items differ in length", wanted="one answer, or a missing one, for each person")
    return np.column_stack(columns)


def _refuse_two_versions(items: Mapping[str, Scale]) -> None:
    """Refuse CES 1.0 beside CES 2.0: how much effort is not how easy on another scale."""
    asked = {CES1.question, CES2.question}
    efforts = {
        name: scale
        for name, scale in items.items()
        if scale.question in asked or any(_EFFORT.match(text) for text in (scale.name, scale.label))
    }
    if len({(scale.low, scale.high, scale.direction) for scale in efforts.values()}) > 1:
        raise ArgumentError(
            f"items {', '.join(map(repr, efforts))} are different versions of CES, and not one question",
            wanted="one version of CES in an index",
            next_step="report each by itself with cx.ces",
        )


def _item_rest(table: Floats) -> Floats:
    """Correlation of each item with the mean of the others, over complete rows."""
    whole = table[~np.isnan(table).any(axis=1)]
    # Corrected item-total correlation: the item is not in the rest it is set against.
    rest = whole.sum(axis=1, keepdims=True) - whole
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.array([np.corrcoef(whole[:, i], rest[:, i])[0, 1] for i in range(table.shape[1])])


def composite_index(
    answers: Mapping[str, ArrayLike],
    items: Mapping[str, Scale],
    *,
    weights: Mapping[str, float] | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    name: str = "Index",
) -> CompositeIndex:
    """Return an index from 0 to 100 made of declared items and weights, with Cronbach's alpha.

    Each answer becomes its place on its scale, 0 for the worst answer and 100 for the best; the index is the
    weighted mean. An NPS question enters by its answers, never as an NPS, and two versions of CES are refused
    in one index: their answers are not the same thing on another scale.

    Parameters
    ----------
    answers, items
        As in :func:`cronbach_alpha`.
    weights : mapping of str to float, optional
        Weight of each item, zero or more; equal by default. They are scaled to add up to 1.
    clusters : array-like, shape (n,), optional
        Who answered, for people who answered several times.
    level : float
        Confidence level.
    name : str
        What a report prints.

    Returns
    -------
    CompositeIndex
        The mean over people who answered every item (the others are counted as missing) with a linearised t
        interval; alpha; the items; each person's score.

    Raises
    ------
    DataError
        If a score is no answer to its question, or fewer than two people answered every item.
    ArgumentError
        If items, weights and clusters do not fit together.

    Examples
    --------
    >>> from cxresearch.scales import CES2, CSAT
    >>> answers = {"csat": [5, 4, 4, 2, 5, 3], "ces": [7, 6, 5, 2, 6, None]}
    >>> composite_index(answers, {"csat": CSAT, "ces": CES2}).estimate
    Index 72.50 [27.68, 94.78], n 5 (1 missing); small base: fewer than 30 answers
    """
    table = _aligned(answers, items)
    shares = _shares(items, weights)
    # Complete rows only: a mean of the items somebody happened to answer is another index for each person.
    whole = ~np.isnan(table).any(axis=1)
    if whole.sum() < 2:
        raise DataError(f"{int(whole.sum())} people answered every item", wanted="two or more")
    index = table @ shares
    if clusters is None:
        labels = None
    else:
        labels = check_clusters(clusters)
    check_same_length(answers=table, clusters=labels)
    if labels is None:
        who = None
    else:
        who = labels[whole]
    mean = design_mean(index[whole], survey_design(int(whole.sum()), clusters=who), level=level)
    low, high = _logit_ends(mean, level)
    n = int(whole.sum())
    estimate = Estimate(
        name=name,
        value=mean.value,
        low=low,
        high=high,
        level=level,
        se=mean.se,
        n=n,
        n_missing=len(index) - n,
        unit=Unit.SCORE,
        method="t interval of the logit" + (", linearised SE" if clusters is not None else ""),
        denominator="people who answered every item",
        note=base_note(n, unknown=False),
    )
    return CompositeIndex(
        estimate=estimate,
        alpha=_alpha_estimate(alpha_of(table, level=level), table, level),
        table=_item_table(table, list(items), shares),
        scores=pd.Series(index, name=name),
    )


def _logit_ends(mean: DesignMean, level: float) -> tuple[float, float]:
    """Return t limits of the logit of the mean, so that they stay between 0 and 100."""
    p = mean.value / 100
    if not 0 < p < 1:
        return float("nan"), float("nan")
    # Delta method on logit p: se(logit p) = se(p) / (p (1 - p)).
    half = float(stats.t.ppf((1 + level) / 2, mean.df)) * mean.se / 100 / (p * (1 - p))
    odds = float(np.log(p / (1 - p)))
    low, high = (100 / (1 + float(np.exp(-end))) for end in (odds - half, odds + half))
    return low, high


def _shares(items: Mapping[str, Scale], weights: Mapping[str, float] | None) -> Floats:
    if weights is None:
        return np.full(len(items), 1 / len(items))
    if set(weights) != set(items):
        raise ArgumentError("weights and items name different things", wanted="a weight for each item")
    given = np.array([check_number(f"weight of {item!r}", weights[item], at_least=0) for item in items])
    if not given.sum() > 0:
        raise ArgumentError(f"weights are {dict(weights)}", wanted="zero or more, some above")
    return np.asarray(given / given.sum())


def _item_table(table: Floats, names: list[str], shares: Floats) -> pd.DataFrame:
    def without(place: int) -> Any:
        rest = np.delete(table, place, axis=1)
        if rest.shape[1] > 1:
            return alpha_of(rest).value
        return float("nan")

    return pd.DataFrame(
        {
            "item": names,
            "weight": shares,
            "n": (~np.isnan(table)).sum(axis=0),
            "mean": np.nanmean(table, axis=0),
            "item_rest_correlation": _item_rest(table),
            "alpha_without": [without(place) for place in range(table.shape[1])],
        }
    )
