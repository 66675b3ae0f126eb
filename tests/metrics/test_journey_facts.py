"""Goals, trials, referrals, reviews, escalations, hand-offs: by hand, against peers, simulated, by engine."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf
from lifelines import KaplanMeierFitter
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.journey_facts.advocacy_metrics import share_of_doers
from cxresearch.metrics.journey_facts.escalations import escalated_share, mean_handoffs
from cxresearch.metrics.journey_facts.event_kinds import spells
from cxresearch.metrics.journey_facts.goal_metrics import attained_share
from cxresearch.metrics.tables.registry import metrics_of
from cxresearch.metrics.usage.usage_counts import UsageCounts

NAMES = (
    "escalation_rate",
    "handoffs_per_ticket",
    "goal_attainment",
    "time_to_goal",
    "trial_conversion",
    "referral_rate",
    "review_rate",
)


@cache
def journey() -> cx.Study:
    return cx.synthetic.journey_study(seed=1, customers=1_000)


def study(make: Any = lambda frame: frame, **frames: pd.DataFrame) -> cx.Study:
    return cx.Study.from_frames(
        {name: make(frame) for name, frame in frames.items()},
        observed_until="2024-06-30",
        instruments={},
        currency="EUR",
    )


def people(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ids, "started_at": "2024-01-01"})


def events(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "kind", "occurred_at"])


def test_goals_by_hand() -> None:
    rows = events(
        ("a", "goal_set", "2024-01-01"),
        ("a", "goal_set", "2024-01-20"),  # said again: the same goal
        ("a", "goal_reached", "2024-01-31"),
        ("a", "goal_reached", "2024-02-05"),  # said again
        ("b", "goal_set", "2024-01-01"),
        ("c", "goal_set", "2024-01-01"),
        ("c", "goal_reached", "2024-05-30"),  # late
        ("d", "goal_reached", "2024-03-01"),  # never set
    )
    goals = study(customers=people(*"abcd"), events=rows)
    found = cx.metric(goals, "goal_attainment")
    # of three goals one is reached within 90 days, and all three have been followed so long
    assert (found.value, found.n, found.n_missing) == (pytest.approx(1 / 3), 3, 1)
    assert cx.metric(goals, "goal_attainment", options={"goal_days": 160}).value == pytest.approx(2 / 3)
    assert cx.metric(goals, "time_to_goal", options={"goal_quantile": 0.3}).value == 30.0
    assert cx.metric(goals, "time_to_goal").value == 150.0


def test_goals_of_different_names_are_different_goals() -> None:
    rows = events(
        ("a", "goal_set", "2024-01-01"), ("a", "goal_set", "2024-01-02"), ("a", "goal_reached", "2024-01-12")
    ).assign(note=["save time", "sell more", "sell more"])
    goals = study(customers=people("a"), events=rows)
    found = cx.metric(goals, "goal_attainment")
    assert (found.n, found.value) == (2, 0.5)
    by_goal = cx.metric_table(goals, "goal_attainment", by="note")
    assert by_goal["note"].tolist() == ["save time", "sell more"]


def test_a_goal_set_again_after_it_was_reached_is_another() -> None:
    at = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-02-01", "2024-02-21"])
    rows = pd.DataFrame({"who": "a", "name": "", "at": at, "kind": ["set", "done", "set", "done"]})
    found = spells(rows.sample(frac=1, random_state=1), "set", pd.Timestamp("2024-06-30"))
    assert found[["days", "event"]].to_numpy().tolist() == [[4.0, 1.0], [20.0, 1.0]]


def goals_of_company() -> pd.DataFrame:
    """Goals of the synthetic company, counted by other means: a loop over customers."""
    rows = collect(journey().table("events"))
    cut = pd.Timestamp(journey().observed_until)
    lines = []
    for _, own in rows[rows["kind"].isin(["goal_set", "goal_reached"])].groupby("customer_id"):
        begun = own.loc[own["kind"] == "goal_set", "occurred_at"].min()
        ended = own.loc[own["kind"] == "goal_reached", "occurred_at"].min()
        end = cut if pd.isna(ended) else ended
        lines.append(((end - begun) / pd.Timedelta(days=1), int(not pd.isna(ended))))
    return pd.DataFrame(lines, columns=["days", "event"])


def test_goals_equal_lifelines() -> None:
    goals = goals_of_company()
    peer = KaplanMeierFitter().fit(goals["days"], goals["event"])
    found = cx.metric(journey(), "goal_attainment")
    assert found.value == pytest.approx(1 - float(peer.predict(90)), abs=1e-9)
    # one goal a customer: the robust variance is Greenwood's, the limits are log-log as in lifelines
    ends = peer.confidence_interval_survival_function_
    at_90 = ends[ends.index <= 90].iloc[-1]
    assert (found.low, found.high) == pytest.approx((1 - at_90.max(), 1 - at_90.min()), abs=1e-6)
    quarter = cx.metric(journey(), "time_to_goal", options={"goal_quantile": 0.25})
    survival = peer.survival_function_["KM_estimate"]
    assert quarter.value == pytest.approx(survival.index[survival <= 0.75][0], abs=1e-6)


def test_planted_truth_lies_in_the_intervals() -> None:
    truth = cx.synthetic.JourneyTruth()
    planted = {
        "escalation_rate": truth.escalated,
        "handoffs_per_ticket": truth.handoffs,
        "trial_conversion": truth.trial_share(30),
        "referral_rate": truth.referral,
        "review_rate": truth.review,
    }
    for name, value in planted.items():
        found = cx.metric(journey(), name, level=0.99)
        assert found.low < value < found.high, found
    week = cx.metric(journey(), "trial_conversion", options={"trial_days": 7}, level=0.99)
    assert week.low < truth.trial_share(7) < week.high
    covered = cx.survey.coverage(journey())
    left_out = covered.left_out[["touchpoint", "channel", "device"]].to_numpy().tolist()
    assert left_out == [list(truth.never_asked)]


def trials() -> dict[str, pd.DataFrame]:
    return {
        "customers": people(*"abcd"),
        "events": events(
            ("a", "trial_started", "2024-01-10"),
            ("a", "trial_converted", "2024-01-20"),
            ("b", "trial_started", "2024-01-15"),
            ("b", "trial_converted", "2024-03-20"),
            ("c", "trial_started", "2024-06-20"),  # ten days before the cut
            ("d", "trial_converted", "2024-02-01"),  # pays without a trial
        ),
    }


def test_trials_by_hand_and_by_cohort_of_their_start() -> None:
    found = cx.metric(study(**trials()), "trial_conversion")
    # S falls at day 10, when all three are at risk, to 2/3; c is censored later
    assert found.value == pytest.approx(1 / 3) and found.n == 3
    table = cx.metric_table(study(**trials()), "trial_conversion", every="month")
    assert table["period"].dt.month.tolist() == [1, 6]
    assert table["n"].tolist() == [2, 0] and table["n_missing"].tolist() == [0, 1]
    assert table["method"].iloc[1] == "none: no trial has been followed for 30 days"


def revenue(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr", "status"])


def test_trials_of_events_are_converted_by_the_first_payment() -> None:
    begun = trials()["events"]
    begun = begun[begun["kind"] == "trial_started"]
    levels = revenue(
        ("a", "2024-01-20", 50.0, "active"),
        ("b", "2024-01-05", 20.0, "active"),  # paid before the trial, and pays more in it: no conversion
        ("b", "2024-01-25", 30.0, "active"),
    )
    found = cx.metric(study(customers=people(*"abcd"), events=begun, revenue=levels), "trial_conversion")
    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)


def test_levels_of_status_trial_are_trials() -> None:
    levels = revenue(
        ("a", "2024-01-10", 50.0, "trial"),
        ("a", "2024-01-24", 50.0, "active"),
        ("b", "2024-01-10", 50.0, "trial"),
        ("b", "2024-01-24", 0.0, "cancelled"),
        ("c", "2024-01-10", 50.0, "active"),
    )
    found = cx.metric(study(customers=people(*"abc"), revenue=levels), "trial_conversion")
    assert (found.value, found.n) == (0.5, 2)


def test_no_trials_no_metric() -> None:
    plain = study(customers=people("a"), revenue=revenue(("a", "2024-01-10", 5.0, "active")))
    assert "trial_conversion" not in metrics_of(plain)


def test_referrals_and_reviews_by_hand() -> None:
    ids = [f"c{number}" for number in range(20)]
    some = [(who, "referral", "2024-02-10") for who in ids[:8]]
    rows = events(*some, some[0], ("c9", "referral", "2024-03-05"), ("c1", "review", "2024-02-11"))
    customers = people(*ids).assign(ended_at=[None] * 15 + ["2024-01-31 10:00"] * 5)
    data = study(customers=customers, events=rows)
    found = cx.metric(data, "referral_rate", period="2024-02")
    # c0 twice counts once; five had left before February
    assert (found.value, found.n) == (8 / 15, 15)
    assert (found.low, found.high) == pytest.approx(proportion_confint(8, 15, method="wilson"))
    assert cx.metric(data, "referral_rate").value == 9 / 20
    assert cx.metric(data, "review_rate", period="2024-02").value == 1 / 15


def tickets(**columns: Any) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    table = pd.DataFrame({"ticket_id": [f"t{i}" for i in range(n)], "created_at": "2024-03-01"})
    return table.assign(**{"resolved_at": "2024-03-02", **columns})


def test_escalations_and_hand_offs_by_hand() -> None:
    table = tickets(
        escalated=["Yes", "no", "TRUE", "0", None, "1", "no", "no"],
        handoffs=[1, 0, 2, 0, 1, np.nan, 0, 4],
        customer_id=[f"c{i}" for i in range(8)],
        resolved_at=["2024-03-02"] * 7 + [None],
    )
    data = study(customers=people(*[f"c{i}" for i in range(8)]), tickets=table)
    rate = cx.metric(data, "escalation_rate")
    # the open one and the one that says nothing are missing
    assert (rate.value, rate.n, rate.n_missing) == (0.5, 6, 2)
    # one ticket a customer: the linearised variance is s^2 / n, a little above that of a share
    assert rate.low == pytest.approx(proportion_confint(3, 6, method="wilson")[0], abs=0.03)
    mean = cx.metric(data, "handoffs_per_ticket")
    known = np.array([1, 0, 2, 0, 1, 0])
    low, high = stats.t.interval(0.95, 5, known.mean(), known.std(ddof=1) / np.sqrt(6))
    assert (mean.value, mean.n) == (pytest.approx(known.mean()), 6)
    assert (mean.low, mean.high) == pytest.approx((max(low, 0), high))


def test_errors_of_linked_tickets_equal_statsmodels() -> None:
    rows = collect(journey().table("tickets"))
    rows = rows[rows["resolved_at"].notna()].assign(flag=(rows["escalated"] == "yes").astype(float))
    groups = pd.factorize(rows["customer_id"])[0]
    m = groups.max() + 1
    for name, column in (("escalation_rate", "flag"), ("handoffs_per_ticket", "handoffs")):
        peer = smf.ols(f"{column} ~ 1", rows).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        found = cx.metric(journey(), name)
        assert found.value == pytest.approx(peer.params.iloc[0])
        assert found.se == pytest.approx(peer.bse.iloc[0] * np.sqrt(m / (m - 1)), rel=1e-6), name


def test_without_links_every_ticket_counts_by_itself() -> None:
    rows = collect(journey().table("tickets"))
    n = int(rows["resolved_at"].notna().sum())
    hits = int((rows["resolved_at"].notna() & (rows["escalated"] == "yes")).sum())
    found = cx.metric(journey(), "escalation_rate", clusters=None)
    assert (found.low, found.high) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-5)
    linked = cx.metric(journey(), "escalation_rate")
    assert linked.high - linked.low > found.high - found.low


@pytest.mark.parametrize("name", NAMES)
def test_by_group_and_period_and_against_the_rest(name: str) -> None:
    table = cx.metric_table(journey(), name, by="segment", every="year")
    assert table["segment"].nunique() == 3 and len(table) >= 9
    groups = cx.metric(journey(), name, by="segment")
    # customers and tickets stand in one segment: bases add up
    assert sum(one.n for one in groups.values()) == cx.metric(journey(), name).n
    if name != "time_to_goal":
        rest = cx.metric_contrasts(journey(), name, by="segment", against="rest")
        assert (rest["n"] + rest["n_against"]).nunique() == 1
        assert rest["p_value"].between(0, 1).all()


def test_they_stand_on_the_scorecard() -> None:
    card = cx.scorecard(journey(), metrics=list(NAMES), by="segment", every="year")
    assert set(card.labels) == set(NAMES)
    # coarse cells added up from finer ones are those of the coarse question
    for name in NAMES:
        last = card.overall[(card.overall["metric"] == name) & card.overall["value"].notna()].iloc[-1]
        alone = cx.metric_table(journey(), name, every="year").set_index("period")
        assert last["value"] == pytest.approx(alone.loc[last["period"], "value"])


def test_small_groups_are_hidden() -> None:
    table = tickets(
        escalated=["yes", "no"] * 20,
        customer_id=[f"c{i}" for i in range(40)],
        channel=["mail"] * 37 + ["fax"] * 3,
    )
    data = study(customers=people(*[f"c{i}" for i in range(40)]), tickets=table)
    by_channel = cx.metric_table(data, "escalation_rate", by="channel")
    assert by_channel["suppressed"].all() and by_channel["value"].isna().all()


@pytest.mark.parametrize(
    "make",
    [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False), duckdb.from_df],
    ids=["polars", "pyarrow", "duckdb"],
)
def test_every_engine_gives_the_same(make: Any) -> None:
    frames = {name: collect(journey().table(name)) for name in ("customers", "tickets", "events")}
    there = cx.Study.from_frames(
        {name: make(frame) for name, frame in frames.items()},
        observed_until=journey().observed_until,
        instruments={},
        segments=journey().segments,
    )
    for name in NAMES:
        pd.testing.assert_frame_equal(
            cx.metric_table(journey(), name, by="segment", every="year"),
            cx.metric_table(there, name, by="segment", every="year"),
            check_dtype=False,
        )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("escalation_rate", r'escalated = "<your column>" \} below \[\[sources\]\] table = "tickets"'),
        ("handoffs_per_ticket", r'handoffs = "<your column>"'),
        ("goal_attainment", r'kind = "goal_set" or "goal_reached" below \[\[sources\]\] table = "events"'),
        ("trial_conversion", r'kind = "trial_started" or "trial_converted"'),
        ("referral_rate", r'kind = "referral"'),
        ("review_rate", r'kind = "review"'),
    ],
)
def test_what_is_missing_is_answered_with_the_line_to_write(name: str, line: str) -> None:
    bare = study(customers=people("a"), events=events(("a", "outage", "2024-01-02")))
    with pytest.raises(cx.errors.ArgumentError, match=f"not available.*{line}.*study.toml"):
        cx.metric(bare, name)


def test_a_word_that_says_neither_yes_nor_no_is_refused_with_the_line_to_write() -> None:
    data = study(tickets=tickets(escalated=["yes", "Tier 2", "no"]))
    with pytest.raises(cx.errors.DataError, match=r"neither yes nor no: 'tier 2'.*values = \{ \"tier 2\""):
        cx.metric(data, "escalation_rate")
    true = study(tickets=tickets(escalated=[True, False, False]))
    assert cx.metric(true, "escalation_rate").value == pytest.approx(1 / 3)


def test_an_unknown_group_and_a_wrong_option_are_answered() -> None:
    for name in NAMES:
        with pytest.raises(cx.errors.ArgumentError, match="tariff"):
            cx.metric(journey(), name, by="tariff")
    with pytest.raises(cx.errors.ArgumentError, match="a share above 0 and below 1"):
        cx.metric(journey(), "time_to_goal", options={"goal_quantile": 1})
    with pytest.raises(cx.errors.ArgumentError, match="above 0"):
        cx.metric(journey(), "goal_attainment", options={"goal_days": 0})


def linked_tickets(rng: np.random.Generator, studies: int, customers: int) -> pd.DataFrame:
    """Sums of many studies: customers with 1 to 8 tickets each, escalated and handed on alike within one."""
    sizes = rng.integers(1, 9, (studies, customers))
    p = rng.beta(2 * 0.12, 2 * 0.88, (studies, customers))
    totals = rng.binomial(sizes, p)
    return _sums(sizes, totals)


def handed_on(rng: np.random.Generator, studies: int, customers: int) -> pd.DataFrame:
    sizes = rng.integers(1, 9, (studies, customers))
    rate = rng.gamma(2, 0.3, (studies, customers))
    return _sums(sizes, rng.poisson(sizes * rate))


def _sums(sizes: Any, totals: Any) -> pd.DataFrame:
    w, t = sizes.astype(float), totals.astype(float)
    columns = {"tickets": w, "w": w, "t": t, "ww": w * w, "wt": w * t, "tt": t * t}
    sums = pd.DataFrame({name: values.sum(axis=1) for name, values in columns.items()})
    return sums.assign(clusters=sizes.shape[1], by_0=range(len(sums)))


def covers(cells: pd.DataFrame, truth: float) -> float:
    return float(((cells["low"] <= truth) & (cells["high"] >= truth)).mean())


def goal_studies(rng: np.random.Generator, studies: int, goals: int) -> pd.DataFrame:
    """Goals, two a customer, 55 % of customers reach theirs, median 60 days, followed for up to 300 days."""
    who = np.repeat(np.arange(studies * goals // 2), 2)
    frailty = np.repeat(rng.random(len(who) // 2) < 0.55, 2)
    days = rng.exponential(60 / np.log(2), len(who))
    days[~frailty] = np.inf
    follow = 300 * rng.random(len(who))
    table = pd.DataFrame({"by_0": who // (goals // 2), "who": who.astype(str)})
    return table.assign(days=np.minimum(days, follow), event=(days <= follow).astype(int))


GOAL_TRUTH = 0.55 * (1 - 2**-1.5)
QUERY = Query(by=("by_0",))


def report(what: str, share: float) -> float:
    print(f"{what}: {100 * share:.1f} %")
    return share


def test_intervals_cover_in_small_simulations() -> None:
    rng = np.random.default_rng(7)
    share = covers(escalated_share(linked_tickets(rng, 4_000, 100), QUERY), 0.12)
    assert 0.93 < report("escalation rate, 100 customers", share) < 0.97
    mean = covers(mean_handoffs(handed_on(rng, 4_000, 100), QUERY), 0.6)
    assert 0.925 < report("hand-offs, 100 customers", mean) < 0.97
    reached = covers(attained_share(goal_studies(rng, 300, 200), QUERY), GOAL_TRUTH)
    assert 0.915 < report("goal attainment, 200 goals of 100 customers", reached) < 0.985
    doers = rng.binomial(300, 0.08, 4_000)
    cells = pd.DataFrame({"by_0": range(4_000), "active": doers, "customers": 300, "complete": True})
    counts = UsageCounts(cells=cells, summed=("active", "customers"), overlapping=())
    rate = covers(share_of_doers(counts, QUERY), 0.08)
    assert 0.93 < report("referral rate, 300 customers", rate) < 0.97


@pytest.mark.slow
@pytest.mark.parametrize("customers", [30, 100, 400])
def test_intervals_cover(customers: int) -> None:
    rng = np.random.default_rng(customers)
    low = 0.92 if customers == 30 else 0.93
    share = covers(escalated_share(linked_tickets(rng, 20_000, customers), QUERY), 0.12)
    assert low < report(f"escalation rate, {customers} customers", share) < 0.975
    mean = covers(mean_handoffs(handed_on(rng, 20_000, customers), QUERY), 0.6)
    assert low - 0.01 < report(f"hand-offs, {customers} customers", mean) < 0.975
    reached = covers(attained_share(goal_studies(rng, 2_000, 2 * customers), QUERY), GOAL_TRUTH)
    assert low - 0.01 < report(f"goal attainment, {2 * customers} goals", reached) < 0.975
