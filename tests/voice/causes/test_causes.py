"""Tickets behind answers, waits, issues and reasons: planted truths come back, chance stays chance."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxError, DataError
from cxresearch.scales import CSAT, NPS
from cxresearch.stats.models.broken_stick import broken_stick
from cxresearch.voice.causes.comfortable_wait import comfortable_wait
from cxresearch.voice.causes.leaving_reasons import UNKNOWN, leaving_reasons
from cxresearch.voice.causes.recurring_issues import recurring_issues
from cxresearch.voice.causes.scores_by_ticket import scores_by_ticket
from cxresearch.voice.why.themes import themes

CUT = pd.Timestamp("2024-12-31")


def answered(
    seed: int = 1, *, n: int = 3_000, knee: float = 4.0, fall: float = 0.6, spread: float = 0.4
) -> Study:
    """Answers to tickets: CSAT falls by `fall` each doubling of the wait beyond `knee` hours."""
    rng = np.random.default_rng(seed)
    agent = rng.integers(0, 30, n)
    agent[:5] = 99  # an agent with five answers, all of the best
    hours = rng.lognormal(np.log(2), 1.2, n)
    merit = spread * rng.normal(size=100)
    raw = 4.0 + merit[agent] - fall * np.maximum(np.log2(hours / knee), 0) + 0.8 * rng.normal(size=n)
    score = np.clip(np.round(raw), 1, 5)
    score[:5] = 5
    created = CUT - pd.to_timedelta(rng.uniform(5, 300, n), unit="D")
    ids = [f"t{at}" for at in range(n)]
    people = [f"c{at}" for at in rng.integers(0, n // 2, n)]
    tickets = pd.DataFrame(
        {
            "ticket_id": ids,
            "customer_id": people,
            "created_at": created,
            "first_replied_at": created + pd.to_timedelta(hours, unit="h"),
            "resolved_at": created + pd.to_timedelta(hours + 5, unit="h"),
            "agent_id": [f"a{at}" for at in agent],
            "channel": rng.choice(["mail", "chat"], n),
            "reopens": (rng.random(n) < 0.1).astype(float),
        }
    )
    answers = pd.DataFrame(
        {
            "customer_id": people,
            "instrument": "csat",
            "score": score,
            "responded_at": created + pd.to_timedelta(hours + 8, unit="h"),
            "ticket_id": ids,
            "preferred_channel": rng.choice(["mail", "chat"], n),
        }
    )
    return Study.from_frames(
        {"tickets": tickets, "responses": answers}, observed_until=CUT, instruments={"csat": CSAT}
    )


def test_an_agent_with_five_answers_leads_no_list() -> None:
    found = scores_by_ticket(answered(), "agent_id")
    table = found.table
    assert table.loc[table["value"].idxmax(), "group"] == "a99"  # by the plain mean it would lead
    assert table["group"].iloc[-1] != "a99"
    assert found.between == pytest.approx(0.4, abs=0.15)


def test_scores_by_fact_are_plain_means() -> None:
    study = answered()
    rows = (
        study.table("responses")
        .collect("pandas")
        .to_native()
        .merge(study.table("tickets").collect("pandas").to_native(), on="ticket_id")
    )
    found = scores_by_ticket(study, "reopened").table.set_index("group")["value"]
    plain = rows.groupby(rows["reopens"] > 0)["score"].mean()
    assert found["yes"] == pytest.approx(plain[True])
    assert found["no"] == pytest.approx(plain[False])
    other = scores_by_ticket(study, "other_channel").table.set_index("group")["value"]
    assert other["yes"] == pytest.approx(
        rows.loc[rows["channel"] != rows["preferred_channel"], "score"].mean()
    )


def test_groups_of_fewer_than_five_are_hidden() -> None:
    study = answered()
    tickets = study.table("tickets").collect("pandas").to_native()
    tickets.loc[:2, "agent_id"] = "rare"
    hidden = Study.from_frames(
        {"tickets": tickets, "responses": study.table("responses").collect("pandas").to_native()},
        observed_until=CUT,
        instruments={"csat": CSAT},
    )
    found = scores_by_ticket(hidden, "agent_id")
    row = found.table.set_index("group").loc["rare"]
    assert row["n"] == 3 and np.isnan(row["value"]) and np.isnan(row["shrunk"])


def test_a_shrunk_score_covers_the_truth() -> None:
    inside = total = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = scores_by_ticket(answered(seed, fall=0.0, spread=0.3), "agent_id").table.set_index("group")
        rng = np.random.default_rng(seed)
        n = 3_000
        rng.integers(0, 30, n)
        rng.lognormal(np.log(2), 1.2, n)
        merit = 0.3 * rng.normal(size=100)
        # the mean of a rounded and cut answer, by many draws
        noise = 0.8 * np.random.default_rng(1_000).normal(size=20_000)
        for agent in range(30):
            truth = np.clip(np.round(4.0 + merit[agent] + noise), 1, 5).mean()
            row = found.loc[f"a{agent}"]
            inside += row["shrunk_low"] <= truth <= row["shrunk_high"]
            total += 1
    assert 0.92 <= inside / total <= 0.98


def test_the_planted_knee_is_found() -> None:
    found = comfortable_wait(answered(n=6_000))
    assert found.low < 4.0 * 1.3 and found.high > 4.0 / 1.3
    assert found.fits.p_value < 0.01
    assert "feel comfortable with" in found.finding


def test_without_a_fall_no_knee_is_named() -> None:
    found = comfortable_wait(answered(fall=0.0))
    assert np.isnan(found.hours)
    assert "does not fall" in found.finding


def test_open_tickets_count_as_missing() -> None:
    study = answered()
    tickets = study.table("tickets").collect("pandas").to_native()
    tickets.loc[:499, "first_replied_at"] = pd.NaT
    some = Study.from_frames(
        {"tickets": tickets, "responses": study.table("responses").collect("pandas").to_native()},
        observed_until=CUT,
        instruments={"csat": CSAT},
    )
    found = comfortable_wait(some)
    assert (found.n, found.n_missing) == (2_500, 500)


def knee_simulation(runs: int, slope: float) -> tuple[float, float]:
    covered = named = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        who = rng.integers(0, 500, 1_000)
        x = rng.normal(1, 1.5, 1_000)
        y = 4 - slope * np.maximum(x - 2, 0) + 0.4 * rng.normal(size=500)[who] + 0.8 * rng.normal(size=1_000)
        fit = broken_stick(x, y, cluster=who, seed=seed)
        covered += fit.bend_low <= 2 <= fit.bend_high
        named += fit.p_value < 0.05
    return covered / runs, named / runs


@pytest.mark.slow
def test_level_and_coverage_of_the_knee() -> None:
    false = knee_simulation(600, 0.0)[1]
    covered, power = knee_simulation(400, 0.6)
    print("knee: false alarms", false, "coverage", covered, "power", power)
    assert 0.03 <= false <= 0.07
    assert covered >= 0.93


def tickets_with(growth: int) -> Study:
    rng = np.random.default_rng(3)
    parts = []
    for issue, before, now in (("login", 200, 200), ("invoice", 100, 100 * growth), ("other", 50, 50)):
        days = np.concatenate([rng.uniform(91, 179, before), rng.uniform(1, 89, now)])
        parts.append(pd.DataFrame({"category": issue, "created_at": CUT - pd.to_timedelta(days, unit="D")}))
    rows = pd.concat(parts, ignore_index=True)
    rows["ticket_id"] = [f"t{at}" for at in range(len(rows))]
    rows["customer_id"] = [f"c{at}" for at in rng.integers(0, 2_000, len(rows))]
    rows["resolved_at"] = rows["created_at"] + pd.to_timedelta(
        np.where(rows["category"] == "login", 60, 3), unit="h"
    )
    rows.loc[rows["resolved_at"] > CUT, "resolved_at"] = pd.NaT
    rows["reopens"] = (rng.random(len(rows)) < 0.2).astype(float)
    rows["subject"] = rows["category"].map(
        {"login": "cannot sign in", "invoice": "wrong bill", "other": "hello"}
    )
    revenue = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(2_000)],
            "effective_at": pd.Timestamp("2023-01-01"),
            "mrr": 10.0,
        }
    )
    customers = pd.DataFrame(
        {"customer_id": revenue["customer_id"], "started_at": pd.Timestamp("2023-01-01")}
    )
    return Study.from_frames(
        {"tickets": rows, "revenue": revenue, "customers": customers},
        revenue_ends="at_ended_at",
        observed_until=CUT,
        instruments={},
    )


def test_the_issue_that_grows_is_named_and_the_costly_one_leads() -> None:
    found = recurring_issues(tickets_with(2))
    table = found.table.set_index("issue")
    assert found.table["issue"].iloc[0] == "login"
    assert table.loc["invoice", "growth_low"] > 1.5 and table.loc["invoice", "growth_high"] < 2.7
    assert table.loc["login", "growth_low"] < 1 < table.loc["login", "growth_high"]
    assert table.loc["login", "median_hours"] == pytest.approx(60, abs=0.5)
    assert table.loc["invoice", "mrr"] == 10.0 * table.loc["invoice", "customers"]
    assert "invoice grows" in found.finding


def test_no_growth_is_not_named() -> None:
    assert "No issue has grown" in recurring_issues(tickets_with(1)).finding


def test_one_customer_who_writes_daily_is_no_wave() -> None:
    days = np.arange(1, 80)
    rows = pd.DataFrame(
        {
            "ticket_id": [f"t{at}" for at in range(len(days))],
            "customer_id": "one",
            "created_at": CUT - pd.to_timedelta(days, unit="D"),
            "category": "login",
        }
    )
    study = Study.from_frames({"tickets": rows}, observed_until=CUT, instruments={})
    found = recurring_issues(study)
    assert found.table["tickets"].iloc[0] == 79
    assert found.table["p_value"].iloc[0] == 1


def test_themes_of_subjects_are_issues_too() -> None:
    study = tickets_with(2)
    marked = themes(
        study, text="subject", codebook={"sign_in": ["sign in"], "billing": ["bill*", "invoice*"]}
    )
    by_theme = recurring_issues(study, themes=marked).table.set_index("issue")
    by_category = recurring_issues(study).table.set_index("issue")
    assert by_theme.loc["billing", "tickets"] == by_category.loc["invoice", "tickets"]


def leavers() -> Study:
    rng = np.random.default_rng(5)
    n = 2_000
    start = pd.Timestamp("2022-01-01")
    kinds = np.array(["price", "service", "moved"])
    days = rng.exponential(1 / np.array([3e-4, 2e-4, 1e-4])[:, None], size=(3, n))
    first = days.argmin(axis=0)
    ended = start + pd.to_timedelta(days.min(axis=0), unit="D")
    gone = ended < CUT
    reason = pd.Series(kinds[first], dtype=object).where(gone & (rng.random(n) > 0.1))
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(n)],
            "started_at": start,
            "ended_at": pd.Series(ended).where(gone),
            "reason": reason,
            "region": rng.choice(["north", "south"], n),
        }
    )
    said = np.where(kinds[first] == "price", "too expensive", "fine")
    answers = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "instrument": "nps",
            "score": 5.0,
            "responded_at": start + pd.Timedelta(days=1),
            "comment": said,
        }
    )
    answers = answers[~(ended < start + pd.Timedelta(days=1))]
    revenue = pd.DataFrame({"customer_id": customers["customer_id"], "effective_at": start, "mrr": 100.0})
    return Study.from_frames(
        {"customers": customers, "responses": answers, "revenue": revenue},
        revenue_ends="at_ended_at",
        observed_until=CUT,
        instruments={"nps": NPS},
    )


def test_reasons_have_their_true_incidence_and_cost() -> None:
    found = leaving_reasons(leavers())
    table = found.table.set_index("reason")
    total = 6e-4
    for reason, rate in (("price", 3e-4), ("service", 2e-4), ("moved", 1e-4)):
        truth = 0.9 * rate / total * (1 - np.exp(-365 * total))
        assert table.loc[reason, "incidence_low"] < truth < table.loc[reason, "incidence_high"]
        assert table.loc[reason, "mrr_lost"] == 100.0 * table.loc[reason, "customers"]
    assert table["value"].sum() == pytest.approx(1)
    assert found.n_without == table.loc[UNKNOWN, "customers"]
    assert found.finding.startswith("price is the reason")


def test_reasons_by_period_and_group_add_up() -> None:
    whole = leaving_reasons(leavers()).table.set_index("reason")["customers"]
    for by in ("quarter", "region"):
        parts = leaving_reasons(leavers(), by=by).by_group
        assert parts.groupby("reason")["customers"].sum().to_dict() == whole.to_dict()


def test_a_reason_stands_beside_what_was_said_before() -> None:
    study = leavers()
    marked = themes(study, codebook={"price": ["expensive"]})
    before = leaving_reasons(study, themes=marked).before.set_index("reason")
    assert before.loc["price", "value"] == 1
    assert before.loc["service", "value"] == 0
    assert before.loc["service", "others"] > 0.5


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: scores_by_ticket(leavers(), "agent_id"), ArgumentError),
        (lambda: scores_by_ticket(answered(n=200), "nothing"), ArgumentError),
        (lambda: scores_by_ticket(answered(n=200), "handed_off"), ArgumentError),
        (lambda: comfortable_wait(answered(n=200), wait="lunch"), ArgumentError),
        (lambda: comfortable_wait(answered(n=40)), DataError),
        (lambda: recurring_issues(leavers()), ArgumentError),
        (lambda: recurring_issues(tickets_with(1), by="nothing"), ArgumentError),
        (lambda: recurring_issues(tickets_with(1), window_days=1e-6), DataError),
        (lambda: leaving_reasons(tickets_with(1)), ArgumentError),
        (lambda: leaving_reasons(leavers(), by="nothing"), ArgumentError),
    ],
)
def test_what_cannot_be_done_is_said(call, error: type[CxError]) -> None:
    with pytest.raises(error):
        call()
