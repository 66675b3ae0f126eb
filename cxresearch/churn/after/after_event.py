"""Survival after an experience against customers of the same tenure who have not had it yet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cxresearch.checks import check_choice, check_columns, check_level, check_number
from cxresearch.churn.after.after_event_result import AFTER, MATCHED, AfterEvent
from cxresearch.churn.after.after_outcomes import compared_outcomes, wanted_outcomes
from cxresearch.churn.after.answers_before import answers_before, dependence, group_shares
from cxresearch.churn.after.experiences import experiences
from cxresearch.churn.after.matched_customers import draw, matched_rows, people_of
from cxresearch.churn.churn_kinds import KIND_NAMES, Kind, check_kind
from cxresearch.churn.curves.churn_curve import curve_from
from cxresearch.churn.curves.compare_curves import compare_curves
from cxresearch.churn.curves.survival_sample import SurvivalInput
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxWarning
from cxresearch.results.units import Unit
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.survival.risk_table import survival_rows
from cxresearch.units_of_time import DAYS_A_MONTH


def after_event(  # noqa: PLR0913 - each option is one the reader of the result must know
    study: Study,
    *,
    event: Any,
    kind: Kind = "any",
    matches: int = 5,
    match_on: str | Sequence[str] | None = None,
    among: str | None = None,
    outcomes: Sequence[str] | Mapping[str, float] = ("churn",),
    open_days: float = 7,
    horizon: float | None = None,
    unit: str = "days",
    level: float = 0.95,
    seed: int = 0,
) -> AfterEvent:
    """Follow customers from a bad experience on, beside matched customers without it.

    Each customer counts from the first time it happens to them. For each, ``matches`` others are drawn who
    were customers at the same tenure, agree on ``match_on``, and had not had the event by that tenure
    (balanced risk-set matching); they are followed from that tenure on, whatever happens to them later. So
    both groups have stayed equally long, and nobody is chosen by what came afterwards.

    This describes; it does not prove that the event is the cause. Who has a bad experience may differ in
    other ways: look at ``balance`` and ``answers``, and match on what matters. Something done *because* a
    customer was unhappy cannot be judged like this: where the event depends on the last score, a warning says
    so, and :func:`cxresearch.recovery` is the tool.

    Parameters
    ----------
    study : Study
        Needs customers, and the table the event comes from. Churn is dated at the notice, where known.
    event : str or frame
        ``"detractor"``, ``"unresolved_ticket"``, ``"low_<instrument>"``, a kind of the events table, or a
        frame with customer_id and occurred_at.
    kind : {"any", "voluntary", "involuntary"}
        What counts as churn; ``"any"`` unless asked otherwise, as everywhere.
    matches : int
        Others for each customer with the event; fewer where fewer are eligible.
    match_on : str or sequence of str, optional
        Columns of customers that must agree.
    among : str, optional
        ``"detractor"`` or ``"low_<instrument>"``: both groups are drawn from customers whose latest answer by
        then was unhappy; an event at another time does not count.
    outcomes : sequence of str, or mapping of str to float
        Besides ``"churn"``: ``"next_score"``, ``"happy_again"``, ``"revenue"`` over 90 days, or over the days
        of a mapping; ``"next_score:csat"`` names the question.
    open_days : float
        For ``"unresolved_ticket"``: days a ticket is open before it counts; the event is that day.
    horizon : float, optional
        Time after the event at which the groups are compared, in ``unit``; by default as far as both were
        followed.
    unit : {"days", "months"}
        Unit of time.
    level : float
        Confidence level.
    seed : int
        Of the draw.

    Returns
    -------
    AfterEvent

    Raises
    ------
    ArgumentError
        If the event, a column, a question or an outcome is not known.
    DataError
        If it happens to nobody while a customer, or nobody can be matched.

    Warns
    -----
    CxWarning
        If those to whom it happened had answered otherwise before it than their matches: by a tenth of a
        standard deviation or more and beyond chance. For an event that is itself an answer, a note says so.

    Notes
    -----
    The hazard ratio compares the two groups as wholes (within the groups of ``match_on``), with errors robust
    to customers who appear more than once. A Cox regression within matched sets is not used: its robust
    errors are a fifth too small in sets of four (simulated), because a risk mean over four people is itself
    a guess.

    References
    ----------
    Li, Propert and Rosenbaum 2001, doi:10.1198/016214501753208573; Austin 2014, doi:10.1002/sim.5984.

    Examples
    --------
    >>> import cxresearch as cx
    >>> result = cx.curves.after_event(
    ...     cx.synthetic.synthetic_study(customers=2000), event="detractor", horizon=180
    ... )
    >>> result.n_matched <= result.n_events
    True
    """
    check_level(level)
    check_choice("unit", unit, ("days", "months"))
    check_kind(kind)
    if not isinstance(study, Study):
        raise ArgumentError(f"study is {type(study).__name__}", wanted="a Study")
    if isinstance(matches, bool) or int(matches) != matches or matches < 1:
        raise ArgumentError(f"matches is {matches!r}", wanted="a whole number from 1")
    check_number("open_days", open_days, at_least=0)
    label, moments = experiences(study, event, open_days=open_days)
    matched_on = check_columns("match_on", match_on)
    wanted = wanted_outcomes(study, outcomes, among)
    people = people_of(study, moments, matched_on, among=among)
    drawn = draw(people, int(matches), np.random.default_rng(seed))
    # Time counts from the event; for a control from the tenure at which it happened to its case.
    rows = matched_rows(people, drawn, DAYS_A_MONTH if unit == "months" else 1.0)
    sample = SurvivalInput(
        rows=survival_rows(rows["duration"], rows["event"], clusters=rows["person"]),
        group=(1 - rows["exposed"]).to_numpy(dtype=np.int64),
        groups=(AFTER, MATCHED),
        strata=None,
        unit=Unit(unit),
        by="event",
        axis="event",
        name=study.name,
        kinds=KIND_NAMES,
    )
    curve = curve_from(sample, kind=kind, level=level)
    # Ends of another kind are censoring.
    churned = sample.of_kind(kind).rows.event
    # Strata are the groups of `match_on`, not the matched sets: see Notes.
    data = cox_data(
        rows["duration"], churned, rows[["exposed"]], strata=rows["stratum"], clusters=rows["person"]
    )
    exposed = int(people.exposed.sum())
    answers = answers_before(study, people, rows, level=level)
    notes = _notes(label, matched_on, among, unmatched=exposed - drawn.case_count)
    unlike = dependence(answers, label)
    if unlike and not label.endswith("answer"):
        warnings.warn(
            "; ".join(unlike) + ". Next: cx.recovery for what was done about unhappiness, or "
            "among='detractor' to compare the unhappy with the unhappy.",
            CxWarning,
            stacklevel=2,
        )
    return AfterEvent(
        event=label,
        curve=curve,
        # Customers who appear more than once are clusters.
        comparison=compare_curves(curve, horizon=horizon, level=level),
        hazard=fit_of(data, level=level),
        n_events=exposed,
        n_matched=drawn.case_count,
        n_controls=int(drawn.control.size),
        matches=int(matches),
        matched_on=matched_on,
        balance=group_shares(people, drawn),
        answers=answers,
        outcomes=compared_outcomes(study, people, rows, wanted, level=level),
        among=among or "",
        notes=(*notes, *unlike),
    )


def _notes(label: str, matched_on: tuple[str, ...], among: str | None, *, unmatched: int) -> list[str]:
    """Say whom the customers are compared with, and who found no match."""
    notes = ["matched on tenure only"]
    if matched_on:
        notes = [f"matched on tenure and {', '.join(matched_on)}"]
    if among:
        notes.append("on both sides only customers whose latest answer by then was unhappy")
    if unmatched:
        notes.append(f"{unmatched:,} customers found no match and are left out")
    if label.endswith("answer"):
        notes.append("matched customers may have answered otherwise, or not at all")
    return notes
