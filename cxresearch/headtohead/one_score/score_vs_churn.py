"""``score_vs_churn``: whether one score tells who leaves, and how the silent fare beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_level, check_number
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.data.landmarks.outcome_columns import columns_that_know
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.contest import FEW, checked_censoring
from cxresearch.headtohead.contest.contest_judgement import SUSPICIOUS
from cxresearch.headtohead.contest.contest_metrics import AUC, measured
from cxresearch.headtohead.contest.contest_rows import (
    ContestRows,
    answered_scores,
    complete_rows,
    horizons_of,
    row_weights,
)
from cxresearch.headtohead.contest.verdicts import Pair, needed_rows
from cxresearch.headtohead.contest.weighed_rows import MARGINAL, HorizonRows, weigh
from cxresearch.headtohead.one_score.answer_table import answer_table
from cxresearch.headtohead.one_score.score_verdict import ScoreVerdict
from cxresearch.headtohead.one_score.score_words import (
    KNOWS,
    power_cautions,
    score_sentence,
    silence_cautions,
    silence_sentence,
    told_verdict,
    verdict_of,
)
from cxresearch.headtohead.one_score.silence import (
    GroupChurn,
    answered_rows,
    asked_rows,
    churn_gap,
    churn_of,
    customer_codes,
)
from cxresearch.headtohead.one_score.who_answers import who_answers
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Places
    from cxresearch.data.landmarks.landmarks import Landmarks


def score_vs_churn(
    marks: Landmarks,
    score: str | None = None,
    *,
    horizon_days: float | None = None,
    level: float = 0.95,
    margin: float = 0.02,
    clusters: str | None = "customer_id",
    weights: str | ArrayLike | None = None,
    censoring: str | Sequence[str] = MARGINAL,
) -> ScoreVerdict:
    """Judge whether one score tells who will leave, and show who is silent.

    The contest of one: ``AUC_h`` for voluntary churn within h days of the landmark against .5, on the rows
    that have an answer, the score turned by its declared direction; and beside it the churn of those who gave
    none, without which a score of people about to decide looks like one of all customers.

    Parameters
    ----------
    marks : Landmarks
        From :func:`cxresearch.landmark` with ``keep_silent=True``, so that the silent can be counted.
    score : str, optional
        The instrument; may be left away where only one was answered.
    horizon_days : float, optional
        By default that of the landmarks.
    level : float
        Confidence level.
    margin : float
        Largest distance from .5 that counts as no guide; to be set before looking at the data.
    clusters : str or None
        Column whose rows depend on each other. None treats every row as a customer of its own.
    weights : str, or array-like of shape (rows of marks,), optional
        Positive weights of answers, or the column that holds them; see
        :func:`cxresearch.contest.answer_weights`. They go into AUC and churn by answer; the silent have none.
    censoring : "marginal" or sequence of str
        As in :func:`cxresearch.compare`; for the AUC.

    Returns
    -------
    ScoreVerdict

    Raises
    ------
    ArgumentError
        An unknown instrument, several and none named, or a setting out of range.
    DataError
        Nobody or everybody left, nobody is followed past the horizon, one distinct answer, no answer at all.

    Notes
    -----
    Missing answers are silence: such rows are in no AUC, and are a line of their own in the table. The
    verdict is by the rule of the contest: *no guide* if two one-sided tests rule out an AUC as far as
    `margin` from .5, even where it is not .5; else *tells who leaves* or *runs backwards* if .5 is ruled out;
    else *inconclusive*, with the rows that would decide. *Knows who left* if the AUC is .95 or more, or the
    answers alone tell leavers from stayers almost without error. Errors are summed within customer, with
    Student's t by the fewest of leavers, stayers and customers. See docs/head-to-head.md, "One score".

    References
    ----------
    Blanche et al. (2013), doi:10.1002/sim.5958; Schuirmann (1987), doi:10.1007/BF01068419; Zou and Donner
    (2008), doi:10.1002/sim.3095, for the difference from the silent.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=8_000, nonresponse=True)
    >>> result = cx.contest.score_vs_churn(marks, "nps")
    >>> result.verdict
    'tells who leaves'
    >>> result.auc
    AUC of NPS 0.585 [0.539, 0.630], n 1,976
    """
    require_landmarks(marks)
    name = _score(marks, score)
    level = check_level(level)
    margin = check_number("margin", margin, above=0, below=0.5)
    horizon = horizons_of(marks, horizon_days)[0]
    censoring = checked_censoring(censoring)
    rows = complete_rows(marks, (name,), (horizon,), clusters=clusters, weights=weights)
    at = weigh(rows, (horizon,), form="raw", censoring=censoring)[0]
    pair, cases, controls = _against_chance(at, level=level, margin=margin)
    # Whatever its AUC: .944 of a score measured on the way out is no triumph.
    knows = bool(columns_that_know(marks, [name])) or pair.first_auc >= SUSPICIOUS
    verdict = verdict_of(pair, knows=knows)
    # The groups are of all rows, each followed by itself.
    codes = customer_codes(marks.frame, clusters)
    groups = tuple(_groups(marks, name, codes, horizon, level))
    answered, silent = groups[0], _named(groups, SILENT)
    gap = None
    if silent is not None and not np.isnan(answered.churn + silent.churn):
        gap = churn_gap(answered, silent, horizon_days=horizon, level=level)
    sentences = score_sentence(verdict, pair, horizon_days=horizon), silence_sentence(answered, silent, gap)
    notes = (
        *_cautions(verdict, pair, cases=cases, controls=controls, customers=rows.n_customers),
        *silence_cautions(pair.first, silent, gap),
        *rows.cautions,
    )
    return ScoreVerdict(
        score=name,
        label=pair.first,
        finding=" ".join(filter(None, sentences)),
        verdict=told_verdict(verdict, pair),
        auc=_estimate(pair, verdict),
        p_chance=pair.p_value,
        p_no_guide=pair.p_equivalence,
        rows_to_decide=needed_rows(pair),
        gap=gap,
        table=answer_table(
            marks,
            name,
            codes=codes,
            horizon_days=horizon,
            level=level,
            weights=row_weights(marks, weights),
        ),
        groups=_group_table(groups),
        who=who_answers(marks, answered_rows(marks, [name]), codes=codes, level=level),
        left_out=rows.left_out,
        horizon_days=horizon,
        level=level,
        margin=margin,
        n=rows.fit.n,
        n_customers=rows.n_customers,
        n_cases=cases,
        n_controls=controls,
        response_rate=answered.rows / marks.n_rows,
        notes=notes,
        settings={"weighted": weights is not None, "clusters": clusters, "censoring": censoring},
    )


ANSWERED = "answered"
SILENT = "silent"
ASKED_SILENT = "silent, known to have been asked"
EVERYBODY = "everybody"


def _score(marks: Landmarks, score: str | None) -> str:
    """Return the score to judge: the one named, or the only one that was answered."""
    if not marks.instruments:
        raise DataError(
            "there is no score to judge: the study has no table responses, or declares no instrument",
            wanted="customers' answers to one question, such as NPS",
            next_step="add a [[sources]] with table = 'responses' to the study file, and the scale to "
            "[instruments]; `cxresearch check` says what else is missing",
        )
    if score is None:
        answered = answered_scores(marks) or tuple(marks.instruments)
        if len(answered) > 1:
            raise ArgumentError(
                f"{len(answered)} questions were answered, and none is named",
                wanted="one of " + ", ".join(map(repr, answered)),
                next_step="name it (in a report: --set score=...), or compare them with cx.compare",
            )
        return answered[0]
    if score not in marks.instruments:
        raise ArgumentError(
            f"unknown instrument {score!r}",
            wanted="one of " + ", ".join(map(repr, marks.instruments)),
            next_step="declare the instrument under [instruments] in the study file",
        )
    return score


def _against_chance(at: HorizonRows, *, level: float, margin: float) -> tuple[Pair, int, int]:
    """Measure the score and set it against a coin toss; with the leavers and stayers counted."""
    # H0: AUC = 1/2, and the two one-sided H0: |AUC - 1/2| >= margin (Schuirmann 1987).
    rows: ContestRows = at.rows
    measure = measured((at,), AUC)
    value = float(measure.value[0, 0])
    se = float(measure.standard_errors(clusters=rows.clusters)[0, 0])
    if not se > 0:
        se = float("nan")  # all pairs are told apart: no error is no evidence of certainty
    # Student's t with (fewest - 1) degrees of freedom, stretched by fewest / (fewest - 1); see Reference.
    reference = at.reference_of(measure.influence[0, 0])
    half = reference.critical(level) * se
    pair = Pair(
        first=rows.labels[0],
        second="chance",
        first_auc=value,
        second_auc=0.5,
        difference=value - 0.5,
        low=float(np.maximum(value - half, 0.0)) - 0.5,
        high=float(np.minimum(value + half, 1.0)) - 0.5,
        se=se,
        p_value=reference.p_value(value - 0.5, se),
        p_equivalence=reference.p_equivalence(value - 0.5, se, margin),
        n=rows.fit.n,
        margin=margin,
        level=level,
    )
    return pair, int(measure.cases[0]), int(measure.controls[0])


def _estimate(pair: Pair, verdict: str) -> Estimate:
    note = ""
    if verdict == KNOWS:
        note = "suspiciously good"
    return Estimate(
        name=f"AUC of {pair.first}",
        value=pair.first_auc,
        low=0.5 + pair.low,
        high=0.5 + pair.high,
        level=pair.level,
        se=pair.se,
        n=pair.n,
        unit=Unit.AUC,
        method="IPCW AUC, influence function summed by customer",
        denominator="rows with an answer",
        note=note,
    )


def _groups(
    marks: Landmarks, score: str, codes: Places, horizon_days: float, level: float
) -> Iterator[GroupChurn]:
    """Yield the churn of those who answered, first, and of the others as far as there are any."""
    answered = answered_rows(marks, [score])
    parts: dict[str, Bools] = {ANSWERED: answered, SILENT: ~answered}
    asked = asked_rows(marks)
    if asked is not None:
        parts[ASKED_SILENT] = asked & ~answered
    parts[EVERYBODY] = np.ones(len(answered), dtype=bool)
    for name, member in parts.items():
        if member.any():
            yield churn_of(marks, name, member, codes=codes, horizon_days=horizon_days, level=level)


def _named(groups: Sequence[GroupChurn], name: str) -> GroupChurn | None:
    return next((group for group in groups if group.group == name), None)


def _group_table(groups: Sequence[GroupChurn]) -> pd.DataFrame:
    import pandas as pd

    every = groups[-1].rows
    return pd.DataFrame(
        [
            {
                "group": part.group,
                "rows": part.rows,
                "customers": part.customers,
                "share": part.rows / every,
                "leavers": part.leavers,
                "churn": part.churn,
                "low": part.low,
                "high": part.high,
            }
            for part in groups
        ]
    )


def _cautions(verdict: str, pair: Pair, *, cases: int, controls: int, customers: int) -> Iterator[str]:
    yield from power_cautions(verdict, pair)
    for who, count in {"leavers": cases, "customers still there": controls, "customers": customers}.items():
        if count < FEW:
            yield f"only {count} {who} among those who answered: intervals are wide and rough"
