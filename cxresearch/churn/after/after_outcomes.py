"""What follows an event besides leaving: the next answer, being happy again, revenue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_number
from cxresearch.data.timelines import DAY, seconds, timeline_of
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.models.linear import linear_fit
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints
    from cxresearch.churn.after.matched_customers import People
    from cxresearch.data.study import Study

#: Outcomes besides churn, with their unit and that of a difference.
UNITS = {
    "next_score": (Unit.SCORE, Unit.SCORE),
    "happy_again": (Unit.SHARE, Unit.SHARE_DIFFERENCE),
    "revenue": (Unit.MONEY, Unit.MONEY),
}
LABELS = {
    "next_score": "score of the next {question}",
    "happy_again": "happy at the next {question}",
    "revenue": "change of monthly revenue",
}
#: Days over which they are counted unless said otherwise.
USUAL_DAYS = 90.0
#: Fewer rows on a side tell nothing.
_FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An outcome asked for: its name, the question it is about, and the days it is counted over."""

    name: str
    question: str
    days: float


def wanted_outcomes(
    study: Study, outcomes: Sequence[str] | Mapping[str, float], among: str | None
) -> tuple[Wanted, ...]:
    """Check the outcomes asked for; ``"churn"`` is always there and needs no days.

    Raises
    ------
    ArgumentError
        If an outcome or a question is not known.
    DataError
        If the study lacks the table it is read from.
    """
    usual = "nps" if "nps" in study.instruments else next(iter(study.instruments), "nps")
    if among is not None and among != "detractor":
        usual = among.removeprefix("low_")
    wanted = []
    for given in [outcomes] if isinstance(outcomes, str) else outcomes:
        name, _, question = given.partition(":")
        if name == "churn":
            continue
        if name not in UNITS:
            known = ("churn", *UNITS)
            raise ArgumentError(
                f"there is no outcome {given!r}",
                wanted="one of " + listed(known),
                next_step=did_you_mean(name, known),
            )
        question = question or usual
        if name != "revenue" and question not in study.instruments:
            raise ArgumentError(
                f"the study has no question {question!r}", wanted="one of " + listed(study.instruments)
            )
        table = "revenue" if name == "revenue" else "responses"
        if table not in study.tables:
            raise DataError(f"the study has no table {table}", next_step="map it, or leave out this outcome")
        days = outcomes[given] if isinstance(outcomes, Mapping) else USUAL_DAYS
        days = check_number(f"days of {given}", days, above=0)
        wanted.append(Wanted(name=name, question=question, days=days))
    return tuple(wanted)


def compared_outcomes(
    study: Study, people: People, rows: pd.DataFrame, wanted: Sequence[Wanted], *, level: float
) -> pd.DataFrame:
    """Compare what followed the event with what followed the same tenure of the matched customers.

    Only rows followed to the end of the days count, on both sides; an answer is known of who answers again.

    Returns
    -------
    DataFrame
        ``outcome, days, after_event, matched`` (means), ``difference, low, high, p_value, p_holm, unit,
        difference_unit, n_after_event, n_matched``; errors clustered by customer, within ``match_on``.
    """
    position = rows["person"].to_numpy()
    moment = people.moment(position, rows["tenure"].to_numpy())
    cut = seconds(pd.Series([pd.Timestamp(study.observed_until)]))[0]
    lines = []
    for outcome in wanted:
        end = moment + int(outcome.days * DAY)
        values = _followed(study, people, position, moment, end, outcome)
        values[end > cut] = np.nan
        label = LABELS[outcome.name]
        if outcome.name != "revenue":
            label = label.format(question=study.instruments[outcome.question].label)
        unit, difference = UNITS[outcome.name]
        head = {"outcome": label, "days": outcome.days, "unit": unit, "difference_unit": difference}
        lines.append(head | _difference(values, rows, level))
    if not lines:
        return pd.DataFrame()
    table = pd.DataFrame(lines)
    return table.assign(p_holm=holm(table["p_value"]))


def _followed(
    study: Study, people: People, position: Ints, moment: Ints, end: Ints, outcome: Wanted
) -> Floats:
    """Values of an outcome, NaN where nothing is known."""
    if outcome.name == "revenue":
        line = timeline_of(people.ids, study.table("revenue"), "effective_at", "mrr")
        before = line.value_at(line.last_before(position, moment + 1))
        later = line.value_at(line.last_before(position, end + 1))
        gone = (people.event[position] > 0) & (people.moment(position, people.duration[position]) <= end)
        return np.where(gone, 0.0, later) - before
    scale = study.instruments[outcome.question]
    given = study.table("responses").filter(
        (nw.col("instrument") == outcome.question) & ~nw.col("score").is_null()
    )
    line = timeline_of(people.ids, given, "responded_at", "score")
    place = line.first_after(position, moment)
    score = np.where(line.time_at(place) <= end, line.value_at(place), np.nan)
    if outcome.name == "next_score":
        return score
    return np.where(np.isnan(score), np.nan, np.isin(score, scale.top).astype(np.float64))


def _difference(values: Floats, rows: pd.DataFrame, level: float) -> dict[str, Any]:
    known = ~np.isnan(values)
    side = rows["exposed"].to_numpy(dtype=np.float64)[known]
    y = values[known]
    counts = {"n_after_event": int((side == 1).sum()), "n_matched": int((side == 0).sum())}
    empty = dict.fromkeys(("after_event", "matched", "difference", "low", "high", "p_value"), np.nan)
    if min(counts.values()) < _FEWEST:
        return empty | counts
    # y = group + difference x side, groups of match_on swept out by their means (Frisch and Waugh 1933).
    groups = pd.Series(rows["stratum"].to_numpy()[known])
    swept = [column - column.groupby(groups).transform("mean") for column in map(pd.Series, (y, side))]
    people = rows["person"].to_numpy()[known]
    fit = linear_fit(swept[1].to_numpy()[:, None], swept[0].to_numpy(), cluster=people)
    low, high = fit.interval(level)
    matched = float(y[side == 0].mean())
    difference = float(fit.coefficients[0])
    return counts | {
        "after_event": matched + difference,
        "matched": matched,
        "difference": difference,
        "low": float(low[0]),
        "high": float(high[0]),
        "p_value": float(fit.p_values[0]),
    }
