"""Tickets whose status says that they are open: an old resolution date does not close them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]

#: Hidden column: an open ticket that had been resolved before.
REOPENED = "_reopened"


@cache
def ticket_words() -> Mapping[str, list[str]]:
    """Return the words of ``ticket_statuses.toml``: ``open``, ``closed`` and ``no_ticket``, in lower case."""
    folder = resources.files("cxresearch.data.validation")
    return tomllib.loads(folder.joinpath("ticket_statuses.toml").read_text("utf-8"))


def says(status: nw.Expr, kind: str) -> nw.Expr:
    """Whether a status is one of the words for a kind; a missing one is none."""
    plain = status.cast(nw.String()).str.to_lowercase().str.strip_chars(" \t")
    return plain.is_in(ticket_words()[kind]).fill_null(value=False)


def with_ticket_status(table: str, rows: Frame) -> Frame:
    """Return tickets without the resolution of those whose status says that they are open again.

    Other tables, and tickets without both columns, come back unchanged. Hidden column ``_reopened`` is true
    where a resolution was taken off.
    """
    names = rows.collect_schema().names() if table == "tickets" else []
    if not {"status", "resolved_at"} <= set(names):
        return rows
    # Help desks keep the first resolution of a reopened ticket; the status is the newer fact.
    is_open = says(nw.col("status"), "open")
    reopened = is_open & ~nw.col("resolved_at").is_null()
    return rows.with_columns(
        nw.when(~is_open).then(nw.col("resolved_at")).alias("resolved_at"), reopened.alias(REOPENED)
    )
