"""The company of the headline stays the same bit for bit, whatever is laid on top of it elsewhere."""

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cxresearch.data.synthetic.company_paths import EFFECTS, CompanyPaths, company_paths
from cxresearch.data.synthetic.company_tables import company_records, company_tables
from cxresearch.data.synthetic.unhappy_tables import unhappy_tables

#: SHA-256 (16 digits) of every column of 300 customers of seed 1, as they were before the unhappy company.
FROZEN = {
    "customers.customer_id": "b7da013e578429f6",
    "customers.started_at": "89a119960d94f3b0",
    "customers.ended_at": "104a64955f4e1829",
    "customers.end_kind": "3a7a831a88d295ab",
    "customers.notice_at": "c8178b7de389af02",
    "customers.segment": "beb516cf950c9d6b",
    "customers.term": "2594eb39f99d6023",
    "responses.customer_id": "8dbcea37cac1176d",
    "responses.instrument": "1e60f22084ad0f28",
    "responses.score": "f3e414db28eacd97",
    "responses.responded_at": "daa65b583a3f869f",
    "responses.sent_at": "fae8fce8cf579915",
    "responses.touchpoint": "b089d2b3b602f0cb",
    "revenue.customer_id": "241c47308fee5ecb",
    "revenue.effective_at": "87bbaf981f2adf5a",
    "revenue.mrr": "e1bc27a88f5c1b6f",
    "revenue.plan": "de57baf12902039d",
    "revenue.due_at": "87312123c69565c9",
    "tickets.ticket_id": "267ea718af013b61",
    "tickets.created_at": "42c77c6387149e7b",
    "tickets.customer_id": "96c0d2a73b52ee29",
    "tickets.first_replied_at": "330cdda205dadc47",
    "tickets.resolved_at": "1241eacc4803ceea",
    "tickets.channel": "aab0576813597187",
    "tickets.category": "d7ab5eb3622bdaff",
    "tickets.replies": "78743ea6293b7140",
    "tickets.reopens": "0ce202e5c1145128",
    "tickets.agent_id": "337305613ca2c85e",
    "tickets.wait_minutes": "3c7f88c752e8fc3f",
    "usage.customer_id": "0a015c1768035eab",
    "usage.used_at": "ef40b9ef725b8c2f",
    "usage.quantity": "6c408326c8aa1e91",
    "usage.feature": "cd2d98c5000f5f10",
    "orders.customer_id": "441d2c8834afc71d",
    "orders.ordered_at": "fa8d824cb9d2bf24",
    "orders.amount": "542a0d5862a8c13b",
    "events.occurred_at": "97f53344921013a2",
    "events.kind": "0d9c938ff58bf835",
    "events.note": "78d0647acc695f03",
}


def draw() -> tuple[np.random.Generator, CompanyPaths]:
    rng = np.random.default_rng(1)
    return rng, company_paths(rng, customers=300, months=36, effects=EFFECTS)


def checksum(column: Any) -> str:
    values = column.combine_chunks().cast(pa.string()).to_pylist()
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def plain() -> dict[str, pa.Table]:
    rng, paths = draw()
    return company_tables(rng, paths, company_records(rng, paths))


@pytest.fixture(scope="module")
def unhappy() -> dict[str, pa.Table]:
    rng, paths = draw()
    return unhappy_tables(1, rng, paths, company_records(rng, paths))


def test_no_column_of_the_company_has_changed(plain: dict[str, pa.Table]) -> None:
    sums = {
        f"{name}.{column}": checksum(table[column])
        for name, table in plain.items()
        for column in table.column_names
    }
    assert sums == FROZEN


@pytest.mark.parametrize("name", ["customers", "revenue", "usage", "orders"])
def test_the_unhappy_company_has_the_same_customers_revenue_usage_and_orders(
    unhappy: dict[str, pa.Table], name: str
) -> None:
    frozen = {column: value for column, value in FROZEN.items() if column.startswith(f"{name}.")}
    assert {column: checksum(unhappy[name][column.partition(".")[2]]) for column in frozen} == frozen


def test_tickets_of_outages_come_after_the_same_tickets(
    plain: dict[str, pa.Table], unhappy: dict[str, pa.Table]
) -> None:
    assert unhappy["tickets"].slice(0, len(plain["tickets"])).equals(plain["tickets"])
    assert len(unhappy["tickets"]) > len(plain["tickets"])
