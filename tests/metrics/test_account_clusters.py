"""Several contacts of an account say less than as many accounts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.checking.check_study import check_study


def study(*, in_answers: bool = False, without: int = 0) -> cx.Study:
    """Three hundred contacts of 30 accounts, whose contacts think alike."""
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(30), 10)
    mood = rng.normal(size=30)[account]
    day = pd.Timestamp("2024-02-01")
    people = pd.DataFrame({"customer_id": [f"c{at}" for at in range(300)], "started_at": day})
    people["account_id"] = [f"A{at}" for at in account]
    people.loc[: without - 1, "account_id"] = None
    answers = people[["customer_id"]].assign(instrument="nps", responded_at=day)
    answers["score"] = np.clip(np.round(7 + 2 * mood + rng.normal(size=300)), 0, 10)
    if in_answers:
        answers["group"] = people["account_id"].fillna("customer " + people["customer_id"])
    return cx.Study.from_frames(
        customers=people, responses=answers, observed_until="2024-03-31", instruments={"nps": "nps"}
    )


@pytest.mark.parametrize("without", [0, 15])
def test_answers_are_linked_by_the_account_of_their_customers(without: int) -> None:
    by_account = cx.metric_table(study(without=without), "nps", clusters="account_id")
    wanted = cx.metric_table(study(in_answers=True, without=without), "nps", clusters="group")
    for column in ("value", "low", "high", "n"):
        assert by_account[column].item() == pytest.approx(wanted[column].item())


def test_contacts_of_one_account_make_the_interval_wider() -> None:
    alone = cx.metric_table(study(), "nps")
    linked = cx.metric_table(study(), "nps", clusters="account_id")
    assert linked["value"].item() == alone["value"].item()
    assert linked["se"].item() > 1.5 * alone["se"].item()


def test_metrics_and_churn_by_account() -> None:
    table = cx.metric_table(study(), "nps", by="account_id")
    assert len(table) == 30
    assert table["n"].tolist() == [10] * 30
    assert cx.voice.accounts(study()).accounts_heard == 30


def test_an_account_is_an_id_and_no_segment() -> None:
    data = study(without=15)
    assert data.segments == ()
    flags = check_study(data).flags.set_index("flag")["rows"]
    assert flags["no account"] == 15


def test_a_column_that_nobody_has_is_refused() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="no column 'acount_id'"):
        cx.metric_table(study(), "nps", clusters="acount_id")
