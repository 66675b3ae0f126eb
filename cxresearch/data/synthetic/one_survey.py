"""Synthetic studies with a known truth: tier A, one survey and what followed; tier B, a whole company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxresearch.checks import check_choice, check_number
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.synthetic.truth import (
    ANSWERING,
    CORRELATION,
    LOADINGS,
    SCALES,
    SCENARIOS,
    STYLE,
    answering_intercept,
    coefficients_of,
    cut_points,
    hazards_of,
)
from cxresearch.errors import ArgumentError
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    import pyarrow as pa

    from cxresearch.data.study import Study

Array = NDArray[np.float64]

#: When everybody is asked, and the data cut two years later.
SURVEYED_AT = datetime(2023, 1, 1)
OBSERVED_UNTIL = datetime(2025, 1, 1)
HORIZON_MONTHS = 12
#: Surveys of those whose follow-up is to be shorter than the horizon: the first days of these months of 2024.
LATE_WAVES = tuple(datetime(2024, month, 1) for month in range(2, 13))
_FOLLOWED_MONTHS = 24.0
_STACKED_MONTHS = (0, 3, 6, 9)
_SEGMENTS = {"small": 0.6, "medium": 0.3, "large": 0.1}


@dataclass(frozen=True, kw_only=True, eq=False)
class _People:
    """Latent feelings, what they do and when they leave; every array of shape (n,) but ``theta`` (n, 3)."""

    theta: Array
    style: Array
    months: Array  # from the survey to churn
    kind: NDArray[np.int8]  # 1 voluntary, 2 involuntary
    answers: NDArray[np.bool_]


def _draw_people(rng: np.random.Generator, customers: int, scenario: str) -> _People:
    theta = rng.standard_normal((customers, 3)) @ np.linalg.cholesky(CORRELATION).T
    hazards = hazards_of(scenario)
    voluntary = hazards.voluntary * np.exp(-theta @ coefficients_of(scenario))
    total = voluntary + hazards.involuntary
    chosen = rng.random(customers) * total < voluntary
    wish = answering_intercept() + theta @ ANSWERING
    return _People(
        theta=theta,
        style=rng.standard_normal(customers),
        months=rng.standard_exponential(customers) / total,
        kind=np.where(chosen, 1, 2).astype(np.int8),
        answers=wish + rng.standard_normal(customers) > 0,
    )


def _draw_scores(rng: np.random.Generator, people: _People) -> dict[str, Array]:
    """Cut each latent score, of unit variance, at the normal quantiles of its scale."""
    scores: dict[str, Array] = {}
    for name, load in LOADINGS.items():
        noise = np.sqrt(1 - load @ CORRELATION @ load - STYLE**2)
        latent = people.theta @ load + STYLE * people.style + noise * rng.standard_normal(people.style.size)
        level = np.searchsorted(cut_points(name), latent)
        scores[name] = level.astype(np.float64) + SCALES[name].low
    return scores


def _check_size(customers: int, censoring: float) -> tuple[int, float]:
    if isinstance(customers, bool) or int(check_number("customers", customers, at_least=1)) != customers:
        raise ArgumentError(f"customers is {customers!r}", wanted="a whole number of at least 1")
    return int(customers), check_number("censoring", censoring, at_least=0, below=1)


def synthetic_landmarks(
    *,
    seed: int = 1,
    customers: int = 20_000,
    scenario: str = "base",
    censoring: float = 0.0,
    nonresponse: bool = False,
    stacked: bool = False,
) -> Landmarks:
    """Draw landmark rows straight from the tier A model, for simulations.

    Rows are those ``cx.landmark`` would make of ``cx.synthetic.synthetic_study``, without tables in between:
    one row for each customer, asked on the day of the landmark, followed for two years, horizon 12 months.

    Parameters
    ----------
    seed : int
        The same seed gives the same rows.
    customers : int
        Customers at the first landmark.
    scenario : {"base", "equal", "ces", "nps", "csat", "null"}
        See ``synthetic_study``.
    censoring : float
        Share of customers whose follow-up ends before the horizon, at a moment uniform over the 12 months
        and independent of all else; from 0 to below 1.
    nonresponse : bool
        Only a quarter answers (in all three scores or none); the others have NaN scores.
    stacked : bool
        Four landmarks three months apart for each customer who is still there, with new answers of the same
        feelings and style. Rows of a customer then share their outcome: standard errors must be clustered.

    Returns
    -------
    Landmarks
        Without features; ``synthetic_study`` has segments and start dates.

    Raises
    ------
    ArgumentError
        If the scenario is unknown or a number is out of range.

    Examples
    --------
    >>> marks = synthetic_landmarks(seed=1, customers=1000, censoring=0.3)
    >>> marks.n_rows, list(marks.instruments)
    (1000, ['ces', 'nps', 'csat'])
    """
    import pandas as pd

    customers, censoring = _check_size(customers, censoring)
    check_choice("scenario", scenario, SCENARIOS)
    rng = np.random.default_rng(seed)
    people = _draw_people(rng, customers, scenario)
    followed = np.full(customers, _FOLLOWED_MONTHS)
    if censoring:
        short = rng.random(customers) < censoring
        followed[short] = HORIZON_MONTHS * (1 - rng.random(int(short.sum())))
    ids = pd.array(_ids(customers), dtype="string[pyarrow]")
    end = np.minimum(people.months, followed)
    event = np.where(people.months <= followed, people.kind, 0).astype(np.int8)
    parts = []
    for month in _STACKED_MONTHS if stacked else _STACKED_MONTHS[:1]:
        here = end > month
        scores = _draw_scores(rng, people)
        rows = {
            "customer_id": ids[here],
            "landmark_at": np.datetime64(SURVEYED_AT, "us") + _span(month),
            **{name: score[here] for name, score in scores.items()},
            "duration_days": (end[here] - month) * DAYS_A_MONTH,
            "event": event[here],
        }
        parts.append(pd.DataFrame(rows))
        if nonresponse:
            parts[-1].loc[~people.answers[here], list(scores)] = np.nan
    return Landmarks(
        frame=parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True),
        instruments=dict(SCALES),
        horizon_days=HORIZON_MONTHS * DAYS_A_MONTH,
        every="quarter" if stacked else "once",
        observed_until=OBSERVED_UNTIL,
        stacked=stacked,
        name=f"synthetic tier A, scenario {scenario}, seed {seed}",
    )


def synthetic_study(
    *,
    seed: int = 1,
    customers: int | None = None,
    scenario: str = "base",
    tier: Literal["A", "B"] = "A",
    nonresponse: bool = False,
    censoring: float = 0.0,
    unhappy: bool = False,
) -> Study:
    """Make a study whose truth is known.

    **Tier A** is the smallest study with a closed form: everybody is asked for CES, NPS and CSAT at one
    instant (1 January 2023) and followed until 1 January 2025. Three feelings drive the answers and the
    hazard of leaving; within 12 months 10 % leave voluntarily and 2 % involuntarily. ``cx.synthetic.truth``
    gives the exact AUC of each score. Landmark rows as the truth has them:
    ``cx.landmark(study, every=["2023-01-01"], horizon_days=365.25)``.

    **Tier B** is a company over 36 months with every table and the faults of real data; its curve is known.

    Parameters
    ----------
    seed : int
        The same seed gives the same tables.
    customers : int, optional
        By default 20,000.
    scenario : {"base", "equal", "ces", "nps", "csat", "null"}
        What drives churn: ``base`` loyalty somewhat more than ease and satisfaction; ``equal`` such that CES
        and NPS predict equally well (for the false-positive rate; tier A only); ``ces``, ``nps``, ``csat``
        mainly the feeling behind that score; ``null`` none of them.
    tier : {"A", "B"}
        The model.
    nonresponse : bool
        Tier A: a quarter answers, and the more satisfied and loyal the likelier; the others leave a row
        with ``sent_at`` and no score. In tier B people are always silent.
    censoring : float
        Tier A: share of customers asked only in the last 1 to 11 months before the data cut (on the first of
        a month), so that their follow-up is shorter than 12 months. Landmarks on those days too
        (``every="month", window_days=1``) see them.
    unhappy : bool
        Tier B: what unhappiness brings on top of the company, see :func:`company_study`.

    Returns
    -------
    Study
        Tier A: ``customers`` (with a ``segment`` that means nothing) and ``responses``, on DuckDB.

    Raises
    ------
    ArgumentError
        If a choice is unknown, a number out of range, or an option does not belong to the tier.

    Examples
    --------
    >>> study = synthetic_study(seed=1, customers=1000)
    >>> study.tables
    ('customers', 'responses')
    """
    customers, censoring = _check_size(20_000 if customers is None else customers, censoring)
    check_choice("scenario", scenario, SCENARIOS)
    if check_choice("tier", tier, ("A", "B")) == "B":
        return _company(seed, customers, scenario, plain=not nonresponse and not censoring, unhappy=unhappy)
    if unhappy:
        raise ArgumentError("unhappy is an option of tier B", wanted="tier='B'", next_step="leave it out")
    rng = np.random.default_rng(seed)
    return _survey_study(
        rng,
        _draw_people(rng, customers, scenario),
        nonresponse=nonresponse,
        censoring=censoring,
        name=f"synthetic tier A, scenario {scenario}, seed {seed}",
    )


def _company(seed: int, customers: int, scenario: str, *, plain: bool, unhappy: bool) -> Study:
    from cxresearch.data.synthetic.company import company_study
    from cxresearch.data.synthetic.company_paths import EFFECTS

    if not plain:
        raise ArgumentError(
            "nonresponse and censoring are options of tier A",
            wanted="tier='A'",
            next_step="leave them out; in tier B people are silent and customers censored anyway",
        )
    if scenario == "equal":
        raise ArgumentError(
            "scenario 'equal' needs tier A",
            wanted="tier='A'",
            next_step="scores are equal only in closed form",
        )
    weights = coefficients_of(scenario)
    scale = sum(EFFECTS) / weights.sum() if scenario != "null" else 1.0
    ease, satisfaction, loyalty = EFFECTS if scenario == "base" else (weights * scale).tolist()
    effects = (ease, satisfaction, loyalty)
    return company_study(seed=seed, customers=customers, effects=effects, unhappy=unhappy)


def _survey_study(
    rng: np.random.Generator, people: _People, *, nonresponse: bool, censoring: float, name: str
) -> Study:
    import duckdb

    from cxresearch.data.study import Study

    asked_at = _asked_at(rng, people.months.size, censoring)
    ids = _ids(people.months.size)
    tables = {
        "customers": _customers(rng, people, asked_at, ids),
        "responses": _responses(_draw_scores(rng, people), people.answers | (not nonresponse), asked_at, ids),
    }
    database = duckdb.connect()
    return Study.from_frames(
        {table: database.from_arrow(rows) for table, rows in tables.items()},
        observed_until=OBSERVED_UNTIL,
        instruments=dict(SCALES),
        segments=("segment",),
        name=name,
    )


def _asked_at(rng: np.random.Generator, customers: int, censoring: float) -> NDArray[np.datetime64]:
    asked_at = np.full(customers, np.datetime64(SURVEYED_AT, "us"))
    if censoring:
        late = rng.random(customers) < censoring
        waves = np.array(LATE_WAVES, dtype="datetime64[us]")
        asked_at[late] = rng.choice(waves, int(late.sum()))
    return asked_at


def _customers(
    rng: np.random.Generator, people: _People, asked_at: NDArray[np.datetime64], ids: pa.StringArray
) -> pa.Table:
    import pyarrow as pa

    n = people.months.size
    ended_at = asked_at + _span(people.months)
    gone = ended_at <= np.datetime64(OBSERVED_UNTIL, "us")
    started_at = asked_at - _span(rng.random(n) * 60).astype("timedelta64[D]")
    kinds = pa.DictionaryArray.from_arrays(
        pa.array(people.kind - 1, mask=~gone), pa.array(["voluntary", "involuntary"])
    )
    bounds = np.cumsum(list(_SEGMENTS.values()))[:-1]
    segment = np.searchsorted(bounds, rng.random(n)).astype(np.int8)
    return pa.table(
        {
            "customer_id": ids,
            "started_at": started_at,
            "ended_at": pa.array(ended_at, mask=~gone),
            "end_kind": kinds.cast(pa.string()),
            "segment": pa.DictionaryArray.from_arrays(segment, list(_SEGMENTS)).cast(pa.string()),
        }
    )


def _responses(
    scores: dict[str, Array],
    answers: NDArray[np.bool_],
    asked_at: NDArray[np.datetime64],
    ids: pa.StringArray,
) -> pa.Table:
    import pyarrow as pa

    n, k = answers.size, len(scores)
    instrument = pa.DictionaryArray.from_arrays(np.repeat(np.arange(k, dtype=np.int8), n), list(scores))
    times = pa.array(asked_at, mask=~answers)
    sent_at = pa.array(asked_at - np.timedelta64(1, "D"))
    return pa.table(
        {
            "customer_id": pa.chunked_array([ids] * k),
            "instrument": pa.chunked_array([instrument.cast(pa.string())]),
            "score": pa.chunked_array([pa.array(score, mask=~answers) for score in scores.values()]),
            "responded_at": pa.chunked_array([times] * k),
            "sent_at": pa.chunked_array([sent_at] * k),
        }
    )


def _span(months: Any) -> Any:
    """Months of the tier A clock as timedeltas in whole microseconds."""
    microseconds = np.asarray(months) * DAYS_A_MONTH * 86_400_000_000
    return np.minimum(microseconds, 2e18).astype(np.int64).astype("timedelta64[us]")


def _ids(n: int) -> pa.StringArray:
    """Return ``C0000000`` onwards, written digit by digit into one buffer (a million in 30 ms)."""
    import pyarrow as pa

    width = max(7, len(str(n)))
    letters = np.empty((n, width + 1), dtype=np.uint8)
    letters[:, 0] = ord("C")
    number = np.arange(n)
    for place in range(width, 0, -1):
        letters[:, place] = ord("0") + number % 10
        number //= 10
    offsets = np.arange(n + 1, dtype=np.int32) * (width + 1)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters))
