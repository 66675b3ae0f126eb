"""A small study on disk whose parts a test replaces one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CUSTOMERS = """id,since,until,kind,plan
c1,2024-01-05,,,pro
c2,2024-01-20,2024-06-30,voluntary,pro
c3,2024-02-01,,,basic
c4,2024-03-01,,,basic
"""
RESPONSES = """customer,question,answer,when
c1,nps,9,2024-03-01
c2,nps,3,2024-03-02
c3,ces,6,2024-03-03
c4,ces,2,2024-04-01
c1,nps,10,2024-05-01
"""
STUDY = """
[study]
name = "Small"
observed_until = 2024-12-31
{study}
[instruments]
nps = "nps"
ces = "ces2"
{instruments}
{limits}
[[sources]]
table = "customers"
file = "customers.csv"
{customers}
[sources.columns]
customer_id = "id"
started_at = "since"
ended_at = "until"
end_kind = "kind"
plan = "plan"

[[sources]]
table = "responses"
file = "responses.csv"
{responses}
[sources.columns]
customer_id = "customer"
instrument = "question"
score = "answer"
responded_at = "when"
{columns}
"""


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Write the files of a small study, with parts replaced, and return the path of its study file."""

    def write(
        *,
        customers: str | bytes = CUSTOMERS,
        responses: str | bytes = RESPONSES,
        text: str = STUDY,
        **parts: str,
    ) -> Path:
        for name, content in (("customers.csv", customers), ("responses.csv", responses)):
            data = content.encode("utf-8") if isinstance(content, str) else content
            (tmp_path / name).write_bytes(data)
        for part in ("study", "instruments", "limits", "customers", "responses", "columns"):
            text = text.replace("{" + part + "}", parts.get(part, ""))
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
