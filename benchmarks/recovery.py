"""Three actions judged on four outcomes at once, beside one of these twelve effects with scikit-learn.

The peer is what one would write by hand: chance of the action and mean outcome by `cross_val_predict`, then
residuals on residuals, for one action and one outcome, on the design that the subject made from the tables.
"""

from __future__ import annotations

import resource
import time

import duckdb
import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict

from cxresearch.data.study import Study
from cxresearch.scales import NPS
from cxresearch.voice.recovery.moment_outcomes import moment_outcomes
from cxresearch.voice.recovery.recovery import recovery
from cxresearch.voice.recovery.unhappy_moments import study_timelines, unhappy_moments

ACTIONS = ("call_back", "refund", "voucher")


def run(moments: int = 1_000_000) -> None:
    """Print times, the peak of memory, and the ratio to twelve times the peer."""
    # About every second customer is unhappy once more later.
    study = _study(int(moments / 1.42))
    start = time.perf_counter()
    result = recovery(study, actions=ACTIONS, grace_days=14, horizon_days=90)
    subject = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    peer = _by_hand(study)
    print(f"{result.n:,} moments, {len(ACTIONS)} actions, 4 outcomes: {subject:.1f} s, peak {peak:.2f} GB")
    twelve = 12 * peer
    print(f"one effect with scikit-learn {peer:.1f} s, twelve {twelve:.0f} s: ratio {subject / twelve:.2f}")


def _by_hand(study: Study) -> float:
    """Seconds that one effect takes with scikit-learn, the tables being read already."""
    lines = study_timelines(study, NPS, ACTIONS)
    moments = unhappy_moments(lines, NPS, grace_days=14, gap_days=14)
    outcome = moment_outcomes(lines, moments, NPS, grace_days=14, horizon_days=90).values["churn"]
    action = lines.actions["call_back"]
    treated = action.count_between(moments.customer, moments.moment, moments.moment + 14 * 86_400) > 0
    followed = ~np.isnan(outcome)
    X = moments.design[followed]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = outcome[followed]
    a = treated[followed].astype(np.float64)
    folds = GroupKFold(n_splits=2)
    start = time.perf_counter()
    people = moments.customer[followed]
    chance = cross_val_predict(LogisticRegression(), X, a, groups=people, cv=folds, method="predict_proba")[
        :, 1
    ]
    mean = cross_val_predict(Ridge(), X, y, groups=people, cv=folds)
    left = a - chance
    _ = (left * (y - mean)).sum() / (left**2).sum()
    return time.perf_counter() - start


def _study(n: int) -> Study:
    """A company of n customers with an unhappy answer each, in DuckDB's memory; actions by severity."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    # Numbers between 0 and 1 that look drawn, and are the same in every run.
    connection.execute("CREATE MACRO draw(i, k) AS (hash(i, k) % 1000003) / 1000003.0")
    connection.execute(
        "CREATE TABLE base AS SELECT 'c' || range AS customer_id, range AS i, "
        "TIMESTAMP '2024-03-01' + to_seconds(CAST(draw(range, 1) * 7000000 AS BIGINT)) AS unhappy_at, "
        f"floor(draw(range, 2) * 7) AS score FROM range({n})"
    )
    connection.execute(
        "CREATE TABLE customers AS SELECT customer_id, "
        "TIMESTAMP '2023-01-01' - to_seconds(CAST(draw(i, 3) * 60000000 AS BIGINT)) AS started_at, "
        "CASE WHEN draw(i, 4) < 0.25 - score / 50 "
        "THEN unhappy_at + to_days(20 + CAST(draw(i, 5) * 200 AS INT)) END AS ended_at, "
        "CASE WHEN draw(i, 6) < 0.4 THEN 'pro' ELSE 'basic' END AS plan FROM base"
    )
    connection.execute(
        "CREATE TABLE responses AS "
        "SELECT customer_id, 'nps' AS instrument, score, unhappy_at AS responded_at FROM base UNION ALL "
        "SELECT customer_id, 'nps', floor(draw(i, 7) * 11), unhappy_at - INTERVAL 40 DAY FROM base "
        "WHERE draw(i, 8) < 0.6 AND draw(i, 7) > 0.64 UNION ALL "
        "SELECT customer_id, 'nps', floor(draw(i, 9) * 11), unhappy_at + INTERVAL 60 DAY FROM base "
        "JOIN customers USING (customer_id) "
        "WHERE draw(i, 10) < 0.7 AND (ended_at IS NULL OR ended_at > unhappy_at + INTERVAL 60 DAY)"
    )
    connection.execute(
        "CREATE TABLE unhappy AS SELECT customer_id, responded_at, score, "
        "hash(customer_id, responded_at) AS i FROM responses WHERE score <= 6"
    )
    given = " UNION ALL ".join(
        f"SELECT customer_id, '{action}' AS kind, "
        f"responded_at + to_hours(1 + CAST(draw(i, {20 + place}) * 240 AS INT)) AS occurred_at "
        f"FROM unhappy WHERE draw(i, {30 + place}) < 0.5 - score / 15"
        for place, action in enumerate(ACTIONS)
    )
    connection.execute(f"CREATE TABLE events AS {given}")
    connection.execute(
        "CREATE TABLE revenue AS "
        "SELECT customer_id, started_at AS effective_at, 20 + floor(draw(i, 40) * 80) AS mrr FROM customers "
        "JOIN base USING (customer_id) UNION ALL "
        "SELECT customer_id, unhappy_at + INTERVAL 50 DAY, 30 + floor(draw(i, 41) * 80) FROM base "
        "JOIN customers USING (customer_id) WHERE draw(i, 42) < 0.2 AND ended_at IS NULL"
    )
    connection.execute(
        "CREATE TABLE tickets AS SELECT 't' || i AS ticket_id, customer_id, "
        "unhappy_at - INTERVAL 5 DAY AS created_at, unhappy_at - INTERVAL 3 DAY AS resolved_at FROM base "
        "WHERE draw(i, 50) < 0.3"
    )
    names = ("customers", "responses", "events", "revenue", "tickets")
    return Study.from_frames(
        {name: connection.table(name) for name in names},
        observed_until="2025-01-01",
        instruments={"nps": NPS},
        segments=["plan"],
        revenue_ends="at_ended_at",
    )
