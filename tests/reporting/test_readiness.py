"""What ``check`` says of each report is what the report does: its first cells are run on small studies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.checking.report_readiness import _REPORTS
from cxresearch.reporting.notebook.catalogue import find_report

Tables = dict[str, pd.DataFrame]
CUT = pd.Timestamp("2024-12-31")


def company(seed: int = 1, *, customers: int = 240, leaving: float = 0.45) -> Tables:
    """Customers over two years with two questions, tickets and revenue; the unhappy leave sooner."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"c{i}" for i in range(customers)])
    started = pd.Timestamp("2022-06-01") + pd.to_timedelta(rng.integers(0, 500, customers), unit="D")
    mood = rng.normal(size=customers)
    ended = started + pd.to_timedelta((200 + 400 * rng.random(customers)).round(), unit="D")
    gone = (rng.random(customers) < leaving) & (ended <= CUT)
    people = pd.DataFrame(
        {"customer_id": ids, "started_at": started, "plan": rng.choice(["a", "b"], customers)}
    )
    people["ended_at"] = pd.Series(ended).where(gone)
    last = people["ended_at"].fillna(CUT)
    parts = []
    for name, low, high in (("nps", 0, 10), ("ces", 1, 7)):
        for turn in range(4):
            when = started + pd.to_timedelta(30 + 120 * turn + rng.integers(0, 20, customers), unit="D")
            noise = mood - 0.8 * gone + rng.normal(size=customers)
            score = np.clip(np.round((low + high) / 2 + noise * (high - low) / 4), low, high)
            part = pd.DataFrame(
                {"customer_id": ids, "instrument": name, "score": score, "responded_at": when}
            )
            parts.append(part[np.asarray(when < last)])
    levels = pd.DataFrame({"customer_id": ids, "effective_at": started, "mrr": 50.0})
    stops = people.loc[gone, ["customer_id", "ended_at"]].rename(columns={"ended_at": "effective_at"})
    created = started + pd.to_timedelta(rng.integers(5, 100, customers), unit="D")
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in range(customers)],
            "customer_id": ids,
            "created_at": created,
            "resolved_at": created + pd.Timedelta(days=2),
        }
    )
    return {
        "customers": people,
        "responses": pd.concat(parts, ignore_index=True),
        "revenue": pd.concat([levels, stops.assign(mrr=0.0)], ignore_index=True),
        "tickets": tickets[np.asarray(created < CUT)],
    }


def one_question(tables: Tables) -> Tables:
    answers = tables["responses"]
    return {**tables, "responses": answers[answers["instrument"] == "nps"]}


def no_ends(tables: Tables) -> Tables:
    return {**tables, "customers": tables["customers"].drop(columns="ended_at")}


def nobody_left(tables: Tables) -> Tables:
    return {**without("revenue")(tables), "customers": tables["customers"].assign(ended_at=pd.NaT)}


def everybody_left(tables: Tables) -> Tables:
    people = tables["customers"]
    return {"customers": people.assign(ended_at=people["started_at"] + pd.Timedelta(days=300)).iloc[:60]}


def few_leavers(tables: Tables) -> Tables:
    people = tables["customers"]
    stays = people["ended_at"].isna() | (people["ended_at"].rank() > 4)
    return {**without("revenue")(tables), "customers": people.assign(ended_at=people["ended_at"].mask(stays))}


def old_answers(tables: Tables) -> Tables:
    answers = tables["responses"]
    moved = answers.assign(responded_at=answers["responded_at"] - pd.Timedelta(days=1500))
    return {**tables, "responses": moved}


def one_answer(tables: Tables) -> Tables:
    return {**tables, "responses": tables["responses"].assign(score=5.0)}


def questions_of_others(tables: Tables) -> Tables:
    """Nobody answers both questions."""
    answers = tables["responses"]
    even = answers["customer_id"].str[-1].isin(list("02468"))
    return {**tables, "responses": answers[even == (answers["instrument"] == "nps")]}


def still_paying(tables: Tables) -> Tables:
    levels = tables["revenue"]
    return {**tables, "revenue": levels[levels["mrr"] > 0]}


def bad_rows(tables: Tables) -> Tables:
    answers = tables["responses"].copy()
    answers.loc[answers.index[:3], "score"] = 99.0
    return {**tables, "responses": answers}


def without(*names: str) -> Callable[[Tables], Tables]:
    return lambda tables: {name: table for name, table in tables.items() if name not in names}


def only(*names: str) -> Callable[[Tables], Tables]:
    return lambda tables: {name: tables[name] for name in names}


KINDS: dict[str, Callable[[Tables], Tables]] = {
    "everything": lambda tables: tables,
    "no revenue": without("revenue"),
    "no tickets": without("tickets", "revenue"),
    "no answers": without("responses"),
    "one question": one_question,
    "customers only": only("customers"),
    "tickets only": only("tickets"),
    "answers only": only("responses"),
    "revenue only": only("revenue"),
    "no ends": no_ends,
    "nobody left": nobody_left,
    "everybody left": everybody_left,
    "few leavers": few_leavers,
    "old answers": old_answers,
    "one answer": one_answer,
    "questions of others": questions_of_others,
    "still paying": still_paying,
    "bad rows": bad_rows,
    "customers without end": lambda tables: only("customers")(no_ends(tables)),
}


def written(tables: Tables, folder: Path) -> Path:
    lines = ["[study]", "observed_until = 2024-12-31", "[instruments]", 'nps = "nps"', 'ces = "ces2"']
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
        lines += ["[[sources]]", f'table = "{name}"', f'file = "{name}.csv"', "[sources.columns]"]
        lines += [f'{column} = "{column}"' for column in table.columns]
    path = folder / "study.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def first_cells(report: str) -> list[str]:
    """The parameters of a report and the cell that computes, before anything is drawn."""
    notebook = json.loads(find_report(report).path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"][:2]


def runs(report: str, study: Path) -> str:
    """Run the first cells of a report; empty if they run, else what they were refused for."""
    parameters, entry = first_cells(report)
    space: dict[str, Any] = {}
    exec(parameters, space)
    space["study"] = str(study)
    try:
        exec(entry, space)
    except cx.CxError as error:
        return str(error)
    return ""


def agrees(kind: str, folder: Path, reports: Sequence[str]) -> None:
    path = written(KINDS[kind](company()), folder)
    said = cx.check_study(cx.read_study(path)).reports.set_index("report")
    for report in reports:
        refusal = runs(report, path)
        missing = said.loc[report, "missing"]
        assert said.loc[report, "ready"] == (not refusal), f"{report}: {missing!r}, and it says {refusal!r}"


@pytest.mark.slow  # churn-risk fits a model wherever it can
@pytest.mark.filterwarnings("ignore::cxresearch.errors.CxWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_what_check_says_of_a_report_is_what_the_report_does(kind: str, tmp_path: Path) -> None:
    agrees(kind, tmp_path, list(_REPORTS))


#: Kinds on which churn-risk is refused before it fits anything.
REFUSED_AT_ONCE = ("answers only", "no ends", "nobody left", "everybody left", "few leavers", "bad rows")


@pytest.mark.parametrize("kind", REFUSED_AT_ONCE)
def test_reports_that_cannot_run_are_named_by_check(kind: str, tmp_path: Path) -> None:
    agrees(kind, tmp_path, list(_REPORTS))


@pytest.mark.parametrize("kind", ["everything", "one question", "questions of others", "old answers"])
def test_reports_that_can_run_are_named_by_check(kind: str, tmp_path: Path) -> None:
    agrees(kind, tmp_path, ["ces-vs-nps", "churn-curves"])


@pytest.mark.parametrize("kind", ["old answers", "one answer", "still paying"])
def test_one_score_is_judged_by_the_answers_it_has(kind: str, tmp_path: Path) -> None:
    agrees(kind, tmp_path, ["score-vs-churn"])


def test_a_snapshot_is_ready_for_no_report_and_each_refuses_it_in_the_same_words(tmp_path: Path) -> None:
    pd.DataFrame({"id": range(50), "left": ["yes", "no"] * 25, "seats": range(50)}).to_csv(
        tmp_path / "list.csv", index=False
    )
    path = tmp_path / "study.toml"
    path.write_text(
        '[study]\nkind = "snapshot"\n[[sources]]\ntable = "customers"\nfile = "list.csv"\n'
        'columns = { customer_id = "id", left = "left", seats = { column = "seats", number = true } }\n'
    )
    said = cx.check_study(cx.read_study(path)).reports
    assert not said["ready"].any()
    for report, missing in zip(said["report"], said["missing"], strict=True):
        assert missing.removeprefix("dates: ") in runs(report, path)
