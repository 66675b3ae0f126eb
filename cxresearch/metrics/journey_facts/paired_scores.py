"""Two scores of the same customers as paired differences: expected and experienced, own and competing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_columns, check_level
from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.metrics.base.group_columns import cells_of, neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.options import check_days
from cxresearch.metrics.journey_facts.paired_scores_result import PairedScores
from cxresearch.metrics.survey.score_measures import Measure, measure_of
from cxresearch.metrics.tables.suppression import flag_and_suppress
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.intervals.mean_interval import t_interval
from cxresearch.stats.intervals.ratio import linearised
from cxresearch.wording import did_you_mean, one_of

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_TEST = "paired t over customers, linearised (Student 1908; Cochran 1977)"
_DAY = pd.Timedelta(days=1)


def expectation_gap(
    study: Study,
    expected: str,
    experienced: str,
    *,
    measure: str | None = None,
    by: str | Sequence[str] | None = None,
    within_days: float = 365,
    level: float = 0.95,
) -> PairedScores:
    """Return what was experienced less what was expected, of the same customers.

    Parameters
    ----------
    study : Study
        With answers to both questions in ``responses``.
    expected, experienced : str
        Names of the two instruments, on scales with the same answers and direction.
    measure : str, optional
        ``"mean"``, ``"nps"``, ``"top_2_box"``, ``"top_box"``; by default the customary one of the second.
    by : str or sequence of str, optional
        Group columns of the experienced answer, or of customers.
    within_days : float
        How long before the experience the expectation may have been stated, in days.
    level : float
        Confidence level.

    Returns
    -------
    PairedScores
        Negative where experience falls short. Each experienced answer is paired with the customer's latest
        expectation before it, or at the same moment; answers without one are counted in ``n_unpaired``.

    Raises
    ------
    ArgumentError
        If an instrument is not declared, or the two scales differ.
    DataError
        If there is no pair.

    Notes
    -----
    The mean of the differences within customers; its error adds up the pairs of each customer (linearised)
    and the interval is Student's t over customers. With one pair each it is the paired t-test. It tells of
    those who answered both questions, not of all. See docs/metrics.md.

    Examples
    --------
    >>> from cxresearch.data.synthetic.journey_company import journey_study
    >>> gap = expectation_gap(journey_study(customers=800), "expectation", "experience")
    >>> bool(gap.table["high"].iloc[0] < 0)
    True
    """
    request = _Request(study=study, by=check_columns("by", by), level=check_level(level))
    within = check_days("within_days", within_days)
    chosen = request.measures(experienced, (expected,), measure)
    first, query = request.answers(experienced)
    pairs = _latest_before(first, request.answers(expected, grouped=False)[0], within)
    label = study.instruments[expected].label
    return request.result(
        f"{study.instruments[experienced].label} less {label}", chosen, {label: (first, pairs)}, query
    )


def competitor_gap(
    study: Study,
    own: str,
    competitors: str | Sequence[str],
    *,
    measure: str | None = None,
    by: str | Sequence[str] | None = None,
    within_days: float = 30,
    level: float = 0.95,
) -> PairedScores:
    """Return the own score less that of each competitor, by the same customers.

    Parameters
    ----------
    study : Study
        With answers about the own company and about each competitor, each its own instrument.
    own : str
        Instrument of the own score.
    competitors : str or sequence of str
        Instruments of the competitors' scores, on the scale of the own.
    measure, by, level
        As in :func:`expectation_gap`.
    within_days : float
        How far apart in days the two answers may be; the nearest counts, and each once.

    Returns
    -------
    PairedScores
        Positive where the own company is ahead; one row a competitor, and group. P-values are Holm's over
        competitors, or over groups and competitors.

    Raises
    ------
    ArgumentError
        If an instrument is not declared, or scales differ.
    DataError
        If a competitor has no pair.

    Notes
    -----
    Customers who know a competitor well enough to rate it are no random part of all, and buyers of another
    brand are not asked: the difference is that of one's own customers.

    Examples
    --------
    >>> from cxresearch.data.synthetic.journey_company import journey_study
    >>> gap = competitor_gap(journey_study(customers=800), "nps", "nps_acme", measure="mean")
    >>> bool(gap.table["low"].iloc[0] < 0.5 < gap.table["high"].iloc[0])
    True
    """
    request = _Request(study=study, by=check_columns("by", by), level=check_level(level))
    within = check_days("within_days", within_days)
    names = check_columns("competitors", competitors)
    if not names:
        raise ArgumentError("competitors names nobody", wanted="an instrument of another company's score")
    chosen = request.measures(own, names, measure)
    first, query = request.answers(own)
    sides = {}
    for name in names:
        other = request.answers(name, grouped=False)[0]
        sides[study.instruments[name].label] = (first, _nearest(first, other, within))
    return request.result(f"{study.instruments[own].label} less competitors", chosen, sides, query)


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What both comparisons ask of a study."""

    study: Any
    by: tuple[str, ...]
    level: float

    def measures(self, first: str, others: tuple[str, ...], measure: str | None) -> Measure:
        """The measure of the first instrument, once it is sure that all are on one scale."""
        declared = self.study.instruments
        for name in (first, *others):
            if name not in declared:
                raise ArgumentError(
                    f"instrument {name!r} is not declared",
                    wanted=one_of(declared, "a section [instruments]"),
                    next_step=did_you_mean(
                        name, declared, otherwise=f"declare it in [instruments.{name}] of study.toml"
                    ),
                )
        scale = declared[first]
        for name in others:
            if name == first:
                raise ArgumentError(f"{first!r} is compared with itself", wanted="two instruments")
            other = declared[name]
            if (other.low, other.high, other.direction) != (scale.low, scale.high, scale.direction):
                raise ArgumentError(
                    f"{first!r} runs from {scale.low} to {scale.high} ({scale.direction}) and {name!r} from "
                    f"{other.low} to {other.high} ({other.direction})",
                    wanted="two questions on one scale: answers of unlike scales have no difference",
                )
        usual = "mean"
        if first == "nps" or scale.name == "nps":
            usual = "nps"
        return measure_of(scale, measure or usual)

    def answers(self, instrument: str, *, grouped: bool = True) -> tuple[pd.DataFrame, Query]:
        """Answers of known customers to a question: ``query.by, who, at, score``, in order of time."""
        columns = self.by
        if not grouped:
            columns = ()
        tables, query = neutral_groups(self.study, Query(by=columns))
        keep = ("customer_id", "instrument", "score", "responded_at")
        rows = cells_of(tables, "responses", query, time="responded_at", keep=keep)
        rows = rows.filter((nw.col("instrument") == instrument) & ~nw.col("score").is_null())
        rows = rows.filter(~nw.col("customer_id").is_null() & ~nw.col("responded_at").is_null())
        given = collect(
            rows.select(
                *query.by, who=nw.col("customer_id"), at=nw.col("responded_at"), score=nw.col("score")
            )
        )
        given = given.sort_values(["at", "who", "score"], kind="stable", ignore_index=True)
        return given.assign(at=given["at"].astype("datetime64[us]")), query

    def result(
        self,
        name: str,
        measure: Measure,
        sides: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
        query: Query,
    ) -> PairedScores:
        """Differences over all and by group, corrected."""
        parts, unpaired = [], 0
        for label, (first, pairs) in sides.items():
            if pairs.empty:
                raise DataError(
                    f"no customer has answered both ({name}, against {label})",
                    where="table responses",
                    next_step="raise within_days, or look at customer_id: both answers need the same one",
                )
            unpaired += len(first) - len(pairs)
            parts.append(_differences(pairs, measure, [], self.level, label))
            if query.by:
                parts.append(_differences(pairs, measure, list(query.by), self.level, label))
        table = pd.concat(parts, ignore_index=True)
        table = table.sort_values("whole", ascending=False, kind="stable", ignore_index=True)
        table = table[[*query.by, *(name for name in table if name not in query.by)]]
        alike = int((table["se"] == 0).sum())
        table = _hidden(_corrected(table, query), query)
        notes = []
        if unpaired:
            notes.append(f"{unpaired:,} answers have no partner and are in no number.")
        if alike:
            notes.append(f"{alike:,} rows have no interval: all their pairs differ alike.")
        notes.append("It tells of customers who answered both, not of all.")
        users = with_users_names(table, query)
        return PairedScores(
            name=name,
            by=tuple(users.columns[: len(query.by)]),
            table=users,
            unit=measure.unit,
            n_unpaired=unpaired,
            level=self.level,
            notes=tuple(notes),
        )


def _latest_before(first: pd.DataFrame, other: pd.DataFrame, within: float) -> pd.DataFrame:
    """Each answer with the customer's latest other answer before it, or at the same moment."""
    pairs = pd.merge_asof(first, other, on="at", by="who", suffixes=("", "_other"), tolerance=within * _DAY)
    return pairs.dropna(subset=["score_other"]).reset_index(drop=True)


def _nearest(first: pd.DataFrame, other: pd.DataFrame, within: float) -> pd.DataFrame:
    """Each answer with the customer's nearest other answer; of two that claim one the nearer has it."""
    marked = other.assign(place=np.arange(len(other)), at_other=other["at"])
    pairs = pd.merge_asof(
        first,
        marked,
        on="at",
        by="who",
        suffixes=("", "_other"),
        tolerance=within * _DAY,
        direction="nearest",
    )
    pairs = pairs.dropna(subset=["score_other"])
    apart = (pairs["at"] - pairs["at_other"]).abs()
    nearest = pairs.assign(apart=apart).sort_values(["apart", "at"], kind="stable")
    return nearest.drop_duplicates("place").sort_index().reset_index(drop=True)


def _differences(
    pairs: pd.DataFrame, measure: Measure, keys: list[str], level: float, label: str
) -> pd.DataFrame:
    """Mean difference of each cell with its error linearised over customers."""
    worth = dict(zip(map(float, measure.scale.levels), measure.values, strict=True))
    first = pairs["score"].map(worth).to_numpy(dtype=float)
    second = pairs["score_other"].map(worth).to_numpy(dtype=float)
    sums = pairs[[*keys, "who"]].assign(w=1.0, a=first, b=second, d=first - second)
    # W_c pairs and D_c, the sum of the differences, of customer c: all that the error needs.
    each = sums.groupby([*keys, "who"], dropna=False, as_index=False)[["w", "a", "b", "d"]].sum()
    each = each.assign(customers=1, ww=each["w"] ** 2, wd=each["w"] * each["d"], dd=each["d"] ** 2)
    totals = ["w", "a", "b", "d", "customers", "ww", "wd", "dd"]
    if keys:
        cells = each.groupby(keys, dropna=False, as_index=False)[totals].sum()
    else:
        cells = each[totals].sum().to_frame().T
    # var = m / (m - 1) sum (D_c - r W_c)^2 / (sum W_c)^2 over m customers; one pair each: s^2 / n.
    mean = linearised(
        x=cells["d"],
        s=cells["w"],
        xx=cells["dd"],
        xs=cells["wd"],
        ss=cells["ww"],
        n=cells["customers"],
    )
    freedom = cells["customers"].to_numpy(dtype=float) - 1
    ends = t_interval(mean.value, mean.se, freedom, level=level)
    # Pairs that all differ alike show no spread: neither an interval nor a test comes from them.
    spread = np.where(mean.se > 0, 1.0, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = mean.value / mean.se * spread
    p = 2 * stats.t.sf(np.abs(statistic), np.where(freedom >= 1, freedom, np.nan))
    factor = measure.factor
    return cells[keys].assign(
        whole=not keys,
        against=label,
        first=factor * cells["a"] / cells["w"],
        second=factor * cells["b"] / cells["w"],
        difference=factor * mean.value,
        low=factor * ends.low * spread,
        high=factor * ends.high * spread,
        level=level,
        se=factor * mean.se,
        statistic=statistic,
        p_value=p,
        n=cells["w"].astype("int64"),
        n_effective=mean.n_effective,
        customers=cells["customers"].astype("int64"),
        unit=str(unit_of_difference(measure.unit)),
        test=_TEST,
    )


def _corrected(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Add Holm's p-values: over the groups where there are any, else over the competitors."""
    adjusted = table["p_value"].copy()
    judged = table["p_value"].notna()
    if query.by:
        judged &= ~table["whole"]
    # Holm (1979): the i-th smallest of m p-values times m - i + 1, made monotone.
    if judged.sum() > 1:
        adjusted[judged] = holm(table.loc[judged, "p_value"].to_numpy(dtype=np.float64))
    place = list(table.columns).index("p_value")
    table.insert(place + 1, "p_adjusted", adjusted)
    return table


_SHOWN = ("first", "second", "difference", "low", "high", "se", "statistic", "p_value", "p_adjusted")


def _hidden(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Flag small cells and hide those of fewer than 5 pairs or customers, with their complements."""
    whole = table["whole"]
    # The total of all groups is no cell of theirs: complements are sought among the groups alone.
    parts = []
    for chosen, keys in ((whole, ()), (~whole, query.by)):
        if chosen.any():
            cells = table[chosen].assign(value=table.loc[chosen, "difference"])
            parts.append(flag_and_suppress(cells, list(keys), apart=("against",)))
    flagged = pd.concat(parts, ignore_index=True).drop(columns="value")
    flagged.loc[flagged["suppressed"], list(_SHOWN)] = np.nan
    return flagged.drop(columns="n_effective")
