"""Tables as loaders write them into a warehouse: typed, with columns of their own, recognised as they are."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import start_study
from tests.data.formats.planted import (
    CUT,
    Company,
    chartmogul,
    company,
    hubspot,
    intercom,
    stripe_customers,
    zendesk_api,
    zendesk_ratings,
)

PLAN = company()
#: What each loader adds to every table.
LOADERS = {
    "fivetran": {"_fivetran_synced": "2024-12-31 04:00:00", "_fivetran_deleted": "false"},
    "airbyte": {
        "_airbyte_raw_id": "x",
        "_airbyte_extracted_at": "2024-12-31 04:00:00",
        "_airbyte_meta": "{}",
        "_airbyte_generation_id": "1",
    },
    "dlt": {"_dlt_id": "x", "_dlt_load_id": "1735689600.1"},
}
TABLES = {
    "zendesk.ticket": (zendesk_api, "tickets", "Zendesk, tickets of the API or a warehouse"),
    "zendesk.satisfaction_rating": (zendesk_ratings, "responses", "Zendesk, satisfaction ratings of the API"),
    "hubspot.ticket": (hubspot, "tickets", "HubSpot, tickets of the API or a warehouse"),
    "intercom.conversation": (intercom, "tickets", "Intercom, conversations of a warehouse"),
    "chartmogul.activities": (chartmogul, "revenue", "ChartMogul, MRR movements (activities)"),
}


def _own_tickets(hours: int) -> Company:
    """The company with tickets that no other system has: the same ones twice would be asked about."""
    moved = [replace(t, created=t.created + timedelta(hours=hours)) for t in PLAN.tickets]
    return replace(PLAN, tickets=moved)


def warehouse(folder: Path, loader: str, names: list[str]) -> None:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for hours, name in enumerate(names):
            frame = pd.read_csv(io.StringIO(TABLES[name][0](_own_tickets(-hours))))
            for column in frame:
                if column in ("created_at", "updated_at", "property_createdate", "property_closed_date"):
                    frame[column] = pd.to_datetime(frame[column])
            frame = frame.assign(**LOADERS[loader])
            connection.execute(f"create schema if not exists {name.partition('.')[0]}")
            connection.register("frame", frame)
            connection.execute(f"create table {name} as select * from frame")


@pytest.mark.parametrize("loader", LOADERS)
def test_tables_of_loaders_are_recognised(loader: str, tmp_path: Path) -> None:
    warehouse(tmp_path, loader, list(TABLES))
    (tmp_path / "customers.csv").write_text(stripe_customers(PLAN))
    choices = start_study(tmp_path, until="2024-12-31")
    read = {choice.file.partition(", table ")[2]: choice for choice in choices.files}
    for name, (_, table, title) in TABLES.items():
        assert (read[name].read_as, read[name].tables[0]) == (title, table), name
    assert choices.blocking == 0


def test_a_warehouse_gives_the_planted_figures(tmp_path: Path) -> None:
    warehouse(
        tmp_path, "fivetran", ["zendesk.satisfaction_rating", "hubspot.ticket", "chartmogul.activities"]
    )
    (tmp_path / "customers.csv").write_text(stripe_customers(PLAN))
    start_study(tmp_path, until="2024-12-31")
    study = cx.read_study(tmp_path)
    tickets = study.table("tickets").collect().to_pandas()
    reply = (tickets["first_replied_at"] - tickets["created_at"]).dt.total_seconds() / 60
    levels = study.table("revenue").collect().to_pandas().sort_values("effective_at")
    levels = levels[levels["effective_at"] <= CUT]
    assert len(tickets) == PLAN.truth["tickets"]
    assert reply.median() == PLAN.truth["median first reply (minutes)"]
    assert levels.groupby("customer_id")["mrr"].last().sum() == pytest.approx(PLAN.truth["mrr"])
    scores = study.table("responses").collect().to_pandas()["score"].dropna()
    assert (scores >= 4).mean() * 100 == pytest.approx(PLAN.truth["csat"])
