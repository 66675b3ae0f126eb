"""Were those with the event unhappier before it? The answer before, on both sides of a matched comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.timelines import timeline_of
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.models.linear import linear_fit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cxresearch.aliases import Floats
    from cxresearch.churn.after.matched_customers import Drawn, People
    from cxresearch.data.study import Study

#: A standardised difference from which sides are customarily called unlike.
UNLIKE = 0.1
#: Fewer answers on a side say nothing.
FEWEST_ANSWERS = 20


def answers_before(study: Study, people: People, rows: pd.DataFrame, *, level: float) -> pd.DataFrame:
    """Compare the latest answers before the event and at the same tenure of the matched customers.

    Parameters
    ----------
    study : Study
    people : People
    rows : DataFrame
        From `matched_rows`.
    level : float
        ``depends`` is true where sides differ by a tenth of a standard deviation or more, and by more than
        chance at this level (Holm over the questions).

    Returns
    -------
    DataFrame
        ``question, label, n_after_event, n_matched`` (with an answer), ``after_event, matched`` (means),
        ``difference`` (in standard deviations), ``p_value`` (clustered by customer), ``depends``. Empty where
        nobody answered anything.

    References
    ----------
    Austin (2009), doi:10.1002/sim.3697, for the standardised difference.
    """
    lines: list[dict[str, Any]] = []
    if "responses" not in study.tables:
        return pd.DataFrame(lines)
    position = rows["person"].to_numpy()
    moment = people.moment(position, rows["tenure"].to_numpy())
    exposed = rows["exposed"].to_numpy() == 1
    for name, scale in study.instruments.items():
        given = study.table("responses").filter((nw.col("instrument") == name) & ~nw.col("score").is_null())
        line = timeline_of(people.ids, given, "responded_at", "score")
        score = line.value_at(line.last_before(position, moment))
        lines.append(_compared(name, scale.label, score, exposed, position))
    table = pd.DataFrame(lines)
    unlike = table["difference"].abs() >= UNLIKE
    return table.assign(depends=unlike & (holm(table["p_value"]) < 1 - level))


def _compared(
    name: str, label: str, score: Floats, exposed: Floats, position: Iterable[int]
) -> dict[str, Any]:
    answered = ~np.isnan(score)
    side = exposed[answered].astype(np.float64)
    values = score[answered]
    after = values[side == 1]
    matched = values[side == 0]
    row: dict[str, Any] = {
        "question": name,
        "label": label,
        "n_after_event": len(after),
        "n_matched": len(matched),
        "after_event": np.nan,
        "matched": np.nan,
        "difference": np.nan,
        "p_value": np.nan,
    }
    if min(len(after), len(matched)) < FEWEST_ANSWERS:
        return row
    # d = (mean1 - mean0) / sqrt((s1^2 + s0^2) / 2), Austin (2009)
    spread = np.sqrt((after.var(ddof=1) + matched.var(ddof=1)) / 2)
    gap = float(after.mean() - matched.mean())
    row |= {"after_event": float(after.mean()), "matched": float(matched.mean()), "difference": 0.0}
    if not spread > 0:
        return row
    # Controls may be drawn for several events: least squares on the side, clustered by customer.
    people = np.asarray(position)[answered]
    fit = linear_fit(np.column_stack([np.ones(len(side)), side]), values, cluster=people)
    return row | {"difference": gap / float(spread), "p_value": float(fit.p_values[1])}


def dependence(table: pd.DataFrame, label: str) -> tuple[str, ...]:
    """Say in words which answers were unlike before the event; empty where none was.

    Parameters
    ----------
    table : DataFrame
        From `answers_before`.
    label : str
        What the event is.
    """
    if table.empty:
        return ()
    return tuple(
        f"before {label} the latest {row['label']} was {row['after_event']:.1f} on average, that of matched "
        f"customers {row['matched']:.1f} ({row['difference']:+.2f} standard deviations): who has {label} "
        "depends on the last score, so what follows may be the score's and not the event's"
        for row in table[table["depends"]].to_dict("records")
    )


def group_shares(people: People, drawn: Drawn) -> pd.DataFrame:
    """Return shares of the matched columns and of the other segments on both sides."""
    rows = []
    for name in people.frame.columns:
        # A missing value is a value of its own.
        text = people.frame[name].astype(object).where(people.frame[name].notna(), "unknown").map(str)
        with_event = text.iloc[drawn.cases].value_counts(normalize=True)
        without = text.iloc[drawn.control].value_counts(normalize=True)
        rows += [
            (name, value, float(with_event.get(value, 0.0)), float(without.get(value, 0.0)))
            for value in sorted({*with_event.index, *without.index})
        ]
    return pd.DataFrame(rows, columns=["column", "value", "after_event", "matched"])
