"""The tables of the unhappy company: those of the company, with what lies on top of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.data.synthetic.company_paths import OUTAGE_MONTHS, CompanyPaths
from cxresearch.data.synthetic.company_tables import (
    CompanyRecords,
    answered,
    company_tables,
    last_days,
    moments,
    scores_given,
    table_of,
)
from cxresearch.data.synthetic.unhappy_answers import (
    ACTIONS,
    COMMENT_SHARE,
    COUNTRIES,
    FALLEN,
    FELL_ON,
    RELEASED_ON,
    NpsAnswers,
    day_of,
    draw_countries,
    draw_languages,
    draw_nps,
)
from cxresearch.data.synthetic.unhappy_words import LANGUAGES, comments_of
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

#: Child generators of the seed: the seed is followed by this number and that of the child.
CHILDREN = 17
CHANNELS, CHANNEL_SHARES = np.array(["email", "app", "sms"]), (0.6, 0.3, 0.1)
DEVICES, MOBILE_SHARE = np.array(["desktop", "mobile"]), 0.55
#: Answers about this agent's tickets are unhappier, by so many standard deviations of the feeling.
HARSH_AGENT, AGENT_EFFECT = "agent-7", -0.9
#: Share of customers who open one more ticket within two days of an outage.
OUTAGE_TICKETS = 0.15
#: Why customers leave of their own accord: everywhere, and in the fallen country once it has fallen.
REASONS = ("price", "competitor", "service", "no longer needed")
REASON_SHARES = (0.25, 0.25, 0.20, 0.30)
FALLEN_REASON_SHARES = (0.55, 0.20, 0.10, 0.15)
REASON_GIVEN = 0.80
FORCED_REASON = "payment failed"
#: Stages of the journey, the share of customers who reach each, and the median days from the one before.
STAGES = {"research": 1.0, "pick": 1.0, "pay": 1.0, "use": 0.88, "maintain": 0.60}
STAGE_DAYS = {"pick": 9.0, "pay": 4.0, "use": 6.0, "maintain": 75.0}
#: Goals: share of customers who set one in their first month, share of these reached in the end, median days.
GOAL_SET, GOAL_REACHED, GOAL_DAYS = 0.60, 0.55, 60.0
#: Share of orders sent back, within a month.
RETURNED = 0.06


@dataclass(frozen=True, kw_only=True, eq=False)
class UnhappyDraws:
    """What was drawn on top of the company.

    Attributes
    ----------
    country : ndarray of int, shape (customers,)
        Place in ``COUNTRIES``.
    language : ndarray of int, shape (customers,)
        Place in ``LANGUAGES``.
    nps : NpsAnswers
    reason : ndarray of object, shape (customers,)
        Why a customer left; None where none is given or nobody left.
    outage_tickets : dict of float to ndarray of int
        Customers who opened one more ticket, by the day of the outage.
    """

    country: NDArray[np.int64]
    language: NDArray[np.int64]
    nps: NpsAnswers
    reason: NDArray[np.object_]
    outage_tickets: dict[float, NDArray[np.intp]]


def child(seed: int, number: int) -> np.random.Generator:
    """A generator of its own, that no draw of the company knows of."""
    return np.random.default_rng([seed, CHILDREN, number])


def unhappy_draws(seed: int, paths: CompanyPaths, records: CompanyRecords) -> UnhappyDraws:
    """Draw what lies on top of the company, and nothing of the company itself."""
    country = draw_countries(child(seed, 0), len(paths.kind))
    return UnhappyDraws(
        country=country,
        language=draw_languages(child(seed, 8), country),
        nps=draw_nps(child(seed, 1), paths, records, country),
        reason=_reasons(child(seed, 2), paths, country),
        outage_tickets=_outage_customers(child(seed, 3), paths),
    )


def unhappy_tables(
    seed: int,
    rng: np.random.Generator,
    paths: CompanyPaths,
    records: CompanyRecords,
) -> dict[str, pa.Table]:
    """Write the seven tables of the unhappy company.

    Parameters
    ----------
    seed : int
        That of the company.
    rng : Generator
        Continues the one that drew the records.
    paths : CompanyPaths
    records : CompanyRecords

    Returns
    -------
    dict of str to pyarrow Table
        ``revenue``, ``usage`` and ``orders`` are those of ``company_tables``; ``customers`` and ``tickets``
        hold its rows and columns, and more; ``responses`` and ``events`` are the unhappy company's own.
    """
    import pyarrow as pa

    draws = unhappy_draws(seed, paths, records)
    tables = company_tables(rng, paths, records)
    people = tables["customers"].append_column("country", pa.array(np.array(COUNTRIES)[draws.country]))
    tables["customers"] = people.append_column("reason", pa.array(draws.reason, pa.string()))
    support = _support_answers(child(seed, 4), paths, records, tables["tickets"], draws.language)
    relationship = _nps_answers(child(seed, 5), paths, draws)
    tables["responses"] = pa.concat_tables([relationship, support], promote_options="default")
    tables["tickets"] = _more_tickets(child(seed, 6), paths, draws, tables["tickets"])
    tables["events"] = _events(child(seed, 7), paths, draws, tables)
    return tables


def _reasons(
    rng: np.random.Generator, paths: CompanyPaths, country: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Why each customer left, as they would say on leaving."""
    n = len(country)
    dice = rng.random(n)
    given = rng.random(n) < REASON_GIVEN
    shares = np.where(late_in_fallen(paths, country)[:, None], FALLEN_REASON_SHARES, REASON_SHARES)
    place = (dice[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    reason: NDArray[np.object_] = np.array(REASONS, dtype=object)[place]
    reason[~given] = None
    reason[paths.kind == 2] = FORCED_REASON
    reason[paths.left_days > paths.cut_days] = None
    return reason


def late_in_fallen(paths: CompanyPaths, country: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Customers of the fallen country who gave notice once it had fallen."""
    late = (country == COUNTRIES.index(FALLEN)) & (paths.notice_days >= day_of(FELL_ON))
    return np.asarray(late, dtype=np.bool_)


def outage_days(paths: CompanyPaths) -> list[float]:
    """Days of the outages before the data cut."""
    days = [month * DAYS_A_MONTH for month in OUTAGE_MONTHS]
    return [day for day in days if day < paths.cut_days]


def _outage_customers(rng: np.random.Generator, paths: CompanyPaths) -> dict[float, NDArray[np.intp]]:
    there = {day: (paths.started_days < day) & (last_days(paths) > day + 2) for day in outage_days(paths)}
    return {
        day: np.flatnonzero(active & (rng.random(len(active)) < OUTAGE_TICKETS))
        for day, active in there.items()
    }


def _asked_by(rng: np.random.Generator, n: int) -> dict[str, NDArray[np.str_]]:
    """Channel and device of answers: they tell nothing of the score."""
    return {
        "channel": rng.choice(CHANNELS, n, p=CHANNEL_SHARES),
        "device": DEVICES[(rng.random(n) < MOBILE_SHARE).astype(np.int64)],
    }


def _nps_answers(rng: np.random.Generator, paths: CompanyPaths, draws: UnhappyDraws) -> pa.Table:
    import pyarrow as pa

    nps = draws.nps
    n = len(nps.owner)
    language = draws.language[nps.owner]
    written = nps.said & (rng.random(n) < COMMENT_SHARE)
    texts = comments_of(rng, nps.themes, language)
    stages = np.array(["use", "maintain"])
    settled = nps.sent - paths.started_days[nps.owner] > 120
    table = table_of(
        len(paths.kind),
        customer_id=nps.owner,
        instrument=np.full(n, "nps"),
        score=nps.score,
        responded_at=moments(nps.back),
        sent_at=moments(nps.sent),
        touchpoint=np.full(n, "relationship"),
        stage=stages[settled.astype(np.int64)],
        language=np.array(list(LANGUAGES.values()))[language],
        **_asked_by(rng, n),
    )
    rows = pa.array(np.arange(n), mask=~written)
    return table.append_column("comment", texts.take(rows))


def _support_answers(
    rng: np.random.Generator,
    paths: CompanyPaths,
    records: CompanyRecords,
    tickets: pa.Table,
    language: NDArray[np.int64],
) -> pa.Table:
    """CES and CSAT an hour after each resolution, with the ticket they are about."""
    import pyarrow as pa

    asked = records.tickets["resolved"] + 1 / 24
    owners = records.tickets["owner"]
    rows = np.flatnonzero(asked < last_days(paths)[owners])
    owner = owners[rows]
    sent = asked[rows]
    back = sent + rng.exponential(1.0, len(rows))
    month = ((back - paths.started_days[owner]) / DAYS_A_MONTH).astype(np.intp)
    month = np.minimum(month, paths.hazard.shape[1] - 1)
    said = answered(rng, paths, records.people, owner, month) & (back < last_days(paths)[owner])
    agent = tickets["agent_id"].combine_chunks().take(pa.array(rows))
    harsh = np.asarray(agent) == HARSH_AGENT
    shared = {
        "customer_id": owner,
        "responded_at": moments(np.where(said, back, np.inf)),
        "sent_at": moments(sent),
        "touchpoint": np.full(len(rows), "support"),
        "stage": np.full(len(rows), "maintain"),
        "language": np.array(list(LANGUAGES.values()))[language[owner]],
        **_asked_by(rng, len(rows)),
    }
    links = {"ticket_id": tickets["ticket_id"].combine_chunks().take(pa.array(rows)), "agent_id": agent}
    parts = []
    for instrument, effect in (("ces", 0.0), ("csat", AGENT_EFFECT)):
        score = scores_given(
            rng,
            paths,
            records.people,
            instrument=instrument,
            owner=owner,
            month=month,
            shift=effect * harsh,
        )
        part = table_of(
            len(paths.kind),
            instrument=np.full(len(rows), instrument),
            score=np.where(said, score, np.nan),
            **shared,
        )
        for name, values in links.items():
            part = part.append_column(name, values)
        parts.append(part)
    return pa.concat_tables(parts)


def _more_tickets(
    rng: np.random.Generator, paths: CompanyPaths, draws: UnhappyDraws, tickets: pa.Table
) -> pa.Table:
    """Add the tickets that outages bring: about access, answered and resolved within the day."""
    import pyarrow as pa

    owner = np.concatenate([np.zeros(0, dtype=np.intp), *draws.outage_tickets.values()])
    days = np.repeat(list(draws.outage_tickets), [len(rows) for rows in draws.outage_tickets.values()])
    n = len(owner)
    opened = days + 2 * rng.random(n)
    resolved = opened + 0.3 + 0.7 * rng.random(n)
    closed = resolved <= paths.cut_days
    numbers = len(tickets) + np.arange(1, n + 1)
    added = table_of(
        len(paths.kind),
        ticket_id=np.char.add("T", np.char.zfill(numbers.astype(str), 7)),
        created_at=moments(np.minimum(opened, paths.cut_days)),
        customer_id=owner,
        first_replied_at=moments(np.where(closed, opened + 0.1, np.inf)),
        resolved_at=moments(np.where(closed, resolved, np.inf)),
        channel=np.full(n, "chat"),
        category=np.full(n, "access"),
        replies=closed.astype(np.int64),
        reopens=np.zeros(n, dtype=np.int64),
        agent_id=np.char.add("agent-", rng.integers(1, 25, n).astype(str)),
        wait_minutes=np.round(rng.exponential(12.0, n), 1),
    )
    return pa.concat_tables([tickets, added.cast(tickets.schema)])


def _events(
    rng: np.random.Generator,
    paths: CompanyPaths,
    draws: UnhappyDraws,
    tables: dict[str, pa.Table],
) -> pa.Table:
    """Events of the company, actions, and stages, goals and goods sent back, which move no score."""
    import pyarrow as pa

    n = len(paths.kind)
    parts = [_company_events(paths, tables["events"])]
    for name in ACTIONS:
        day = draws.nps.actions[name]
        given = np.flatnonzero(day <= paths.cut_days)
        parts.append(_of_customers(n, name, draws.nps.owner[given], day[given]))
    for stage, day in _stage_days(rng, paths).items():
        reached = np.flatnonzero(day < last_days(paths))
        parts.append(_of_customers(n, "stage", reached, day[reached], note=stage))
    day = paths.started_days + 30 * rng.random(n)
    day[rng.random(n) >= GOAL_SET] = np.inf
    later = day + rng.exponential(GOAL_DAYS / np.log(2), n)
    later[rng.random(n) >= GOAL_REACHED] = np.inf
    for kind, days in (("goal_set", day), ("goal_reached", later)):
        rows = np.flatnonzero(days < last_days(paths))
        parts.append(_of_customers(n, kind, rows, days[rows]))
    parts.append(_returns(rng, paths, tables["orders"]))
    return pa.concat_tables(parts, promote_options="default")


def _company_events(paths: CompanyPaths, outages: pa.Table) -> pa.Table:
    import pyarrow as pa

    dated = {
        "release": (RELEASED_ON, "new app"),
        "price_rise": (FELL_ON, f"prices in {FALLEN} up by 12 %"),
    }
    happened = {kind: day_note for kind, day_note in dated.items() if day_of(day_note[0]) < paths.cut_days}
    days = np.array([day_of(day) for day, _ in happened.values()])
    rows = table_of(
        0,
        occurred_at=moments(days),
        kind=np.array(list(happened), dtype=str),
        note=np.array([note for _, note in happened.values()], dtype=str),
    )
    return pa.concat_tables([outages, rows])


def _of_customers(
    n: int, kind: str, rows: NDArray[np.intp], days: NDArray[np.float64], note: str = ""
) -> pa.Table:
    columns: dict[str, Any] = {
        "customer_id": rows,
        "occurred_at": moments(days),
        "kind": np.full(len(rows), kind),
    }
    if note:
        columns["note"] = np.full(len(rows), note)
    return table_of(n, **columns)


def _stage_days(rng: np.random.Generator, paths: CompanyPaths) -> dict[str, NDArray[np.float64]]:
    """Day on which each customer enters each stage; infinite where they never do.

    Research and choice lie before the start, which is the payment.
    """
    n = len(paths.kind)
    wait = {stage: rng.exponential(median / np.log(2), n) for stage, median in STAGE_DAYS.items()}
    skipped = {stage: rng.random(n) >= share for stage, share in STAGES.items()}
    pay = paths.started_days
    pick = pay - wait["pay"]
    use = np.where(skipped["use"], np.inf, pay + wait["use"])
    maintain = np.where(skipped["maintain"], np.inf, pay + wait["maintain"])
    return {"research": pick - wait["pick"], "pick": pick, "pay": pay, "use": use, "maintain": maintain}


def _returns(rng: np.random.Generator, paths: CompanyPaths, orders: pa.Table) -> pa.Table:
    """Goods sent back: some orders, some days later."""
    import pyarrow as pa

    late = rng.exponential(8.0, len(orders))
    back = rng.random(len(orders)) < RETURNED
    at = np.asarray(orders["ordered_at"]) + (late * 86_400).astype("timedelta64[s]")
    last = moments(np.array([paths.cut_days]))[0]
    rows = pa.array(np.flatnonzero(back & (at < last)))
    return pa.table(
        {
            "customer_id": orders["customer_id"].take(rows),
            "occurred_at": pa.array(at).take(rows),
            "kind": pa.array(np.full(len(rows), "return")),
        }
    )
