"""The tables of a simulated company, written from its paths: what a real company would have recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from cxresearch.data.synthetic.company_paths import (
    COMPANY_START,
    NEVER_RESOLVED,
    OUTAGE_MONTHS,
    RESOLUTION_MEDIAN_HOURS,
    RESOLUTION_SHAPE,
    SEGMENTS,
    CompanyPaths,
    slow_share,
)
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

#: Share of answers at each level, lowest first, as in tier A of the synthetic study.
ANSWER_SHARES = {
    "nps": (0.02, 0.01, 0.01, 0.01, 0.01, 0.03, 0.03, 0.09, 0.22, 0.22, 0.35),
    "ces": (0.03, 0.03, 0.05, 0.09, 0.17, 0.31, 0.32),
    "csat": (0.04, 0.05, 0.11, 0.38, 0.42),
}
LOWEST = {"nps": 0, "ces": 1, "csat": 1}
#: The latent each score reads (ease, satisfaction, loyalty), and how strongly; style weighs .30 in all.
READS = {"ces": (0, 0.75), "csat": (1, 0.80), "nps": (2, 0.80)}
STYLE = 0.30
RESPONSE_SHARE, STRAIGHT_LINERS, BACKWARDS = 0.25, 0.03, 0.02
RESPONDER_TRAIT = 0.8
REPLY_MEDIAN_HOURS, REOPENED = 2.0, 0.08
CHANNELS = np.array(["email", "chat", "phone"])
CATEGORIES = np.array(["how-to", "bug", "billing", "access"])
FEATURES = np.array(["core", "reports", "alerts", "api", "export"])
TYPICAL_MRR = (80.0, 450.0, 2_600.0)
TYPICAL_USE = (5.0, 14.0, 45.0)
#: Share of usual usage left once notice is given: the bait for features that look past the landmark.
USE_AFTER_NOTICE = 0.1


def customer_ids(n: int) -> NDArray[np.str_]:
    """Return ``C000001`` ... for n customers."""
    return np.char.add("C", np.char.zfill(np.arange(1, n + 1).astype(str), 6))


@dataclass(frozen=True, kw_only=True, eq=False)
class CompanyRecords:
    """What is drawn before the tables, because several of them read it.

    Attributes
    ----------
    tickets : dict of str to ndarray
        ``owner`` (row number of the customer), and the days since the company's start on which each ticket
        was ``opened``, ``replied`` and ``resolved`` (infinite: never).
    people : dict of str to ndarray
        How each customer answers: ``style``, ``ready``, ``straight``, ``position``, ``backwards``.
    """

    tickets: dict[str, NDArray[Any]]
    people: dict[str, NDArray[Any]]


def company_records(rng: np.random.Generator, paths: CompanyPaths) -> CompanyRecords:
    """Draw tickets and people, with the generator that drew the paths."""
    tickets = _draw_tickets(rng, paths)
    return CompanyRecords(tickets=tickets, people=_draw_people(rng, len(paths.kind)))


def company_tables(
    rng: np.random.Generator, paths: CompanyPaths, records: CompanyRecords
) -> dict[str, pa.Table]:
    """Write the seven tables of a company.

    Parameters
    ----------
    rng : Generator
        Continues the one that drew the records.
    paths : CompanyPaths
        See there.
    records : CompanyRecords
        See there.

    Returns
    -------
    dict of str to pyarrow Table
        Tables and columns as in the study layout; nothing in them lies after the data cut, except due dates.
    """
    return {
        "customers": _customers(paths),
        "responses": _responses(rng, paths, records.tickets, records.people),
        "revenue": _revenue(rng, paths),
        "tickets": _tickets(rng, paths, records.tickets),
        "usage": _usage(rng, paths),
        "orders": _orders(rng, paths),
        "events": _outages(paths),
    }


def moments(days: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Days since the company's start to timestamps, whole seconds; infinite or NaN becomes NaT."""
    known = np.isfinite(days)
    seconds = np.where(known, days, 0.0) * 86_400
    stamps = np.datetime64(COMPANY_START, "us") + seconds.astype("timedelta64[s]")
    return np.where(known, stamps, np.datetime64("NaT", "us"))


def table_of(n_customers: int, **columns: Any) -> pa.Table:
    """Make a table; a column ``customer_id`` holds row numbers of customers until here."""
    import pyarrow as pa

    made = {}
    for name, values in columns.items():
        if name == "customer_id":
            made[name] = pa.array(customer_ids(n_customers)).take(pa.array(values))
        elif values.dtype.kind == "f":
            made[name] = pa.array(values, from_pandas=True)
        else:
            made[name] = pa.array(values)
    return pa.table(made)


def last_days(paths: CompanyPaths) -> NDArray[np.float64]:
    """Last day each customer is a customer and observed."""
    return np.minimum(paths.left_days, paths.cut_days)


def _customers(paths: CompanyPaths) -> pa.Table:
    ended = paths.left_days <= paths.cut_days
    said = (paths.kind == 1) & (paths.notice_days <= paths.cut_days)
    n = len(ended)
    kinds = np.array([None, "voluntary", "involuntary"], dtype=object)
    return table_of(
        n,
        customer_id=np.arange(n),
        started_at=moments(paths.started_days),
        ended_at=moments(np.where(ended, paths.left_days, np.inf)),
        end_kind=kinds[np.where(ended, paths.kind, 0)],
        notice_at=moments(np.where(said, paths.notice_days, np.inf)),
        segment=np.array(SEGMENTS)[paths.segment],
        term=np.where(paths.annual, "annual", "monthly"),
    )


def _draw_tickets(rng: np.random.Generator, paths: CompanyPaths) -> dict[str, NDArray[Any]]:
    """Every ticket opened while a customer and before the cut: customer (row number), days, slow or not."""
    n, k = paths.tickets.shape
    counts = paths.tickets.ravel()
    cell = np.repeat(np.arange(n * k), counts)
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    slow = rank < paths.unresolved.ravel()[cell]
    owner, month = np.divmod(cell, k)
    opened = paths.started_days[owner] + (month + rng.random(len(cell))) * DAYS_A_MONTH
    kept = opened < last_days(paths)[owner]
    owner, opened, slow = owner[kept], opened[kept], slow[kept]
    scale = RESOLUTION_MEDIAN_HOURS / np.log(2) ** (1 / RESOLUTION_SHAPE)
    week = -np.expm1(-((168.0 / scale) ** RESOLUTION_SHAPE))
    u = rng.random(len(owner)) * np.where(slow, 1 - week, week) + np.where(slow, week, 0.0)
    hours = scale * (-np.log1p(-u)) ** (1 / RESOLUTION_SHAPE)
    reply = REPLY_MEDIAN_HOURS * np.exp(0.6 * ndtri(u) + 0.8 * rng.standard_normal(len(owner)))
    never = slow & (rng.random(len(owner)) < NEVER_RESOLVED / slow_share())
    return {
        "owner": owner,
        "opened": opened,
        "replied": opened + np.minimum(reply, hours) / 24,
        "resolved": np.where(never, np.inf, opened + hours / 24),
    }


def _tickets(rng: np.random.Generator, paths: CompanyPaths, drawn: dict[str, NDArray[Any]]) -> pa.Table:
    n, cut = len(drawn["owner"]), paths.cut_days
    replied = np.where(drawn["replied"] <= cut, drawn["replied"], np.inf)
    reopened = (rng.random(n) < REOPENED) & (drawn["resolved"] <= cut)
    return table_of(
        len(paths.kind),
        ticket_id=np.char.add("T", np.char.zfill(np.arange(1, n + 1).astype(str), 7)),
        created_at=moments(drawn["opened"]),
        customer_id=drawn["owner"],
        first_replied_at=moments(replied),
        resolved_at=moments(np.where(drawn["resolved"] <= cut, drawn["resolved"], np.inf)),
        channel=rng.choice(CHANNELS, n, p=(0.5, 0.35, 0.15)),
        category=rng.choice(CATEGORIES, n, p=(0.4, 0.3, 0.2, 0.1)),
        replies=np.where(np.isfinite(replied), 1 + rng.poisson(1.2, n) + 2 * reopened, 0),
        reopens=reopened.astype(np.int64),
        agent_id=np.char.add("agent-", rng.integers(1, 25, n).astype(str)),
        wait_minutes=np.round(rng.exponential(6.0, n), 1),
    )


def _draw_people(rng: np.random.Generator, n: int) -> dict[str, NDArray[Any]]:
    """How each person answers: style, readiness, and the few who do not read the question."""
    return {
        "style": rng.standard_normal(n),
        "ready": rng.standard_normal(n),
        "straight": rng.random(n) < STRAIGHT_LINERS,
        "position": rng.standard_normal(n),
        "backwards": rng.random(n) < BACKWARDS,
    }


def scores_given(
    rng: np.random.Generator,
    paths: CompanyPaths,
    people: dict[str, NDArray[Any]],
    *,
    instrument: str,
    owner: NDArray[np.intp],
    month: NDArray[np.intp],
    shift: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """Scores the owners would give in these months of theirs, their feelings shifted by so much."""
    latent, slope = READS[instrument]
    noise = np.sqrt(1 - slope**2 - STYLE**2) * rng.standard_normal(len(owner))
    feeling = slope * paths.latents[latent, owner, month] + STYLE * people["style"][owner] + noise + shift
    feeling = np.where(people["straight"][owner], people["position"][owner], feeling)
    shares = np.asarray(ANSWER_SHARES[instrument])
    score = LOWEST[instrument] + np.searchsorted(np.cumsum(shares)[:-1], ndtr(feeling)).astype(float)
    if instrument == "ces":
        return np.where(people["backwards"][owner] & ~people["straight"][owner], 8.0 - score, score)
    return score


def answered(
    rng: np.random.Generator,
    paths: CompanyPaths,
    people: dict[str, NDArray[Any]],
    owner: NDArray[np.intp],
    month: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Whether an invitation is answered: probit in satisfaction, loyalty and readiness."""
    slopes = np.array([0.25, 0.20])
    variance = 1 + RESPONDER_TRAIT**2 + slopes @ slopes + 2 * 0.70 * slopes[0] * slopes[1]
    lean = ndtri(RESPONSE_SHARE) * np.sqrt(variance)
    moods = slopes @ paths.latents[1:, owner, month]
    pull: NDArray[np.float64] = (
        lean + moods + RESPONDER_TRAIT * people["ready"][owner] + rng.standard_normal(len(owner))
    )
    return pull > 0


def _responses(
    rng: np.random.Generator,
    paths: CompanyPaths,
    tickets: dict[str, NDArray[Any]],
    people: dict[str, NDArray[Any]],
) -> pa.Table:
    import pyarrow as pa

    until = last_days(paths)
    n, k = paths.hazard.shape
    first = rng.uniform(1, 7, size=(n,))
    waves: NDArray[np.float64] = first[:, None] + 6.0 * np.arange(k // 6 + 1)
    sent = paths.started_days[:, None] + waves * DAYS_A_MONTH
    owner, wave = np.nonzero(sent < until[:, None])
    parts = [
        _invite(
            rng,
            paths,
            people,
            instruments=("nps",),
            owner=owner,
            sent=sent[owner, wave],
            touchpoint="relationship",
        )
    ]
    asked = tickets["resolved"] + 1 / 24
    inside = asked < until[tickets["owner"]]
    parts += [
        _invite(
            rng,
            paths,
            people,
            instruments=("ces", "csat"),
            owner=tickets["owner"][inside],
            sent=asked[inside],
            touchpoint="support",
        )
    ]
    return pa.concat_tables(parts)


def _invite(
    rng: np.random.Generator,
    paths: CompanyPaths,
    people: dict[str, NDArray[Any]],
    *,
    instruments: tuple[str, ...],
    owner: NDArray[np.intp],
    sent: NDArray[np.float64],
    touchpoint: str,
) -> pa.Table:
    """Invitations and their answers; one decision to answer covers all instruments of an invitation."""
    import pyarrow as pa

    back = sent + rng.exponential(1.0, len(owner))
    month = ((back - paths.started_days[owner]) / DAYS_A_MONTH).astype(int)
    month = np.minimum(month, paths.hazard.shape[1] - 1)
    said = answered(rng, paths, people, owner, month) & (back <= paths.cut_days)
    made = []
    for instrument in instruments:
        score = scores_given(rng, paths, people, instrument=instrument, owner=owner, month=month)
        made.append(
            table_of(
                len(paths.kind),
                customer_id=owner,
                instrument=np.full(len(owner), instrument),
                score=np.where(said, score, np.nan),
                responded_at=moments(np.where(said, back, np.inf)),
                sent_at=moments(sent),
                touchpoint=np.full(len(owner), touchpoint),
            )
        )
    return pa.concat_tables(made)


def _revenue(rng: np.random.Generator, paths: CompanyPaths) -> pa.Table:
    """Level of MRR at the start, at each change, at each annual renewal, and zero at the end."""
    n, k = paths.hazard.shape
    month = np.arange(k)
    renewal = paths.annual[:, None] & (month % 12 == 0)
    may = (renewal | ~paths.annual[:, None]) & (month > 0)
    pace = np.where(paths.annual, 8.0, 1.0)[:, None]
    mood = np.exp(0.2 * paths.latents[2])
    draw = rng.random((n, k))
    up, down = np.minimum(0.03 * pace * mood, 0.6), np.minimum(0.015 * pace / mood, 0.3)
    factor = np.where(may & (draw < up), 1.2, np.where(may & (draw > 1 - down), 0.85, 1.0))
    base = np.take(TYPICAL_MRR, paths.segment) * np.exp(0.5 * rng.standard_normal(n))
    level = np.round(base[:, None] * np.cumprod(factor, axis=1), 2)
    at = paths.started_days[:, None] + month * DAYS_A_MONTH
    owner, when = np.nonzero(((month == 0) | (factor != 1) | renewal) & (at < last_days(paths)[:, None]))
    step = np.where(paths.annual[owner], 12, 1)
    due = paths.started_days[owner] + (when // step + 1) * step * DAYS_A_MONTH
    gone = np.flatnonzero(paths.left_days <= paths.cut_days)
    mrr = np.concatenate([level[owner, when], np.zeros(len(gone))])
    plans = np.array(["Starter", "Growth", "Scale"])
    return table_of(
        n,
        customer_id=np.concatenate([owner, gone]),
        effective_at=moments(np.concatenate([at[owner, when], paths.left_days[gone]])),
        mrr=mrr,
        plan=plans[np.searchsorted([150.0, 1_000.0], mrr)],
        due_at=moments(np.concatenate([due, np.full(len(gone), np.inf)])),
    )


def _usage(rng: np.random.Generator, paths: CompanyPaths) -> pa.Table:
    """Weekly usage, following loyalty, and fading once notice is given."""
    n, k = paths.hazard.shape
    until = last_days(paths)
    weeks = np.ceil((until - paths.started_days) / 7).astype(int)
    owner = np.repeat(np.arange(n), weeks)
    since = np.arange(len(owner)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    used = paths.started_days[owner] + 7.0 * (since + rng.random(len(owner)))
    month = np.minimum(((used - paths.started_days[owner]) / DAYS_A_MONTH).astype(int), k - 1)
    usual = np.take(TYPICAL_USE, paths.segment) * np.exp(0.6 * rng.standard_normal(n))
    faded = np.where((paths.kind[owner] == 1) & (used > paths.notice_days[owner]), USE_AFTER_NOTICE, 1.0)
    quantity = rng.poisson(usual[owner] * np.exp(0.15 * paths.latents[2, owner, month]) * faded)
    kept = (quantity > 0) & (used < until[owner])
    return table_of(
        n,
        customer_id=owner[kept],
        used_at=moments(used[kept]),
        quantity=quantity[kept].astype(float),
        feature=rng.choice(FEATURES, int(kept.sum()), p=(0.5, 0.2, 0.1, 0.12, 0.08)),
    )


def _orders(rng: np.random.Generator, paths: CompanyPaths) -> pa.Table:
    """One-off purchases at an even pace."""
    stay = last_days(paths) - paths.started_days
    counts = rng.poisson(0.08 * stay / DAYS_A_MONTH)
    owner = np.repeat(np.arange(len(stay)), counts)
    at = paths.started_days[owner] + rng.random(len(owner)) * stay[owner]
    amount = np.round(np.take(TYPICAL_MRR, paths.segment[owner]) * rng.lognormal(-0.5, 0.6, len(owner)), 2)
    return table_of(len(stay), customer_id=owner, ordered_at=moments(at), amount=amount)


def _outages(paths: CompanyPaths) -> pa.Table:
    days = np.array(
        [month * DAYS_A_MONTH for month in OUTAGE_MONTHS if month * DAYS_A_MONTH < paths.cut_days]
    )
    return table_of(
        0,
        occurred_at=moments(days),
        kind=np.full(len(days), "outage"),
        note=np.full(len(days), "sign-in was down for six hours"),
    )
