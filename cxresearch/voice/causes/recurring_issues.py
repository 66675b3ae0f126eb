"""``recurring_issues``: which kinds of tickets come back, how they grow, and who stands behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.intervals.proportions import clopper_pearson, wilson
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.voice.why.study_texts import collect_columns, columns_of, revenue_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study
    from cxresearch.voice.why.themes import Themes

#: Issues are told apart up to this number, the most frequent.
MOST_ISSUES = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class RecurringIssues(Result):
    """Kinds of tickets, what they cost and how they grow.

    Attributes
    ----------
    table : DataFrame
        One row an issue, that with most hours open first.
    by : str
    n : int
        Tickets of the window.
    window_days : float
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    by: str
    n: int
    window_days: float
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="issue", label="issue", meaning="category or theme"),
                Column(name="tickets", label="tickets", meaning="of the window", unit=Unit.COUNT),
                Column(
                    name="growth",
                    label="times as many as before",
                    meaning="customers with it in the window over those in the window before",
                    unit=Unit.RATIO,
                    low="growth_low",
                    high="growth_high",
                ),
                Column(
                    name="p_adjusted", label="p, corrected", meaning="of no growth, Holm", unit=Unit.P_VALUE
                ),
                Column(
                    name="median_hours",
                    label="median time open",
                    meaning="open ones censored",
                    unit=Unit.HOURS,
                ),
                Column(
                    name="reopened",
                    label="reopened",
                    meaning="share of tickets",
                    unit=Unit.SHARE,
                    low="reopened_low",
                    high="reopened_high",
                ),
                Column(
                    name="again",
                    label="came back",
                    meaning="share of customers with it who had it in the window before too",
                    unit=Unit.SHARE,
                    low="again_low",
                    high="again_high",
                ),
                Column(name="customers", label="customers", meaning="who had it", unit=Unit.COUNT),
                Column(
                    name="mrr",
                    label="revenue behind it",
                    meaning="a month, of these customers",
                    unit=Unit.MONEY,
                ),
            ),
            title="Issues of the last {window_days:g} days, {level} intervals; {n:,} tickets",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        first = self.table.iloc[0]
        share = format_value(first["hours_share"], Unit.SHARE)
        lead = f"{first['issue']} takes most: {share} of all hours that tickets stood open"
        lead += f", with {first['tickets']:,} of {self.n:,} tickets in {self.window_days:g} days."
        grown = self.table[(self.table["p_adjusted"] < 1 - self.level) & (self.table["growth"] > 1)]
        if not len(grown):
            return f"{lead} No issue has grown beyond chance."
        fastest = grown.sort_values("growth", ascending=False).iloc[0]
        figure = format_estimate(fastest["growth"], fastest["growth_low"], fastest["growth_high"], Unit.RATIO)
        return f"{lead} {fastest['issue']} grows: {figure} times the customers of as many days before."


def recurring_issues(
    study: Study,
    *,
    by: str = "category",
    themes: Themes | None = None,
    window_days: float = 90,
    level: float = 0.95,
) -> RecurringIssues:
    """Say which issues come back, how they grow, and which customers and revenue stand behind them.

    Parameters
    ----------
    study : Study
        Needs ``tickets``.
    by : str
        Column of tickets that names the issue; not used with `themes`.
    themes : Themes, optional
        Of subjects or bodies: a ticket counts for each theme it mentions. With a theme of wishes in the
        codebook this lists feature requests.
    window_days : float
        The last so many days before the data cut, compared with as many before.
    level : float

    Returns
    -------
    RecurringIssues

    Raises
    ------
    ArgumentError
        If there are no tickets or no such column, or the themes are of other texts.
    DataError
        If the window holds no ticket.

    Notes
    -----
    Growth is a ratio of two Poisson counts, exact given their sum (Przyborowski and Wilenski 1940,
    doi:10.1093/biomet/31.3-4.313), each customer counted once a window, so that one who writes daily is no
    wave. Hours open reach to the data cut for open tickets; their median is Kaplan and Meier's. Guide:
    ``docs/why.md``.
    """
    check_level(level)
    check_number("window_days", window_days, above=0)
    tickets, flags, names = _marked(study, by, themes)
    cut = pd.Timestamp(study.observed_until)
    window = pd.Timedelta(days=window_days)
    now = ((tickets["created_at"] > cut - window) & (tickets["created_at"] <= cut)).to_numpy()
    before = ((tickets["created_at"] > cut - 2 * window) & (tickets["created_at"] <= cut - window)).to_numpy()
    if not now.any():
        raise DataError(
            f"no ticket was created in the last {window_days:g} days",
            wanted="tickets",
            next_step="widen the window",
        )
    levels, no_revenue = revenue_levels(study)
    revenue = None
    if levels is not None:
        revenue = levels.groupby("customer_id")["mrr"].last()
    facts = _facts(tickets, cut)
    lines = [
        {"issue": name, **_issue(facts, flags[:, at] & now, flags[:, at] & before, revenue, level)}
        for at, name in enumerate(names)
        if (flags[:, at] & now).any()
    ]
    table = pd.DataFrame(lines)
    table["hours_share"] = table["hours_open"] / facts["hours"][now].sum()
    # Holm over issues: the largest growth is chosen by looking
    table["p_adjusted"] = holm(table["p_value"])
    table = table.sort_values("hours_open", ascending=False, kind="stable", ignore_index=True)
    if themes is not None:
        by = themes.text
    return RecurringIssues(
        table=table.head(MOST_ISSUES),
        by=by,
        n=int(now.sum()),
        window_days=float(window_days),
        level=level,
        notes=tuple(filter(None, (*_notes(table, flags, now, themes), no_revenue))),
    )


def _notes(
    table: pd.DataFrame, flags: NDArray[np.bool_], now: NDArray[np.bool_], themes: Themes | None
) -> tuple[str, ...]:
    notes = []
    silent = int((~flags.any(axis=1) & now).sum())
    if silent:
        notes.append(f"{silent:,} tickets of the window name no issue.")
    if themes is not None:
        notes.append("A ticket that mentions several themes counts for each.")
    if len(table) > MOST_ISSUES:
        notes.append(f"{len(table) - MOST_ISSUES} further issues are not shown.")
    return tuple(notes)


def _marked(
    study: Study, by: str, themes: Themes | None
) -> tuple[pd.DataFrame, NDArray[np.bool_], list[str]]:
    """Tickets, which issue each is of, shape (tickets, issues), and the issues' names."""
    if "tickets" not in study.tables:
        raise ArgumentError("the study has no tickets", next_step="map a table of tickets")
    wanted = ("ticket_id", "customer_id", "created_at", "resolved_at", "reopens")
    if themes is None:
        if by not in columns_of(study, "tickets"):
            raise ArgumentError(
                f"tickets have no column {by!r}", wanted="one of " + ", ".join(columns_of(study, "tickets"))
            )
        tickets = collect_columns(study, "tickets", (*wanted, by))
        codes, names = pd.factorize(tickets[by], sort=True)
        return tickets, codes[:, None] == np.arange(len(names))[None, :], [str(name) for name in names]
    if themes.marks.table != "tickets":
        raise ArgumentError(
            f"the themes are of {themes.text}", wanted="themes of subjects or bodies of tickets"
        )
    tickets = collect_columns(study, "tickets", (*wanted, themes.marks.column))
    texts = tickets[themes.marks.column].fillna("").to_numpy(dtype=object)
    return tickets, themes.marks.mark(texts), list(themes.marks.labels.values())


def _facts(tickets: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """Hours open, whether resolved by the cut, whether reopened, and who wrote."""
    solved = pd.Series(pd.NaT, index=tickets.index, dtype="datetime64[us]")
    if "resolved_at" in tickets:
        solved = tickets["resolved_at"]
    done = (solved.notna() & (solved <= cut)).to_numpy()
    until = solved.where(done, cut)
    # open tickets have cost their time up to the data cut
    hours = (until - tickets["created_at"]).dt.total_seconds().to_numpy() / 3_600
    reopened = np.full(len(tickets), np.nan)
    if "reopens" in tickets:
        reopened = (tickets["reopens"].to_numpy(dtype=np.float64) > 0).astype(np.float64)
    return pd.DataFrame(
        {
            "hours": np.maximum(hours, 0.0),
            "done": done,
            "reopened": reopened,
            "customer_id": tickets.get("customer_id"),
        }
    )


def _issue(
    facts: pd.DataFrame,
    now: NDArray[np.bool_],
    before: NDArray[np.bool_],
    revenue: pd.Series[Any] | None,
    level: float,
) -> dict[str, Any]:
    here, earlier = facts[now], facts[before]
    people, people_before = _people(here), _people(earlier)
    growth, low, high, p_value = _ratio(len(people), len(people_before), level)
    again = len(people & people_before)
    reopened = here["reopened"].dropna()
    few = len(people) < SUPPRESS_BELOW
    return {
        "tickets": len(here),
        "tickets_before": len(earlier),
        "customers": len(people),
        "growth": growth,
        "growth_low": low,
        "growth_high": high,
        "p_value": p_value,
        "hours_open": float(here["hours"].sum()),
        "median_hours": _median(here),
        "still_open": int((~here["done"]).sum()),
        **_share("reopened", int(reopened.sum()), len(reopened), level, hidden=few),
        **_share("again", again, len(people), level, hidden=few),
        "mrr": float("nan") if revenue is None or few else float(revenue.reindex(list(people)).sum()),
        "small_base": len(people) < 30,
    }


def _people(rows: pd.DataFrame) -> set[Any]:
    """Customers of tickets; a ticket of nobody known stands for one of its own."""
    # a ticket of nobody known is nobody else's
    known = rows["customer_id"].notna()
    return {*rows.loc[known, "customer_id"], *(("ticket", at) for at in rows.index[~known])}


def _ratio(now: int, before: int, level: float) -> tuple[float, float, float, float]:
    """Ratio of two Poisson counts with its exact interval and p-value."""
    if now + before == 0:
        return (float("nan"),) * 4
    # given their sum, one of two Poisson counts is binomial
    low, high = clopper_pearson(now, now + before, level=level)
    share = np.array([now / (now + before), float(low), float(high)])
    # a share p of both counts is a ratio of p / (1 - p); one of 1 has no end above
    with np.errstate(divide="ignore"):
        ratio, ratio_low, ratio_high = (share / (1 - share)).tolist()
    return ratio, ratio_low, ratio_high, float(stats.binomtest(now, now + before, 0.5).pvalue)


def _median(rows: pd.DataFrame) -> float:
    if not rows["done"].any():
        return float("nan")
    return float(kaplan_meier(rows["hours"].to_numpy(), rows["done"].to_numpy()).median.value)


def _share(name: str, hits: int, n: int, level: float, *, hidden: bool) -> dict[str, float]:
    if hidden or not n:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
    low, high = wilson(hits, n, level=level)
    return {name: hits / n, f"{name}_low": float(low), f"{name}_high": float(high)}
