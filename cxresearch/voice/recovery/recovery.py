"""Which actions make unhappy customers happy again: trials emulated from what was done anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.timelines import DAY
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.voice.recovery.effect_rows import checked_outcomes, effect_row, with_holm
from cxresearch.voice.recovery.emulated_trial import (
    EmulatedTrial,
    effects_by_group,
    negative_control,
    recovered_by_themselves,
)
from cxresearch.voice.recovery.moment_outcomes import OutcomeKind, moment_outcomes
from cxresearch.voice.recovery.recovery_words import recovery_finding, recovery_notes
from cxresearch.voice.recovery.unhappy_moments import (
    EligibleMoments,
    StudyTimelines,
    study_timelines,
    unhappy_moments,
    unhappy_question,
)
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from cxresearch.aliases import Bools
    from cxresearch.data.study import Study
    from cxresearch.scales import Scale

_DEFAULT_OUTCOMES = ("happy_again", "next_score", "churn", "revenue")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Recovery(Result):
    """What actions did for unhappy customers, each judged as in a trial.

    Attributes
    ----------
    question : str
        Label of the question whose unhappy answers are the entries.
    grace_days, horizon_days : float
        An action within the grace time counts; what followed is counted from its end on, over the horizon.
    table : DataFrame
        One row an action and outcome.
    groups : DataFrame
        The same effects by group, where ``by`` was given, with the test of their equality.
    balance : DataFrame
        How alike both arms of each action are in what was known before, without weights and with them.
    overlap : DataFrame
        Moments of both arms by classes of the chance of treatment.
    controls : DataFrame
        Negative controls: the effect of each action on the answer *before* the unhappy one, which no action
        can have; one that shows an effect says that the arms differ in what is not recorded.
    by_themselves : Estimate
        Share happy at the next answer of those whom nothing was done for.
    n, n_customers : int
        Unhappy moments, and their customers.
    dropped : mapping of str to int
        Unhappy answers left out, by reason.
    finding : str
    notes : tuple of str
    level : float
    """

    question: str
    grace_days: float
    horizon_days: float
    table: pd.DataFrame
    groups: pd.DataFrame
    balance: pd.DataFrame
    overlap: pd.DataFrame
    controls: pd.DataFrame
    by_themselves: Estimate
    n: int
    n_customers: int
    dropped: Mapping[str, int]
    finding: str
    notes: tuple[str, ...]
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What each action did, {level} intervals; {n:,} unhappy moments",
            columns=(
                Column(name="action", label="action", meaning="kind of event"),
                Column(name="outcome", label="outcome", meaning="what followed"),
                Column(
                    name="effect",
                    label="effect",
                    meaning="with the action less without it",
                    unit_from="difference_unit",
                    low="low",
                    high="high",
                ),
                Column(
                    name="with_action",
                    label="with",
                    meaning="mean with it, in the overlap",
                    unit_from="unit",
                ),
                Column(
                    name="without",
                    label="without",
                    meaning="mean without it, in the overlap",
                    unit_from="unit",
                ),
                Column(
                    name="naive",
                    label="plain difference",
                    meaning="of those treated and all others: not the effect",
                    unit_from="difference_unit",
                ),
                Column(name="n", label="n", meaning="moments with the outcome", unit=Unit.COUNT),
                Column(name="n_treated", label="treated", meaning="moments with the action", unit=Unit.COUNT),
                Column(
                    name="p_holm", label="p", meaning="Holm over all actions and outcomes", unit=Unit.P_VALUE
                ),
                Column(name="verdict", label="verdict", meaning="one of four"),
                Column(
                    name="would_decide",
                    label="would decide",
                    meaning="moments that would find an effect of the margin in 4 of 5 studies",
                    unit=Unit.COUNT,
                ),
            ),
        ),
        "balance": TableSpec(
            title="How alike both arms are, in standard deviations",
            columns=(
                Column(name="action", label="action", meaning="kind of event"),
                Column(name="column", label="known before", meaning="what was known by the moment"),
                Column(name="before", label="plain", meaning="difference of the arms", unit=Unit.RATIO),
                Column(
                    name="after",
                    label="weighted",
                    meaning="difference under overlap weights",
                    unit=Unit.RATIO,
                ),
            ),
        ),
        "controls": TableSpec(
            title="Effects that cannot be: on the answer before the unhappy one",
            columns=(
                Column(name="action", label="action", meaning="kind of event"),
                Column(
                    name="effect",
                    label="effect",
                    meaning="on the earlier answer",
                    unit=Unit.SCORE,
                    low="low",
                    high="high",
                ),
                Column(name="p_value", label="p", meaning="against none", unit=Unit.P_VALUE),
                Column(name="n", label="n", meaning="moments with an earlier answer", unit=Unit.COUNT),
            ),
        ),
    }


def recovery(
    study: Study,
    *,
    unhappy: str = "nps",
    actions: Sequence[str],
    grace_days: float = 14,
    horizon_days: float = 90,
    outcomes: Sequence[str] | Mapping[str, float] = _DEFAULT_OUTCOMES,
    by: str | None = None,
    level: float = 0.95,
) -> Recovery:
    """Judge what was done for unhappy customers as a randomised trial would have.

    Eligible is whoever gives an unhappy answer while a customer and stays over the grace time; treated is for
    whom the action comes within the grace time, before any new answer; outcomes are counted from its end on.
    Both arms are made alike in all that was known by the answer: the answer itself and the one before,
    tenure, tickets, revenue, date, segments, earlier and other actions.

    Parameters
    ----------
    study : Study
        With customers, responses and events that name a customer.
    unhappy : str
        The question; its scale says which answers are unhappy (``bottom``) and happy (``top``).
    actions : sequence of str
        Kinds of events, each judged by itself with the others held.
    grace_days : float
        Time within which an action counts as an answer to the unhappiness.
    horizon_days : float
        Days after the grace time over which outcomes are counted.
    outcomes : sequence of str, or mapping of str to float
        Among ``happy_again``, ``next_score``, ``churn``, ``revenue``, ``tickets``; as a mapping with the
        smallest effect that matters, set before looking.
    by : str, optional
        A segment; effects by group are shown with the test of their equality.
    level : float
        Of the intervals.

    Returns
    -------
    Recovery

    Raises
    ------
    ArgumentError
        If a question, an action, an outcome or a segment is not known.
    DataError
        If nobody is eligible, or an action has fewer than 20 customers with it or without it.

    Notes
    -----
    Effects are means under overlap weights, by cross-fitted residuals on residuals (see
    :func:`cxresearch.stats.effects.overlap_effect.overlap_effect`). Outcomes that only an answer tells weigh
    each answer by one over its chance; ``silent_low`` and ``silent_high`` bound the effect whatever the
    silent would have said. What is not recorded cannot be adjusted for: ``controls`` and ``e_value`` say how
    much that would take.

    References
    ----------
    Hernan and Robins (2016), doi:10.1093/aje/kwv254; Li, Morgan and Zaslavsky (2018),
    doi:10.1080/01621459.2016.1260466; VanderWeele and Ding (2017), doi:10.7326/M16-2607.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> from cxresearch.scales import NPS
    >>> rng = np.random.default_rng(5)
    >>> ids = [f"c{i}" for i in range(600)]
    >>> first = pd.Timestamp("2024-02-01")
    >>> called = rng.random(600) < 0.5
    >>> later = np.where(called, 8, 6) + rng.integers(-1, 2, 600)
    >>> times = {
    ...     "customer_id": ids * 2,
    ...     "responded_at": [first] * 600 + [first + pd.Timedelta(days=60)] * 600,
    ... }
    >>> tables = {
    ...     "customers": pd.DataFrame({"customer_id": ids, "started_at": pd.Timestamp("2023-01-01")}),
    ...     "responses": pd.DataFrame(
    ...         {**times, "instrument": "nps", "score": [*rng.integers(0, 7, 600), *later]}
    ...     ),
    ...     "events": pd.DataFrame(
    ...         {
    ...             "customer_id": np.array(ids)[called],
    ...             "occurred_at": first + pd.Timedelta(days=3),
    ...             "kind": "call_back",
    ...         }
    ...     ),
    ... }
    >>> study = Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": NPS})
    >>> effect = recovery(study, actions=["call_back"], outcomes=["next_score"]).table.iloc[0]
    >>> bool(effect["low"] < 2 < effect["high"]), effect["verdict"]
    (True, 'helps')
    """
    level = check_level(level)
    check_number("grace_days", grace_days, above=0)
    check_number("horizon_days", horizon_days, above=0)
    scale = unhappy_question(study, unhappy)
    kinds = checked_outcomes(outcomes)
    chosen = tuple(dict.fromkeys(actions))
    if not chosen:
        raise ArgumentError("no action is named", wanted="kinds of events, such as actions=['call_back']")
    lines = study_timelines(study, scale, chosen)
    moments = unhappy_moments(lines, scale, grace_days=grace_days, gap_days=grace_days)
    results = moment_outcomes(lines, moments, scale, grace_days=grace_days, horizon_days=horizon_days)
    treated = {action: _treated(lines, moments, action, grace_days) for action in chosen}
    trial = EmulatedTrial(
        lines=lines,
        moments=moments,
        results=results,
        treated=treated,
        grace_days=grace_days,
        horizon_days=horizon_days,
        level=level,
    )
    return _judged(trial, scale, kinds, by)


def _treated(lines: StudyTimelines, moments: EligibleMoments, action: str, grace_days: float) -> Bools:
    """Whether the action came within the grace time and before any new answer.

    An action after a new answer answers that one, not the unhappy one: counting it would credit the action
    with a recovery that came before it.
    """
    line = lines.actions[action]
    place = line.first_after(moments.customer, moments.moment)
    acted = line.time_at(place)
    answered = lines.answers.time_at(lines.answers.first_after(moments.customer, moments.moment))
    in_time = acted <= moments.moment + int(grace_days * DAY)
    after_a_new_answer = answered < acted
    if in_time.any() and (after_a_new_answer | ~in_time).all():
        raise DataError(
            f"{action} only ever came after the next answer: it follows recovery and cannot bring it about",
            where=f"{int(in_time.sum()):,} unhappy answers followed by {action} within {grace_days:g} days",
            wanted="actions before the customer answers again",
            next_step="check the dates of the events; take a shorter grace_days",
        )
    return in_time & ~after_a_new_answer


def _judged(
    trial: EmulatedTrial, scale: Scale, kinds: dict[str, tuple[OutcomeKind, float]], by: str | None
) -> Recovery:
    rows: list[dict[str, Any]] = []
    groups: list[pd.DataFrame] = []
    balances: list[pd.DataFrame] = []
    overlaps: list[pd.DataFrame] = []
    controls: list[dict[str, Any]] = []
    segment = _segment(trial, by)
    for action in trial.treated:
        arms = trial.arms(action)
        for kind, margin in kinds.values():
            rows.append(effect_row(trial, arms, kind, margin))
            if segment is not None:
                groups.append(effects_by_group(trial, arms, kind, segment))
        balances.append(arms.balance)
        overlaps.append(arms.overlap)
        controls.append(negative_control(trial, arms))
    table = with_holm(pd.DataFrame(rows))
    recovered = recovered_by_themselves(trial)
    balance = pd.concat(balances, ignore_index=True)
    control = pd.DataFrame(controls)
    return Recovery(
        question=scale.label,
        grace_days=trial.grace_days,
        horizon_days=trial.horizon_days,
        table=table,
        groups=pd.concat(groups, ignore_index=True) if groups else pd.DataFrame(),
        balance=balance,
        overlap=pd.concat(overlaps, ignore_index=True),
        controls=control,
        by_themselves=recovered,
        n=len(trial.moments),
        n_customers=len(np.unique(trial.moments.customer)),
        dropped=trial.moments.dropped,
        finding=recovery_finding(table, recovered, grace_days=trial.grace_days, level=trial.level),
        notes=recovery_notes(trial, balance, control),
        level=trial.level,
    )


def _segment(trial: EmulatedTrial, by: str | None) -> pd.Series[Any] | None:
    if by is None:
        return None
    segments = trial.lines.segments
    if by not in segments:
        raise ArgumentError(
            f"the study has no segment {by!r}",
            wanted="one of " + listed(segments.columns),
            next_step=did_you_mean(by, segments.columns),
        )
    return segments[by].iloc[trial.moments.customer].reset_index(drop=True)
