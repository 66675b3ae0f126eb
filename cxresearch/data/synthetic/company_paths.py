"""The drawing of a simulated company: starts, contracts, latent states, tickets and times of leaving.

Each customer lives on a grid of months since the start. Latent ease, satisfaction and loyalty drift from
month to month; they set the hazard of giving notice, the answers and the usage. Within a month every hazard
is constant, so times to notice are drawn exactly and survival is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_number
from cxresearch.errors import ArgumentError
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: First day of the simulated company; the data cut lies ``months`` later.
COMPANY_START = datetime(2022, 1, 1)
SEGMENTS = ("smb", "mid", "enterprise")
SEGMENT_SHARES = (0.60, 0.30, 0.10)
#: Share of customers on annual terms, by segment.
ANNUAL_SHARES = (0.30, 0.60, 0.85)
#: Monthly hazard of giving notice at an average state, and of leaving involuntarily, by segment.
VOLUNTARY_HAZARDS = (0.020, 0.012, 0.007)
INVOLUNTARY_HAZARDS = (0.004, 0.002, 0.001)
#: Tickets a month, by segment; tripled in the month of an outage.
TICKET_RATES = (0.30, 0.45, 0.70)
#: Correlations of ease, satisfaction and loyalty, and how much of a state lasts from month to month.
LATENT_CORRELATION = np.array([[1.0, 0.60, 0.45], [0.60, 1.0, 0.70], [0.45, 0.70, 1.0]])
PERSISTENCE = 0.94
#: Ease lost by each ticket still unresolved after a week, in standard deviations.
TICKET_SHOCK = 0.6
RESOLUTION_SHAPE, RESOLUTION_MEDIAN_HOURS = 0.7, 20.0
#: Share of tickets that nobody ever resolves.
NEVER_RESOLVED = 0.03
#: Months after the start in which an outage happens.
OUTAGE_MONTHS = (11.4, 23.7)
#: Log hazard of giving notice for one standard deviation less of ease, satisfaction, loyalty.
EFFECTS = (0.30, 0.25, 0.35)
#: In annual contracts notice is given in this month of each contract year (0 is the first): the month that
#: ends 30 days before the renewal and starts 61 days before it.
NOTICE_MONTH = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class CompanyPaths:
    """What the simulation drew before any table was written: n customers on a grid of K months since start.

    Attributes
    ----------
    started_days : ndarray, shape (n,)
        Start, in days since ``COMPANY_START``.
    cut_days : float
        The data cut, likewise.
    segment, annual : ndarray, shape (n,)
        Index into ``SEGMENTS``; whether the contract is annual.
    latents : ndarray, shape (3, n, K)
        Ease, satisfaction and loyalty in each month since start, shocks by tickets included.
    tickets : ndarray, shape (n, K)
        Tickets opened in each month if the customer is still there, and how many of them in ``unresolved``.
    hazard : ndarray, shape (n, K)
        Hazard of giving notice in each month, per month. ``involuntary`` is its constant rival, shape (n,).
    notice_days, left_days : ndarray, shape (n,)
        Days since the company's start: notice (or involuntary end), and end of contract. Infinite: never,
        or not on the grid.
    kind : ndarray, shape (n,)
        1 voluntary, 2 involuntary, 0 neither within the grid.
    effects : tuple of float
        See ``EFFECTS``.
    """

    started_days: NDArray[np.float64]
    cut_days: float
    segment: NDArray[np.int64]
    annual: NDArray[np.bool_]
    latents: NDArray[np.float64]
    tickets: NDArray[np.int64]
    unresolved: NDArray[np.int64]
    hazard: NDArray[np.float64]
    involuntary: NDArray[np.float64]
    notice_days: NDArray[np.float64]
    left_days: NDArray[np.float64]
    kind: NDArray[np.int64]
    effects: tuple[float, float, float]


def slow_share() -> float:
    """Probability that a ticket is unresolved a week after it was opened."""
    late = np.exp(-np.log(2) * (168.0 / RESOLUTION_MEDIAN_HOURS) ** RESOLUTION_SHAPE)
    return float(NEVER_RESOLVED + (1 - NEVER_RESOLVED) * late)


def company_paths(
    rng: np.random.Generator, *, customers: int, months: int, effects: tuple[float, float, float]
) -> CompanyPaths:
    """Draw starts, contracts, tickets, latents and times of leaving for every customer."""
    check_number("customers", customers, at_least=1)
    check_number("months", months, at_least=2)
    if len(effects) != 3 or not np.isfinite(effects).all():
        raise ArgumentError(
            f"effects are {effects!r}", wanted="three finite numbers: ease, satisfaction, loyalty"
        )
    n, k = int(customers), int(months)
    started = np.sort(rng.uniform(0, k * DAYS_A_MONTH, n))
    segment = rng.choice(3, n, p=SEGMENT_SHARES)
    annual = rng.random(n) < np.take(ANNUAL_SHARES, segment)
    tickets = rng.poisson(_ticket_rates(started, segment, k))
    unresolved = rng.binomial(tickets, slow_share())
    latents = _latents(rng, unresolved)
    hazard = _notice_hazard(latents, segment, annual, effects)
    involuntary = np.take(INVOLUNTARY_HAZARDS, segment)
    notice, left, kind = _leave(rng, hazard, involuntary, annual)
    return CompanyPaths(
        started_days=started,
        cut_days=k * DAYS_A_MONTH,
        segment=segment,
        annual=annual,
        latents=latents,
        tickets=tickets,
        unresolved=unresolved,
        hazard=hazard,
        involuntary=involuntary,
        notice_days=started + notice * DAYS_A_MONTH,
        left_days=started + left * DAYS_A_MONTH,
        kind=kind,
        effects=effects,
    )


def _ticket_rates(
    started: NDArray[np.float64], segment: NDArray[np.int64], months: int
) -> NDArray[np.float64]:
    rates = np.repeat(np.take(TICKET_RATES, segment)[:, None], months, axis=1)
    since = np.arange(months)[None, :]
    for outage in OUTAGE_MONTHS:
        at = np.floor(outage - started / DAYS_A_MONTH)[:, None]  # month of the customer's life it falls in
        rates = np.where(since == at, 3 * rates, rates)
    return rates


def _latents(rng: np.random.Generator, unresolved: NDArray[np.int64]) -> NDArray[np.float64]:
    """AR(1) of unit variance, correlated as in ``LATENT_CORRELATION``; tickets lower ease afterwards."""
    n, k = unresolved.shape
    root = np.linalg.cholesky(LATENT_CORRELATION)
    state = root @ rng.standard_normal((3, n))
    paths = np.empty((3, n, k))
    for month in range(k):
        if month:
            noise = root @ rng.standard_normal((3, n))
            state = PERSISTENCE * state + np.sqrt(1 - PERSISTENCE**2) * noise
            state[0] -= TICKET_SHOCK * unresolved[:, month - 1]
        paths[:, :, month] = state
    return paths


def _notice_hazard(
    latents: NDArray[np.float64],
    segment: NDArray[np.int64],
    annual: NDArray[np.bool_],
    effects: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Hazard a month; an annual contract gathers a year of it in its notice month and has none elsewhere."""
    base = np.take(VOLUNTARY_HAZARDS, segment)[:, None]
    hazard: NDArray[np.float64] = base * np.exp(-np.tensordot(np.asarray(effects), latents, axes=1))
    open_now = np.arange(latents.shape[2]) % 12 == NOTICE_MONTH
    return np.where(annual[:, None], 12.0 * hazard * open_now, hazard)


def _leave(
    rng: np.random.Generator,
    hazard: NDArray[np.float64],
    involuntary: NDArray[np.float64],
    annual: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Exact draws of the time of notice and of the contract's end, in months since start, and the kind."""
    n, k = hazard.shape
    cumulative = np.concatenate([np.zeros((n, 1)), np.cumsum(hazard, axis=1)], axis=1)
    threshold: NDArray[np.float64] = rng.standard_exponential(size=(n,))
    month = (cumulative[:, 1:] <= threshold[:, None]).sum(axis=1)
    inside = np.minimum(month, k - 1)
    rows = np.arange(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        part: NDArray[np.float64] = (threshold - cumulative[rows, inside]) / hazard[rows, inside]
    voluntary: NDArray[np.float64] = np.where(month < k, month + part, np.inf)
    forced = rng.exponential(1 / involuntary)
    contract_end = np.where(annual, np.ceil((voluntary + 1) / 12) * 12, np.floor(voluntary) + 1)
    kind = np.where((voluntary > k) & (forced > k), 0, np.where(voluntary <= forced, 1, 2))
    notice = np.where(kind == 1, voluntary, np.where(kind == 2, forced, np.inf))
    left = np.where(kind == 1, contract_end, notice)
    return notice, left, kind
