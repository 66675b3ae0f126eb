"""Each vendor's export, in its layout: recognised, and its figures equal to what was planted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.formats.format_choices import StarterChoices
from cxresearch.data.starter.write_starter import start_study
from tests.data.formats.planted import CUT, company, stripe_customers
from tests.data.formats.planted_further import CUSTOMERS, EVERY

PLAN = company()


def begin(folder: Path, name: str) -> tuple[StarterChoices, cx.Study]:
    """The choices of init on the customers and one export, and the study after the decisions it asks for."""
    file, write, _, decisions, _ = EVERY[name]
    if name not in CUSTOMERS:
        (folder / "customers.csv").write_text(stripe_customers(PLAN), encoding="utf-8")
    (folder / file).write_text(write(PLAN), encoding="utf-8")
    choices = start_study(folder, until="2024-12-31")
    text = choices.path.read_text(encoding="utf-8")
    for asked, decided in decisions:
        assert asked in text
        text = text.replace(asked, decided)
    choices.path.write_text(text, encoding="utf-8")
    return choices, cx.read_study(folder)


def rows(study: cx.Study, table: str) -> pd.DataFrame:
    return study.table(table).collect().to_pandas()


def figure(study: cx.Study, name: str) -> float:
    if name == "nps":
        return float(cx.metric(study, "nps"))
    if name == "csat":
        return float((rows(study, "responses")["score"].dropna() >= 4).mean() * 100)
    if name == "asked":
        return len(rows(study, "responses"))
    if name == "customers":
        return len(rows(study, "customers"))
    if name == "ended":
        return int(rows(study, "customers")["ended_at"].notna().sum())
    if name == "orders":
        return float(rows(study, "orders")["amount"].sum())
    if name == "tickets":
        return len(rows(study, "tickets"))
    if name == "usage":
        return len(rows(study, "usage"))
    if name == "mrr":
        levels = rows(study, "revenue").sort_values("effective_at")
        levels = levels[levels["effective_at"] <= CUT]
        return float(levels.groupby("customer_id")["mrr"].last().sum())
    tickets = rows(study, "tickets")
    return float(((tickets["first_replied_at"] - tickets["created_at"]).dt.total_seconds() / 60).median())


@pytest.mark.parametrize("name", EVERY)
def test_export_is_recognised_and_its_figures_are_those_planted(name: str, tmp_path: Path) -> None:
    choices, study = begin(tmp_path, name)
    file, _, title, _, figures = EVERY[name]
    (choice,) = [choice for choice in choices.files if choice.file == file]
    assert choice.read_as == title
    truth = {**PLAN.truth, "usage": len(PLAN.tickets)}
    for wanted in figures:
        assert figure(study, wanted) == pytest.approx(truth[wanted]), wanted
    assert len(study.rejects()) == 0
