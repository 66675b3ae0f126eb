"""Doubts about a whole study that no single row shows: ids that look alike, plans taken for customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import SNAPSHOT
from cxresearch.data.validation.outcome_names import tells_the_outcome
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
#: Columns of a snapshot in which hardly two customers agree by chance.
_ENOUGH_TO_TELL = 8
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
        # The same three steps as in `_plain`, here on the few rejects in pandas.
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
        # k equal rows are k - 1 copies of the first.
        groups = given.group_by(*columns).agg(n=nw.len()).filter(nw.col("n") > 1)
        rows = int(collect(groups.select(n=(nw.col("n") - 1).sum())).fillna(0)["n"].iloc[0])
        if rows:
            detail = f"agree with another row in {', '.join(columns)}: was a file given twice?"
            lines.append((name, "rows repeated", rows, detail))
    return pd.DataFrame(lines, columns=_COLUMNS)


def snapshot_doubts(study: Study) -> pd.DataFrame:
    """Count customers of a snapshot that agree with another in everything but the id.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    columns = [name for name in study.checked.columns(SNAPSHOT) if name != "customer_id"]
    # A column may be called n.
    neutral = {f"column_{place}": nw.col(name) for place, name in enumerate(columns)}
    alike = study.checked.valid(SNAPSHOT).select(**neutral).group_by(*neutral).agg(n=nw.len())
    alike = alike.filter(nw.col("n") > 1)
    rows = int(collect(alike.select(n=(nw.col("n") - 1).sum())).fillna(0)["n"].iloc[0])
    # With few columns many customers are alike by chance.
    if not rows or len(columns) < _ENOUGH_TO_TELL:
        return pd.DataFrame(columns=_COLUMNS)
    detail = "agree with another row in everything but the id: were rows given twice?"
    return pd.DataFrame([(SNAPSHOT, "rows repeated", rows, detail)], columns=_COLUMNS)


def like_segments(study: Study) -> pd.DataFrame:
    """Count customers in groups whose names differ only in capitals or spaces: one group twice.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    lines = []
    for segment in study.segments:
        levels = study.checked.valid("customers").select(level=nw.col(segment))
        counts = collect(levels.group_by("level").agg(n=nw.len())).dropna(subset=["level"])
        counts = counts.sort_values("level")
        plain = counts["level"].astype(str).str.strip(_BLANKS).str.lower()
        twice = counts[plain.duplicated(keep=False)]
        if len(twice):
            names = listed(twice["level"], most=4)
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
    return pd.DataFrame([line][: min(rows, 1)], columns=_COLUMNS)


def segments_that_know_who_left(study: Study) -> pd.DataFrame:
    """Name segments whose values tell who left, whatever they are called.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; ``rows`` are the customers.
    """
    if "customers" not in study.tables or "ended_at" not in study.checked.columns("customers"):
        return pd.DataFrame(columns=_COLUMNS)
    lines = []
    for segment in study.segments:
        line = _knows_who_left(study, segment)
        if line is not None:
            lines.append(line)
    return pd.DataFrame(lines, columns=_COLUMNS)


def _knows_who_left(study: Study, segment: str) -> tuple[str, str, int, str] | None:
    over = nw.when(nw.col("ended_at") <= nw.lit(study.observed_until)).then(nw.lit(1)).otherwise(nw.lit(0))
    customers = study.checked.valid("customers").select(group=nw.col(segment), over=over)
    counts = collect(customers.group_by("group").agg(n=nw.len(), ended=nw.col("over").sum()))
    if not tells_the_outcome(counts["n"], counts["ended"]):
        return None
    detail = f"{segment} knows who left: an outcome, never a segment or a feature; declare outcome = true"
    return ("customers", "segment knows who left", int(counts["n"].sum()), detail)
