"""What onboarding, training, check-ins, success managers or a loyalty programme do, and whether they pay."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.timelines import DAY
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.voice.programmes.programme_moments import WORDS, programme_moments
from cxresearch.voice.programmes.programme_result import ProgrammeEffect
from cxresearch.voice.programmes.programme_return import return_on_spending
from cxresearch.voice.recovery.effect_rows import checked_outcomes, effect_row, with_holm
from cxresearch.voice.recovery.emulated_trial import EmulatedTrial, negative_control
from cxresearch.voice.recovery.moment_outcomes import EARNED, OutcomeKind, moment_outcomes
from cxresearch.voice.recovery.recovery_words import balance_notes, control_notes
from cxresearch.voice.recovery.unhappy_moments import study_timelines, unhappy_question
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats
    from cxresearch.data.study import Study
    from cxresearch.stats.effects.adjusted_arms import AdjustedArms

_DOSES = ("any", "one", "several")


def programme(
    study: Study,
    *,
    actions: Mapping[str, float] | Sequence[str],
    at: str = "joining",
    grace_days: float = 30,
    horizon_days: float = 180,
    outcomes: Sequence[str] | Mapping[str, float] = ("churn", "revenue"),
    question: str | None = None,
    level: float = 0.95,
) -> ProgrammeEffect:
    """Judge what is done for all kinds of customers as a randomised trial would have.

    Eligible is who joins, has a renewal ahead, or is a customer at the start of a quarter, and stays over the
    grace time; treated is to whom the action comes within it. Everything else is as in
    :func:`cxresearch.recovery`: what was known by the moment is made alike in both arms, outcomes are counted
    from the end of the grace time on.

    Parameters
    ----------
    study : Study
        With customers and events that name a customer; revenue for what comes back.
    actions : mapping of str to float, or sequence of str
        Kinds of events; as a mapping with what one contact costs, in the currency of the revenue.
    at : {"joining", "renewal", "quarter", "month"}
        The moments; ``"renewal:60"`` lies 60 days before a renewal instead of 90. At ``"quarter"`` and
        ``"month"`` a customer has several, and is one cluster.
    grace_days : float
        Time within which a contact counts.
    horizon_days : float
        Days after the grace time over which outcomes are counted.
    outcomes : sequence of str, or mapping of str to float
        As in :func:`cxresearch.recovery`, and ``"earned"``: revenue summed over the time; as a mapping with
        the smallest effect that matters.
    question : str, optional
        For ``"next_score"`` and ``"happy_again"``, and so that the latest answer is made alike too.
    level : float
        Of the intervals.

    Returns
    -------
    ProgrammeEffect

    Raises
    ------
    ArgumentError
        If moments, an action, an outcome or a question is not known.
    DataError
        If nobody is eligible, or an action has fewer than 20 customers with it or without it.

    Notes
    -----
    A dose is judged against none: those with one contact, and those with several, beside those without any.
    Revenue is no profit: divide the costs by the gross margin if that is what shall come back.

    References
    ----------
    Hernan and Robins (2016), doi:10.1093/aje/kwv254; Li, Morgan and Zaslavsky (2018),
    doi:10.1080/01621459.2016.1260466. Guide: docs/recovery.md.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> rng = np.random.default_rng(4)
    >>> ids = [f"c{i}" for i in range(800)]
    >>> joined = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 800), unit="D")
    >>> trained = rng.random(800) < 0.5
    >>> left = rng.random(800) < np.where(trained, 0.1, 0.4)
    >>> ended = pd.Series(joined + pd.Timedelta(days=120)).where(left)
    >>> tables = {
    ...     "customers": pd.DataFrame({"customer_id": ids, "started_at": joined, "ended_at": ended}),
    ...     "events": pd.DataFrame(
    ...         {
    ...             "customer_id": np.array(ids)[trained],
    ...             "occurred_at": joined[trained] + pd.Timedelta(days=5),
    ...             "kind": "training",
    ...         }
    ...     ),
    ... }
    >>> study = Study.from_frames(tables, observed_until="2024-12-31", instruments={})
    >>> effect = programme(study, actions=["training"], outcomes=["churn"]).table.iloc[0]
    >>> bool(effect["low"] < -0.3 < effect["high"]), effect["verdict"]
    (True, 'helps')
    """
    level = check_level(level)
    check_number("grace_days", grace_days, above=0)
    check_number("horizon_days", horizon_days, above=0)
    costs = _costs(actions)
    kinds = checked_outcomes(outcomes)
    scale = None
    if question is not None:
        scale = unhappy_question(study, question)
    _refuse_unanswerable(study, kinds, costs, question)
    lines = study_timelines(study, scale, tuple(costs))
    moments = programme_moments(study, lines, at, grace_days=grace_days)
    # From the moment on, its own second included: onboarding may come on the day of joining.
    until = moments.moment + int(grace_days * DAY)
    contacts = {
        action: line.count_between(moments.customer, moments.moment - 1, until)
        for action, line in lines.actions.items()
    }
    trial = EmulatedTrial(
        lines=lines,
        moments=moments,
        results=moment_outcomes(lines, moments, scale, grace_days=grace_days, horizon_days=horizon_days),
        treated={action: count > 0 for action, count in contacts.items()},
        grace_days=grace_days,
        horizon_days=horizon_days,
        level=level,
    )
    parts = [_judged(trial, action, contacts[action], kinds, cost) for action, cost in costs.items()]
    table = with_holm(pd.DataFrame([row for part in parts for row in part.rows]))
    returns = pd.DataFrame([row for part in parts for row in part.returns])
    balance = pd.concat([part.balance for part in parts], ignore_index=True)
    controls = pd.DataFrame([part.control for part in parts])
    words = WORDS[at.partition(":")[0]]
    return ProgrammeEffect(
        at=words,
        grace_days=grace_days,
        horizon_days=horizon_days,
        table=table,
        returns=returns,
        balance=balance,
        overlap=pd.concat([part.overlap for part in parts], ignore_index=True),
        controls=controls,
        n=len(moments),
        n_customers=len(np.unique(moments.customer)),
        dropped=moments.dropped,
        finding=_finding(table, returns, words, grace_days=grace_days, level=level),
        notes=_notes(trial, balance, controls),
        level=level,
    )


def _costs(actions: Mapping[str, float] | Sequence[str]) -> dict[str, float | None]:
    """Cost of one contact of each action; None where none was given."""
    if isinstance(actions, str):
        actions = [actions]
    # A cost is that of one contact; without one nothing can be said about money back.
    costs: dict[str, float | None] = dict.fromkeys(actions)
    if not costs:
        raise ArgumentError("no action is named", wanted="kinds of events, such as actions=['onboarding']")
    if isinstance(actions, Mapping):
        costs |= {name: check_number(f"cost of {name}", cost, above=0) for name, cost in actions.items()}
    return costs


def _refuse_unanswerable(
    study: Study,
    kinds: dict[str, tuple[OutcomeKind, float]],
    costs: dict[str, float | None],
    question: str | None,
) -> None:
    answered = [name for name, (kind, _) in kinds.items() if kind.answered]
    if answered and question is None:
        raise ArgumentError(
            f"{listed(answered)} asks for a question", wanted="question='nps', or another of the study"
        )
    paid = {"revenue", EARNED.name} & set(kinds)
    if (paid or any(cost is not None for cost in costs.values())) and "revenue" not in study.tables:
        raise DataError(
            "what comes back cannot be told: the study has no table revenue",
            next_step="map it, or leave out costs and outcomes of revenue",
        )


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """One action: its rows, returns, balance, overlap and negative control."""

    rows: list[dict[str, Any]]
    returns: list[dict[str, Any]]
    balance: pd.DataFrame
    overlap: pd.DataFrame
    control: dict[str, Any]


def _judged(
    trial: EmulatedTrial,
    action: str,
    contacts: np.ndarray[Any, Any],
    kinds: dict[str, tuple[OutcomeKind, float]],
    cost: float | None,
) -> _Judged:
    """Judge an action by dose; the dose "any" must be possible, the others are shown where they are."""
    arms = trial.arms(action)
    rows: list[dict[str, Any]] = []
    returns: list[dict[str, Any]] = []
    # Each dose against none: other doses are on neither side.
    among = {"any": contacts >= 0, "one": contacts <= 1, "several": contacts != 1}
    for dose in _DOSES:
        part = trial
        part_arms = arms
        if dose != "any":
            part = _among(trial, among[dose])
            try:
                part_arms = part.arms(action)
            except DataError:
                continue
        if dose != "any" and not (contacts > 1).any():
            continue
        rows += [
            effect_row(part, part_arms, kind, margin) | {"dose": dose} for kind, margin in kinds.values()
        ]
        if cost is not None:
            spent = cost * contacts[among[dose]].astype(np.float64)
            returned = _returned(part_arms.adjusted, part.outcome(EARNED), spent, trial.level)
            returns.append({"action": action, "dose": dose} | returned)
    return _Judged(
        rows=rows,
        returns=returns,
        balance=arms.balance,
        overlap=arms.overlap,
        control=negative_control(trial, arms),
    )


def _among(trial: EmulatedTrial, rows: Bools) -> EmulatedTrial:
    """Return the trial of some of its moments."""
    moments = trial.moments
    some = dataclasses.replace(
        moments,
        customer=moments.customer[rows],
        moment=moments.moment[rows],
        score=moments.score[rows],
        previous=moments.previous[rows],
        design=moments.design[rows],
    )
    results = dataclasses.replace(
        trial.results,
        followed=trial.results.followed[rows],
        values={name: values[rows] for name, values in trial.results.values.items()},
    )
    treated = {name: arm[rows] for name, arm in trial.treated.items()}
    return dataclasses.replace(trial, moments=some, results=results, treated=treated)


def _returned(arms: AdjustedArms, earned: Floats, spent: Floats, level: float) -> dict[str, Any]:
    try:
        row = return_on_spending(arms, earned, spent, level=level)
    except DataError:
        return {"verdict": "cannot tell"}
    # Pays if the interval of earned less spent lies above 0, the same question as R above 1.
    verdict = "cannot tell"
    if row["net_low"] > 0:
        verdict = "pays"
    if row["net_high"] < 0:
        verdict = "does not pay"
    return row | {"verdict": verdict}


def _finding(
    table: pd.DataFrame, returns: pd.DataFrame, words: str, *, grace_days: float, level: float
) -> str:
    sentences = []
    for (action, dose), rows in table.groupby(["action", "dose"], sort=False):
        if dose != "any":
            continue
        parts = []
        for row in rows.to_dict("records"):
            # An effect is named only if it stands after Holm; equivalence is a test of its own.
            sure = row["verdict"] == "no difference that matters" or row["p_holm"] < 1 - level
            if row["verdict"] == "cannot tell" or not sure:
                parts.append(f"on {row['outcome']} these data cannot tell")
                continue
            unit = Unit(row["unit"])
            levels = (
                f"{format_value(row['with_action'], unit)} instead of {format_value(row['without'], unit)}"
            )
            parts.append(f"{row['outcome']} {levels} ({row['verdict']})")
        name = str(action).replace("_", " ").capitalize()
        sentences.append(f"{name} within {grace_days:g} days of {words}: {'; '.join(parts)}.")
    for row in returns.to_dict("records"):
        if row["dose"] == "any" and "return_ratio" in row and not np.isnan(row["return_ratio"]):
            ends = (row["return_ratio"], row["return_low"], row["return_high"])
            back = format_estimate(*ends, Unit.RATIO)
            action = str(row["action"]).replace("_", " ")
            sentences.append(f"One spent on {action} brought back {back} of revenue ({row['verdict']}).")
    return " ".join(sentences)


def _notes(trial: EmulatedTrial, balance: pd.DataFrame, controls: pd.DataFrame) -> tuple[str, ...]:
    notes = [f"{n:,} moments left out: {reason}." for reason, n in trial.moments.dropped.items()]
    waiting = int((~trial.results.followed).sum())
    if waiting:
        notes.append(f"{waiting:,} moments are not followed to the horizon yet; they have no outcome.")
    notes += balance_notes(balance)
    notes += control_notes(controls, level=trial.level)
    notes.append(
        "Adjusted for what is recorded and was known by the moment; only a trial adjusts for the rest."
    )
    return tuple(notes)
