"""The synthetic study, tier B: a company with every table, whose true curve and true risks are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.data.study_file.declarations import DeclaredJourney
from cxresearch.data.synthetic.company_paths import (
    COMPANY_START,
    EFFECTS,
    LATENT_CORRELATION,
    NOTICE_MONTH,
    PERSISTENCE,
    TICKET_RATES,
    TICKET_SHOCK,
    VOLUNTARY_HAZARDS,
    CompanyPaths,
    company_paths,
    slow_share,
)
from cxresearch.data.synthetic.company_tables import company_records, company_tables, customer_ids
from cxresearch.data.synthetic.planted_truth import PlantedTruth, planted_truth
from cxresearch.data.synthetic.unhappy_tables import STAGES, unhappy_draws, unhappy_tables
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.data.study import Study


def company_study(
    *,
    seed: int = 1,
    customers: int = 20_000,
    months: int = 36,
    effects: tuple[float, float, float] = EFFECTS,
    unhappy: bool = False,
) -> Study:
    """Simulate a company: all seven tables, with the faults of real survey data in them.

    Parameters
    ----------
    seed : int
        The same seed gives the same tables.
    customers : int
        Customers that start within the months, at an even pace.
    months : int
        From the company's first day to the data cut.
    effects : tuple of float
        Rise of the log hazard of giving notice for one standard deviation less of ease, satisfaction and
        loyalty. ``(0, 0, 0)`` makes every score worthless.
    unhappy : bool
        Whether to lay on top of the company what the questions who, since when, why and what helps ask for:
        a country that falls on a known day, comments with themes in five languages, actions given the more
        often the unhappier an answer is, reasons for leaving, stages, channels, devices, agents, goals and
        goods sent back. Customers, contracts, revenue, usage and orders stay as they are; the answers are
        others, asked each quarter. :func:`company_truth` says what was planted.

    Returns
    -------
    Study
        ``customers`` carries ``segment``, ``term`` and ``notice_at`` (when the customer said they would
        leave, which is the event; the contract ends later). Traps on purpose: usage fades once notice is
        given, surveys still go out then, 3 % of people straight-line, 2 % answer CES backwards, silence
        depends on satisfaction and loyalty, open tickets at the cut.

    Raises
    ------
    ArgumentError
        If there are no customers, fewer than 2 months, or not three effects.

    Examples
    --------
    >>> study = company_study(seed=1, customers=200)
    >>> study.tables
    ('customers', 'responses', 'revenue', 'tickets', 'usage', 'orders', 'events')
    """
    from cxresearch.data.study import Study
    from cxresearch.scales import CES2, CSAT, NPS

    rng = np.random.default_rng(seed)
    paths = company_paths(rng, customers=customers, months=months, effects=effects)
    records = company_records(rng, paths)
    start = np.datetime64(COMPANY_START, "us")
    cut = start + np.timedelta64(int(paths.cut_days * 86_400_000_000), "us")
    segments = ["segment", "term"]
    name = "synthetic company"
    if unhappy:
        segments.append("country")
        name = "synthetic company with an unhappy country"
        tables = unhappy_tables(seed, rng, paths, records)
    else:
        tables = company_tables(rng, paths, records)
    study = Study.from_frames(
        tables,
        observed_until=cut.astype(datetime),
        instruments={"nps": NPS, "csat": CSAT, "ces": CES2},
        currency="EUR",
        segments=segments,
        name=f"{name}, seed {seed}",
    )
    if unhappy:
        study.journey = DeclaredJourney(stages=tuple(STAGES))
    return study


def company_truth(
    *,
    seed: int = 1,
    customers: int = 20_000,
    months: int = 36,
    effects: tuple[float, float, float] = EFFECTS,
    unhappy: bool = False,
) -> CompanyTruth:
    """Return what is true of ``company_study`` with the same arguments.

    Returns
    -------
    CompanyTruth
        With ``unhappy`` its ``planted`` says what lies on top of the company: which country fell when and how
        far, what each theme, action, event and agent does, and how often.

    Examples
    --------
    >>> truth = company_truth(seed=1, customers=500)
    >>> curve = truth.curve()
    >>> bool((curve["survival"].diff().dropna() <= 0).all())
    True
    >>> planted = company_truth(seed=1, customers=500, unhappy=True).planted
    >>> planted.fallen, planted.fell_on.isoformat()
    ('DE', '2024-03-15')
    """
    rng = np.random.default_rng(seed)
    paths = company_paths(rng, customers=customers, months=months, effects=effects)
    if not unhappy:
        return CompanyTruth(paths=paths)
    draws = unhappy_draws(seed, paths, company_records(rng, paths))
    return CompanyTruth(paths=paths, planted=planted_truth(paths, draws))


@dataclass(frozen=True, kw_only=True, eq=False)
class CompanyTruth:
    """The true curve and the true risks of a simulated company.

    Attributes
    ----------
    paths : CompanyPaths
        Latent states, contracts and times of leaving.
    planted : PlantedTruth or None
        What lies on top of the company, where it was asked for.
    """

    paths: CompanyPaths
    planted: PlantedTruth | None = None

    def curve(self) -> pd.DataFrame:
        """Return what Kaplan-Meier and Aalen-Johansen estimate here, without the noise of drawn events.

        Given the latent paths, customer i survives month k with probability exp(-hazard). Months are only
        observed up to the cut, so month k's hazard is averaged over those who started early enough, weighted
        by the probability that they are still there: exactly the target of an estimator that censors at the
        cut. No event is drawn; only latent paths and starts are those of the simulation.

        Returns
        -------
        DataFrame
            Columns ``months`` (since start, 0 to the last with anybody observed), ``survival`` (no notice and
            no involuntary end yet), ``voluntary``, ``involuntary`` (cumulative incidence).
        """
        import pandas as pd

        p = self.paths
        n, k = p.hazard.shape
        seen = np.clip((p.cut_days - p.started_days)[:, None] / DAYS_A_MONTH - np.arange(k), 0, 1)
        total = p.hazard + p.involuntary[:, None]
        before = np.exp(-np.concatenate([np.zeros((n, 1)), np.cumsum(total, axis=1)[:, :-1]], axis=1))
        full = seen >= 1
        base = (full * before).sum(axis=0)
        leaves = before * -np.expm1(-total)
        share = p.hazard / total
        keep = base > 0
        out = np.divide((full * leaves).sum(axis=0), base, out=np.zeros(k), where=keep)
        willing = np.divide((full * leaves * share).sum(axis=0), base, out=np.zeros(k), where=keep)
        survival = np.concatenate([[1.0], np.cumprod(1 - out)])
        chosen = np.concatenate([[0.0], np.cumsum(survival[:-1] * willing)])
        last = int(keep.sum())
        frame = pd.DataFrame(
            {
                "months": np.arange(k + 1),
                "survival": survival,
                "voluntary": chosen,
                "involuntary": 1 - survival - chosen,
            }
        )
        return frame.iloc[: last + 1]

    def risk(self, on: datetime, *, horizon_days: float) -> pd.DataFrame:
        """Return each active customer's true risk of giving notice within the horizon, seen from a day.

        It knows all there is to know: the latents themselves (not the scores), tickets up to the end of the
        running month of the contract, segment, terms and renewal. Future latents are random: the mean of the
        cumulative hazard H is exact (lognormal; ticket shocks compound Poisson, without outages), its
        variance leaves the shocks out; the risk is 1 - E exp(-H) with H taken as gamma with these moments,
        thinned by involuntary ends to first order. No model can rank customers better than this does.

        Parameters
        ----------
        on : datetime
            The landmark, naive UTC.
        horizon_days : float
            Days ahead.

        Returns
        -------
        DataFrame
            Columns ``customer_id, risk``: customers that have started, not ended and given no notice by then.
        """
        import pandas as pd

        p = self.paths
        day = (np.datetime64(on, "us") - np.datetime64(COMPANY_START, "us")) / np.timedelta64(1, "D")
        active = np.flatnonzero((p.started_days <= day) & (p.notice_days > day))
        risk = _future_risk(
            p, active, (day - p.started_days[active]) / DAYS_A_MONTH, horizon_days / DAYS_A_MONTH
        )
        return pd.DataFrame({"customer_id": customer_ids(len(p.kind))[active], "risk": risk})


def _future_risk(
    p: CompanyPaths, rows: NDArray[np.intp], age: NDArray[np.float64], ahead: float
) -> NDArray[np.float64]:
    """Risk over ``ahead`` months for customers at ``age`` months, from moments of the future hazard."""
    effects = np.asarray(p.effects)
    month = np.minimum(age.astype(int), p.hazard.shape[1] - 1)
    score = -np.tensordot(effects, p.latents[:, rows, month], axes=1)
    score_next = PERSISTENCE * (score + effects[0] * TICKET_SHOCK * p.unresolved[rows, month] / PERSISTENCE)
    base = np.take(VOLUNTARY_HAZARDS, p.segment[rows])
    steps = int(np.ceil(ahead)) + 1
    variance = float(effects @ LATENT_CORRELATION @ effects)
    tickets = np.take(TICKET_RATES, p.segment[rows]) * slow_share()
    log_mean, spread, width = [], [], []
    for s in range(steps):
        overlap = np.clip(np.minimum(age + ahead, month + s + 1) - np.maximum(age, month + s), 0, 1)
        due = ((month + s) % 12 == NOTICE_MONTH) * 12.0
        width.append(overlap * np.where(p.annual[rows], due, 1.0) * base)
        known = score if s == 0 else PERSISTENCE ** (s - 1) * score_next
        jumps = effects[0] * TICKET_SHOCK * PERSISTENCE ** np.arange(max(s - 1, 0))
        spread.append(variance * (1 - PERSISTENCE ** (2 * s)))
        log_mean.append(known + spread[-1] / 2 + tickets * np.expm1(jumps).sum())
    mean_parts = np.array(width) * np.exp(np.array(log_mean))
    mean = mean_parts.sum(axis=0)
    lag = PERSISTENCE ** np.abs(np.subtract.outer(range(steps), range(steps)))
    cover = lag * np.minimum.outer(spread, spread)
    second = np.einsum("si,st,ti->i", mean_parts, np.exp(cover), mean_parts)
    extra = np.maximum(second - mean**2, 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        stay = np.where(mean > 0, (1 + extra / mean) ** (-(mean**2) / extra), 1.0)
    forced = p.involuntary[rows] * ahead
    return np.asarray((1 - stay) * -np.expm1(-forced) / forced)
