"""Lists of contacts: the account's id repeats, the contact's tells rows apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import start_study


@pytest.mark.parametrize("account", ["account_id", "company_id", "organization_id"])
def test_contacts_of_accounts_are_customers_with_an_account(tmp_path: Path, account: str) -> None:
    rows = "".join(f"p{i},a{i // 3},2024-01-{1 + i:02d}\n" for i in range(20))
    (tmp_path / "contacts.csv").write_text(f"contact_id,{account},signup_date\n{rows}")
    choices = start_study(tmp_path, until="2024-12-31")
    assert choices.files[0].tables == ("customers",)
    assert any("the account of these customers?" in question for question in choices.files[0].questions)
    customers = cx.read_study(tmp_path).table("customers").collect().to_pandas()
    assert len(customers) == 20
    assert customers["account_id"].nunique() == 7
