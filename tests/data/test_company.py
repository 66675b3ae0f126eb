"""The simulated company: its tables against what METHODS asks for, its truth against counting."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.engine import collect
from cxresearch.data.study import Study
from cxresearch.data.synthetic.company import CompanyTruth, company_study, company_truth
from cxresearch.data.synthetic.company_paths import (
    COMPANY_START,
    LATENT_CORRELATION,
    NOTICE_MONTH,
    PERSISTENCE,
    TICKET_RATES,
    TICKET_SHOCK,
    VOLUNTARY_HAZARDS,
    CompanyPaths,
    slow_share,
)
from cxresearch.errors import ArgumentError
from cxresearch.units_of_time import DAYS_A_MONTH

N = 8_000


@pytest.fixture(scope="module")
def study() -> Study:
    return company_study(seed=5, customers=N)


@pytest.fixture(scope="module")
def truth() -> CompanyTruth:
    return company_truth(seed=5, customers=N)


def table(study: Study, name: str) -> pd.DataFrame:
    return collect(study.table(name))


def test_same_seed_same_tables(study: Study) -> None:
    again = company_study(seed=5, customers=N)
    for name in study.tables:
        pd.testing.assert_frame_equal(table(study, name), table(again, name))


def test_nothing_but_due_dates_lies_after_the_cut(study: Study) -> None:
    for name in study.tables:
        frame = table(study, name)
        for column in frame.select_dtypes("datetime"):
            if column != "due_at":
                assert not (frame[column] > study.observed_until).any(), (name, column)


def test_segments_and_their_customers(study: Study) -> None:
    share = table(study, "customers")["segment"].value_counts(normalize=True)
    np.testing.assert_allclose(share[["smb", "mid", "enterprise"]], [0.6, 0.3, 0.1], atol=0.02)


def test_annual_terms_end_at_a_renewal_with_notice_30_to_61_days_before(study: Study) -> None:
    gone = table(study, "customers").query("end_kind == 'voluntary'")
    lived = (gone["ended_at"] - gone["started_at"]).dt.total_seconds() / 86_400 / DAYS_A_MONTH
    notice = (gone["ended_at"] - gone["notice_at"]).dt.total_seconds() / 86_400
    annual = gone["term"] == "annual"
    assert annual.sum() > 300
    np.testing.assert_allclose(lived[annual] % 12, np.where(lived[annual] % 12 > 6, 12, 0), atol=1e-5)
    assert notice[annual].between(DAYS_A_MONTH - 0.01, 2 * DAYS_A_MONTH + 0.01).all()
    assert notice[~annual].between(-0.01, DAYS_A_MONTH + 0.01).all()


def test_tickets_are_as_declared(study: Study) -> None:
    tickets = table(study, "tickets")
    reply = (tickets["first_replied_at"] - tickets["created_at"]).dt.total_seconds() / 3600
    solve = (tickets["resolved_at"] - tickets["created_at"]).dt.total_seconds() / 3600
    assert reply.median() == pytest.approx(2.0, rel=0.04)
    assert solve.median() == pytest.approx(20.0, rel=0.06)  # the 3 % never resolved are left out here
    assert (solve.dropna() >= reply[solve.notna()]).all()
    assert tickets["reopens"].mean() == pytest.approx(0.08, abs=0.01)
    old = tickets["created_at"] < study.observed_until - timedelta(days=60)
    assert tickets.loc[old, "resolved_at"].isna().mean() == pytest.approx(0.03, abs=0.01)


def test_a_quarter_answers_and_the_happy_more_often(study: Study, truth: CompanyTruth) -> None:
    responses = table(study, "responses")
    answered = responses.groupby("instrument")["score"].agg(lambda s: s.notna().mean())
    np.testing.assert_allclose(answered, 0.25, atol=0.03)
    people = responses.groupby("customer_id")["score"].agg(lambda s: s.notna().mean())
    loyal = pd.Series(truth.paths.latents[2].mean(axis=1), index=table(study, "customers")["customer_id"])
    assert people.corr(loyal.reindex(people.index)) > 0.05


def test_usage_fades_only_once_notice_is_given(study: Study) -> None:
    usage = table(study, "usage").merge(table(study, "customers"), on="customer_id")
    usage = usage[usage["notice_at"].notna() & (usage["term"] == "annual")]
    days = (usage["used_at"] - usage["notice_at"]).dt.total_seconds() / 86_400
    before = usage["quantity"][days.between(-30, 0)].sum()
    after = usage["quantity"][days.between(0, 30)].sum()
    earlier = usage["quantity"][days.between(-60, -30)].sum()
    assert after < 0.2 * before
    assert before == pytest.approx(earlier, rel=0.1)


def test_revenue_starts_with_the_customer_and_ends_at_zero(study: Study) -> None:
    revenue = table(study, "revenue").sort_values(["customer_id", "effective_at"])
    customers = table(study, "customers").set_index("customer_id")
    first = revenue.groupby("customer_id")["effective_at"].first()
    assert (first == customers["started_at"].loc[first.index]).all()
    last = revenue.groupby("customer_id").last()
    ended = customers["ended_at"].notna()
    assert (last.loc[ended[ended].index, "mrr"] == 0).all()
    assert (last.loc[ended[~ended].index, "mrr"] > 0).all()


def km_from_draws(paths: CompanyPaths, months: np.ndarray) -> np.ndarray:
    """Kaplan-Meier by hand on time since start, censored at the cut, in whole months."""
    follow = (paths.cut_days - paths.started_days) / DAYS_A_MONTH
    event_at = (paths.notice_days - paths.started_days) / DAYS_A_MONTH
    survival = [1.0]
    for month in months[:-1]:
        there = (event_at > month) & (follow >= month + 1)
        survival.append(survival[-1] * (1 - (there & (event_at <= month + 1)).sum() / there.sum()))
    return np.array(survival)


def test_kaplan_meier_of_the_draws_follows_the_true_curve(truth: CompanyTruth) -> None:
    curve = truth.curve().query("months <= 30")
    estimate = km_from_draws(truth.paths, curve["months"].to_numpy())
    # Greenwood SE at n = 8,000 with a third to a half observed is about .008; 4 SE.
    np.testing.assert_allclose(estimate, curve["survival"], atol=0.03)
    assert np.abs(estimate - curve["survival"]).mean() < 0.01
    np.testing.assert_allclose(curve[["survival", "voluntary", "involuntary"]].sum(axis=1), 1.0)


def simulated_risk(paths: CompanyPaths, row: int, age: float, ahead: float, runs: int) -> float:
    """Share of futures, drawn step by step from the state of one customer, with notice within ``ahead``."""
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky(LATENT_CORRELATION)
    month, segment = int(age), paths.segment[row]
    state = np.repeat(paths.latents[:, row, month][:, None], runs, axis=1)
    slow = np.full(runs, paths.unresolved[row, month])
    stay, noticed = np.ones(runs), np.zeros(runs)
    for at in range(month, int(np.ceil(age + ahead))):
        if at > month:
            state = PERSISTENCE * state + np.sqrt(1 - PERSISTENCE**2) * root @ rng.standard_normal((3, runs))
            state[0] -= TICKET_SHOCK * slow
            slow = rng.poisson(TICKET_RATES[segment] * slow_share(), runs)
        hazard = VOLUNTARY_HAZARDS[segment] * np.exp(-np.asarray(paths.effects) @ state)
        if paths.annual[row]:
            hazard = hazard * 12 * (at % 12 == NOTICE_MONTH)
        width = min(age + ahead, at + 1) - max(age, at)
        total = hazard + paths.involuntary[row]
        noticed += stay * hazard / total * -np.expm1(-total * width)
        stay *= np.exp(-total * width)
    return float(noticed.mean())


def test_true_risk_equals_the_share_of_simulated_futures(truth: CompanyTruth) -> None:
    on = COMPANY_START + timedelta(days=700)
    risk = truth.risk(on, horizon_days=180).set_index("customer_id")["risk"]
    ordered = risk.sort_values()
    for customer in ordered.index[[100, 1_000, 2_000, 3_000, len(ordered) - 200, len(ordered) - 1]]:
        row = int(customer[1:]) - 1
        age = (700 - truth.paths.started_days[row]) / DAYS_A_MONTH
        expected = simulated_risk(truth.paths, row, age, 180 / DAYS_A_MONTH, 20_000)
        assert risk[customer] == pytest.approx(expected, rel=0.04, abs=0.001)


def test_true_risks_add_up_to_the_notices_that_came(truth: CompanyTruth) -> None:
    day = 700.0
    risk = truth.risk(COMPANY_START + timedelta(days=day), horizon_days=180)
    paths = truth.paths
    active = (paths.started_days <= day) & (paths.notice_days > day)
    came = active & (paths.notice_days <= day + 180) & (paths.kind == 1)
    assert len(risk) == active.sum()
    assert risk["risk"].sum() == pytest.approx(came.sum(), abs=4 * np.sqrt(came.sum()))


def test_no_effects_make_everybody_of_a_kind_alike() -> None:
    flat = company_truth(seed=2, customers=2_000, effects=(0.0, 0.0, 0.0))
    risk = flat.risk(COMPANY_START + timedelta(days=500), horizon_days=180)
    rows = risk["customer_id"].str[1:].astype(int).to_numpy() - 1
    monthly_smb = (flat.paths.segment[rows] == 0) & ~flat.paths.annual[rows]
    assert risk["risk"][monthly_smb].std() < 1e-9


@pytest.mark.parametrize("bad", [{"customers": 0}, {"months": 1}, {"effects": (1.0, 2.0)}])
def test_bad_arguments_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        company_truth(**bad)  # type: ignore[arg-type]
