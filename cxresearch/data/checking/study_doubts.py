"""Doubts about a whole study that no single row shows: ids that look alike, plans taken for customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.outcome_columns import sounds_like_an_outcome, tells_the_outcome
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_COLUMNS = ["table", "flag", "rows", "detail"]
#: More rejects are not looked at: the first tell what is wrong.
_MOST_REJECTS = 20_000
#: What stands unseen around an id: spaces of several kinds, tabs, line ends, marks of byte order.
_BLANKS = " \t\r\n\u00a0\u202f\u200b\ufeff"
#: Tables without a key, and the columns in which no two rows can agree by chance.
_FACTS = {
    "responses": ("customer_id", "instrument", "responded_at", "score"),
    "orders": ("customer_id", "ordered_at", "amount"),
}
#: Larger tables are not looked at: comparing all rows would cost more than the check itself.
_MOST_ROWS = 5_000_000
_ROUNDED = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"


def look_alikes(study: Study) -> pd.DataFrame:
    """Count ids of customers that differ only in how they are written, and those that a spreadsheet rounded.

    Parameters
    ----------
    study : Study
        Ids are compared without capitals, spaces around them and leading zeros. Nothing is changed.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    if "customers" not in study.tables:
        return pd.DataFrame(columns=_COLUMNS)
    return pd.DataFrame([*_customers(study), *_unknown(study)], columns=_COLUMNS)


def _customers(study: Study) -> Iterator[tuple[str, str, int, str]]:
    ids = study.checked.valid("customers").select(
        plain=_plain(nw.col("customer_id")), id=nw.col("customer_id")
    )
    alike = ids.group_by("plain").agg(n=nw.len()).filter(nw.col("n") > 1)
    rows = int(collect(alike.select(n=nw.col("n").sum())).fillna(0)["n"].iloc[0])
    if rows:
        yield (
            "customers",
            "ids alike",
            rows,
            "customer_ids that differ only in capitals, spaces or leading zeros: one customer twice?",
        )
    rounded = nw.when(nw.col("id").str.contains(_ROUNDED)).then(nw.lit(1)).otherwise(nw.lit(0))
    rows = int(collect(ids.select(n=rounded.sum())).fillna(0)["n"].iloc[0])
    if rows:
        yield (
            "customers",
            "ids rounded",
            rows,
            "customer_ids such as 1.23E+12: a spreadsheet has rounded them, export them as text",
        )


def _unknown(study: Study) -> Iterator[tuple[str, str, int, str]]:
    """Unknown customers who would be known if their ids were written as among the customers."""
    for name in study.tables:
        if not study.summary(name).rejected.get("unknown_customer:customer_id"):
            continue
        rejects = study.checked.rejects(name, limit=_MOST_REJECTS)
        lost = rejects.loc[rejects["rule"] == "unknown_customer", "value"].astype(str)
        plain = lost.str.strip(_BLANKS).str.lower().str.replace(r"^0+", "", regex=True)
        known = study.checked.valid("customers").select(plain=_plain(nw.col("customer_id")))
        found = set(collect(known.filter(nw.col("plain").is_in(sorted(set(plain)))))["plain"])
        rows = int(plain.isin(found).sum())
        if rows:
            yield (
                name,
                "ids written otherwise",
                rows,
                "unknown only for capitals, spaces or leading zeros: write ids alike, with sql",
            )


def _plain(ids: nw.Expr) -> nw.Expr:
    return ids.str.strip_chars(_BLANKS).str.to_lowercase().str.replace_all(r"^0+", "")


def repeated_rows(study: Study) -> pd.DataFrame:
    """Count answers and orders that agree with another in everything, as a file given twice would bring them.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros. Tables of over 5 million rows are passed over.
    """
    lines = []
    for name, columns in _FACTS.items():
        if name not in study.tables or study.summary(name).rows > _MOST_ROWS:
            continue
        given = study.checked.valid(name).filter(~nw.col(columns[-1]).is_null())
        groups = given.group_by(*columns).agg(n=nw.len()).filter(nw.col("n") > 1)
        rows = int(collect(groups.select(n=(nw.col("n") - 1).sum())).fillna(0)["n"].iloc[0])
        if rows:
            detail = f"agree with another row in {', '.join(columns)}: was a file given twice?"
            lines.append((name, "rows repeated", rows, detail))
    return pd.DataFrame(lines, columns=_COLUMNS)


def like_segments(study: Study) -> pd.DataFrame:
    """Count customers in groups whose names differ only in capitals or spaces: one group twice.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    lines = []
    for segment in study.segments:
        counts = collect(study.checked.valid("customers").group_by(segment).agg(n=nw.len()))
        counts = counts.dropna(subset=[segment]).sort_values(segment)
        plain = counts[segment].astype(str).str.strip(_BLANKS).str.lower()
        twice = counts[plain.duplicated(keep=False)]
        if len(twice):
            names = listed(twice[segment], most=4)
            detail = f"in groups of {segment} that differ only in capitals or spaces: {names}"
            lines.append(("customers", "segments alike", int(twice["n"].sum()), detail))
    return pd.DataFrame(lines, columns=_COLUMNS)


def several_plans(study: Study) -> pd.DataFrame:
    """Count customers whose revenue names several plans, one after the other or side by side."""
    if "revenue" not in study.tables or "plan" not in study.checked.columns("revenue"):
        return pd.DataFrame(columns=_COLUMNS)
    paid = study.checked.valid("revenue").filter(~nw.col("plan").is_null() & (nw.col("mrr") > 0))
    each = paid.select("customer_id", "plan").unique().group_by("customer_id").agg(n=nw.len())
    rows = int(collect(each.filter(nw.col("n") > 1).select(n=nw.len()))["n"].iloc[0])
    line = (
        "revenue",
        "customers with several plans",
        rows,
        "the last row counts as the customer's whole level; for plans side by side map subscription_id",
    )
    return pd.DataFrame([line] if rows else [], columns=_COLUMNS)


def outcomes_among_segments(study: Study) -> pd.DataFrame:
    """Name columns of customers that state or know who left: those left out of the segments, then the others.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; ``rows`` are the customers with a value.
    """
    if "customers" not in study.tables:
        return pd.DataFrame(columns=_COLUMNS)
    columns = study.checked.columns("customers")
    known = LAYOUTS["customers"].columns
    further = [name for name in columns if name not in known and name not in study.segments]
    lines = []
    for name in (name for name in further if sounds_like_an_outcome(name)):
        values = study.checked.valid("customers").filter(~nw.col(name).is_null())
        rows = int(collect(values.select(n=nw.len()))["n"].iloc[0])
        detail = f"{name} states an outcome by its name: no segment unless named in segments = [...]"
        lines.append(("customers", "outcome column", rows, detail))
    if "ended_at" in columns:
        lines += [line for segment in study.segments if (line := _knows_who_left(study, segment))]
    return pd.DataFrame(lines, columns=_COLUMNS)


def _knows_who_left(study: Study, segment: str) -> tuple[str, str, int, str] | None:
    over = nw.when(nw.col("ended_at") <= nw.lit(study.observed_until)).then(nw.lit(1)).otherwise(nw.lit(0))
    customers = study.checked.valid("customers").select(group=nw.col(segment), over=over)
    counts = collect(customers.group_by("group").agg(n=nw.len(), ended=nw.col("over").sum()))
    if not tells_the_outcome(counts["n"], counts["ended"]):
        return None
    detail = f"{segment} knows who left: an outcome, never a segment or a feature; leave it out"
    return ("customers", "segment knows who left", int(counts["n"].sum()), detail)


#: Answers after which it says something that an end of the scale was never chosen. Even answers that one
#: customer in a hundred gives are missing from 500 with probability .99 ** 500 = .7 % only.
_ENOUGH_FOR_THE_BAD_END = 500
_ENOUGH_FOR_THE_GOOD_END = 50


def unused_ends_of_scales(study: Study) -> pd.DataFrame:
    """Name questions at an end of whose scale nobody answered: perhaps another scale was asked.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; ``rows`` are the answers.
    """
    if "responses" not in study.tables:
        return pd.DataFrame(columns=_COLUMNS)
    answered = study.checked.valid("responses").filter(~nw.col("score").is_null())
    ends = answered.group_by("instrument").agg(
        n=nw.len(), low=nw.col("score").min(), high=nw.col("score").max()
    )
    lines = []
    for row in collect(ends).sort_values("instrument").to_dict("records"):
        scale = study.instruments.get(row["instrument"])
        if scale is None:
            continue
        good_is_high = scale.direction == "high_is_good"
        enough_low = _ENOUGH_FOR_THE_BAD_END if good_is_high else _ENOUGH_FOR_THE_GOOD_END
        enough_high = _ENOUGH_FOR_THE_GOOD_END if good_is_high else _ENOUGH_FOR_THE_BAD_END
        unused = []
        if row["low"] > scale.low and row["n"] >= enough_low:
            unused.append(scale.low)
        if row["high"] < scale.high and row["n"] >= enough_high:
            unused.append(scale.high)
        if unused:
            detail = (
                f"nobody answers {' or '.join(map(str, unused))} to {row['instrument']} "
                f"({row['low']:g} to {row['high']:g} seen): was another scale asked, or is it another column?"
            )
            lines.append(("responses", "end of scale unused", int(row["n"]), detail))
    return pd.DataFrame(lines, columns=_COLUMNS)


_ENOUGH_FOR_A_DAY = 20


def times_on_one_day(study: Study) -> pd.DataFrame:
    """Name tables all of whose rows lie on one day: perhaps the day of a load, not of the event.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``.
    """
    lines = []
    for name in study.tables:
        summary = study.summary(name)
        if summary.first is None or summary.last is None or summary.valid < _ENOUGH_FOR_A_DAY:
            continue
        if summary.first.date() == summary.last.date():
            detail = (
                f"all on {summary.first:%Y-%m-%d}: is this the time of the event, or of a load or an export?"
            )
            lines.append((name, "times on one day", summary.valid, detail))
    return pd.DataFrame(lines, columns=_COLUMNS)
