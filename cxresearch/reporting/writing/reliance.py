"""What stands under "Before you rely on it": until when, what leaving means, weights, cautions and doubts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, time
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import narwhals as nw

from cxresearch.churn.churn_kinds import Kind
from cxresearch.data.checking.doubts_about import doubts_about
from cxresearch.data.engine import collect
from cxresearch.reporting.writing.blocks import block, sentence
from cxresearch.reporting.writing.whose import (
    Whose,
    data_cut,
    days_of,
    leaving_in_short,
    segment_in_words,
)

if TYPE_CHECKING:
    from markupsafe import Markup

    from cxresearch.data.study import Study

TITLE = "Before you rely on it"
#: How a page dates leaving: not at all, at the end of the relationship, or at the notice where it is known.
Dated = Literal["", "end", "notice"]
#: A list of customers with a churn flag, without a day: nothing is known of before and after.
_SNAPSHOT = "A snapshot without dates: nobody can tell what came first, leaving or what is shown beside it"
_KINDS = {
    "any": "",
    "voluntary": "; customers lost otherwise (end_kind involuntary) are no leavers",
    "involuntary": "; only customers lost against their will (end_kind involuntary) count",
}


@dataclass(frozen=True, kw_only=True)
class Reliance:
    """What a page rests on.

    Attributes
    ----------
    study : Study
        The study as opened, of all segments: its doubts are told.
    read_from : Study
        The study that the page computes on, which knows the tables that were read; the same, or one segment.
    notes : tuple of str
        Cautions of the results on the page.
    dated : {"", "end", "notice"}
        How the page dates leaving; empty where it does not speak of leaving.
    kind : {"any", "voluntary", "involuntary"}
        What counts as leaving.
    weights : str
        What the page does with weights of answers, or why it does nothing with them.
    segment : str
        ``"column=value"`` where the page is about one segment.
    period : str
        Which days the figures are from; empty: the days of the tables that were read.
    """

    study: Study
    read_from: Study
    notes: tuple[str, ...] = ()
    dated: Dated = ""
    kind: Kind = "any"
    weights: str = ""
    segment: str = ""
    period: str = ""

    def items(self) -> list[str]:
        """Return the sentences, what the numbers mean first, then cautions, then doubts."""
        if getattr(self.study, "kind", "") == "snapshot":
            return list(dict.fromkeys(map(sentence, (_SNAPSHOT, *self.notes))))
        facts = [*data_until(self.study), *leaving_in_force(self.study, dated=self.dated, kind=self.kind)]
        told = [*facts, *weights_in_force(self.read_from, self.weights), *self.notes, *self._doubts()]
        return list(dict.fromkeys(map(sentence, told)))

    def whose(self) -> Whose:
        """Return whose the page is."""
        return Whose(
            study=self.study.name or "unnamed study",
            segment=segment_in_words(self.segment),
            period=self.period or days_of(self.read_from, self.read_from.tables_read),
            until=data_cut(self.study),
            leaving=leaving_in_short(self.study, dated=self.dated, kind=self.kind),
        )

    def block(self) -> Markup:
        """Return them as a block of the page."""
        return block("reliance", title=TITLE, items=self.items())

    def _doubts(self) -> Iterator[str]:
        if self.study is not self.read_from:
            yield "Doubts, where there are any, are about all customers, not only those of this page"
        for row in doubts_about(self.study, self.read_from.tables_read).to_dict("records"):
            yield doubt_sentence(row)


def doubt_sentence(row: dict[Any, Any]) -> str:
    """Return a doubt of `cxresearch check` as a page says it.

    Examples
    --------
    >>> row = {"table": "responses", "flag": "after_end", "rows": 14, "detail": "dated after the end"}
    >>> doubt_sentence(row)
    'Doubt about responses: 14 rows, after end: dated after the end.'
    """
    count = f"{int(row['rows']):,} row{'s' * (int(row['rows']) != 1)}"
    flag = str(row["flag"]).replace("_", " ")
    return sentence(f"Doubt about {row['table']}: {count}, {flag}: {row['detail']}")


def data_until(study: Study) -> Iterator[str]:
    """Say until when customers were watched."""
    moment = study.observed_until.replace(tzinfo=UTC).astimezone(ZoneInfo(study.timezone))
    until = f"{moment:%Y-%m-%d %H:%M}"
    if moment.time() >= time(23, 59, 59):
        until = f"the end of {moment:%Y-%m-%d}"
    yield f"Data until {until} ({study.timezone}): what came later is not known"


def leaving_in_force(study: Study, *, dated: Dated, kind: Kind = "any") -> Iterator[str]:
    """Say what counts as having left, by which column, and how many have.

    Parameters
    ----------
    study : Study
    dated : {"", "end", "notice"}
    kind : {"any", "voluntary", "involuntary"}
    """
    if not dated or "customers" not in study.tables:
        return
    columns = study.checked.columns("customers")
    if "ended_at" not in columns:
        yield "Left: the study has no column ended_at of customers, so everybody counts as still there"
        return
    rows = study.checked.valid("customers")
    over = nw.when(nw.col("ended_at") <= nw.lit(study.observed_until)).then(nw.lit(1)).otherwise(nw.lit(0))
    counts = collect(rows.select(n=nw.len(), ended=over.sum())).fillna(0).iloc[0]
    at = "on the day in ended_at of customers"
    if dated == "notice":
        at = "on the day in notice_at of customers, else in ended_at"
        if "notice_at" not in columns:
            at = "on the day in ended_at of customers (no notice_at is mapped: the decision may come earlier)"
    kinds = _KINDS[kind]
    if kind == "voluntary" and "end_kind" not in columns:
        kinds = "; no end_kind is mapped, so every end counts as the customer's own wish"
    ended = f"{int(counts['ended']):,} of {int(counts['n']):,} customers had an end by the cut"
    yield f"Left: {at}; {ended}{kinds}. Who has none counts as still there, however inactive"


def weights_in_force(study: Study, told: str) -> Iterator[str]:
    """Say what a page does with weights of answers, where the study maps them; never pass over it."""
    if told:
        yield told
    elif mapped_weights(study) is not None and "responses" in study.tables_read:
        yield "The study maps weights of answers; this page counts every answer once"


def mapped_weights(study: Study) -> str | None:
    """Return the name of the column of weights of answers; None where the study maps none."""
    if "responses" in study.tables and "weight" in study.checked.columns("responses"):
        return "weight"
    return None


def unused_weights(study: Study, why: str) -> str:
    """Return why a page does not use weights of answers; nothing where the study maps none.

    Parameters
    ----------
    study : Study
    why : str
        The reason, such as "curves count customers".
    """
    if mapped_weights(study) is None:
        return ""
    return f"The weights of answers mapped in the study are not used on this page: {why}"
