"""``compare``: which score tells best who will leave, on the same rows, with a verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.data.landmarks.landmark_outcomes import LandmarkOutcome
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.data.landmarks.outcome_columns import telling_columns
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest_curves import (
    calibration_table,
    decision_curve,
    lift_points,
    roc_points,
)
from cxresearch.headtohead.contest.contest_judgement import Judgement, Rule, judge
from cxresearch.headtohead.contest.contest_metrics import METRICS
from cxresearch.headtohead.contest.contest_rows import complete_rows, contestants, horizons_of
from cxresearch.headtohead.contest.forms import FORMS
from cxresearch.headtohead.contest.weighed_rows import MARGINAL, HorizonRows, weigh

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.data.landmarks.landmark_outcomes import LandmarkOutcome
from cxresearch.data.landmarks.landmarks import Landmarks

#: Fewer leavers, stayers or customers than this are named.
FEW = 30
#: Measured unless asked otherwise.
USUAL_METRICS = ("auc_all", "brier", "ipa", "lift", "net_benefit", "calibration", "uno_c")

#: Fewer leavers can be ranked first by chance.
_LEAST_FOR_A_LEAK = 10


def compare(  # noqa: PLR0913 - each is a decision of the analyst; Protocol holds them as one object
    marks: Landmarks,
    scores: Sequence[str],
    *,
    horizon_days: float | Sequence[float] | None = None,
    level: float = 0.95,
    margin: float = 0.02,
    clusters: str | None = "customer_id",
    primary: tuple[str, str] | None = None,
    form: str = "raw",
    weights: str | ArrayLike | None = None,
    censoring: str | Sequence[str] = MARGINAL,
    metrics: Sequence[str] = USUAL_METRICS,
) -> Comparison:
    """Compare how well scores tell who will leave, or what else the landmarks follow (``outcome``).

    Estimand: ``AUC_h(A) - AUC_h(B)`` for voluntary churn (or the outcome of the landmarks, with which leaving
    competes) within h days of the landmark, controls followed past h without either, on the same rows, each
    score turned by its declared direction so that higher means riskier, or likelier to have a good outcome
    such as expansion. A score that runs backwards is named in ``notes`` and never turned round.

    Parameters
    ----------
    marks : Landmarks
        From :func:`cxresearch.landmark` or :func:`cxresearch.synthetic.synthetic_landmarks`. Rows without
        an answer to every contestant are left out and counted.
    scores : sequence of str
        Two or more instruments; the first two are the primary pair unless `primary` says otherwise. A plan
        frozen beforehand has a door of its own, :meth:`cxresearch.Protocol.compare`.
    horizon_days : float or sequence of float, optional
        The first is the primary one; by default that of the landmarks.
    level : float
        Confidence level.
    margin : float
        Largest difference of AUC that counts as none; to be set before looking at the data.
    clusters : str or None
        Column whose rows depend on each other. None treats every row as a customer of its own.
    primary : tuple of str, optional
        The contrast named beforehand. It is judged by its own p-value, all others by Holm's.
    form : {"raw", "top_box", "categories", "matched", "spline"}
        The same for every contestant; see :func:`cxresearch.headtohead.contest.forms.in_form`.
        ``"spline"`` ranks by a cross-fitted curve and may turn a score round.
    weights : str, or array-like of shape (rows of marks,), optional
        Positive row weights or the column that holds them, carried through the whole chain; see
        :func:`cxresearch.contest.response_weights`.
    censoring : "marginal" or sequence of str
        What being followed to the horizon may depend on. ``"marginal"``: on nothing but time (reverse
        Kaplan-Meier). Columns of the landmarks (features, segments, scores): a Cox regression of being
        censored on them, whose estimation is part of every standard error. Missing numbers are a category of
        their own. `weights` go into either.
    metrics : sequence of str
        Further metrics: ``auc_all`` (customers who left involuntarily count as stayers), ``brier``, ``ibs``
        (the Brier score averaged over time), ``ipa``, ``lift``, ``net_benefit`` (with the decision curve),
        ``calibration`` (with churn by answer), ``uno_c``, ``harrell_c``. Empty for AUCs alone.

    Returns
    -------
    Comparison

    Raises
    ------
    ArgumentError
        An unknown instrument or column, or a setting out of range.
    DataError
        Nobody or everybody left, nobody is followed past the horizon, a score with one distinct value, no
        complete row.

    Notes
    -----
    AUCs are weighted by the inverse probability of being observed; standard errors come from influence
    functions that include the estimation of that probability, summed within customer. Verdicts: a pair is
    *equivalent* if two one-sided tests rule out a difference as large as `margin`; otherwise one is *better*
    if the difference is significant at ``1 - level``; otherwise *inconclusive*, with the number of rows that
    would decide with 80 % probability if the truth is what was observed. A contestant that knows who left
    (``columns_that_know``), whatever its AUC, is named and left out; where no two others are there, and with
    an AUC of .95 or more, the verdict is *no contest*. Risks for Brier score and net
    benefit are cross-fitted over five folds of customers and taken as given in their standard errors.

    References
    ----------
    DeLong et al. (1988), doi:10.2307/2531595; Blanche et al. (2013), doi:10.1002/sim.5958; Holm (1979),
    https://www.jstor.org/stable/4615733; Schuirmann (1987), doi:10.1007/BF01068419.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=5_000, scenario="base")
    >>> cx.compare(marks, ["ces", "nps"]).verdict
    'inconclusive: you would need 16,600 rows'
    """
    require_landmarks(marks)
    named = contestants(marks, scores)
    horizons_days = horizons_of(marks, horizon_days)
    pair = _primary(named, primary)
    censoring = checked_censoring(censoring)
    modelled: tuple[str, ...] = ()
    if censoring != MARGINAL:
        modelled = tuple(censoring)
    knowing = telling_columns(
        marks.frame, [*named, *modelled], scores=marks.instruments, horizon_days=float(marks.horizon_days)
    )
    names = _without(named, knowing)
    if not set(pair) <= set(names):
        # The pair named beforehand is gone: the first two that are left, as if none had been named.
        pair = names[0], names[1]
        primary = None
    settings = _Settings(
        scores=names,
        horizons_days=horizons_days,
        level=check_level(level),
        margin=check_number("margin", margin, above=0, below=0.5),
        clusters=clusters,
        primary=pair,
        primary_named=primary is not None,
        form=check_choice("form", form, FORMS),
        weighted=weights is not None,
        censoring=_without_columns(censoring, knowing),
        knowing=knowing,
        metrics=tuple(check_choice("metrics", name, METRICS) for name in metrics),
    )
    rows = complete_rows(marks, names, horizons_days, clusters=clusters, form=form, weights=weights)
    contest = weigh(rows, horizons_days, form=form, censoring=settings.censoring)
    judgement = judge(contest, settings.usable_metrics, settings.rule)
    return _comparison(contest, judgement, settings)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Settings:
    """Checked settings of a contest."""

    scores: tuple[str, ...]
    horizons_days: tuple[float, ...]
    level: float
    margin: float
    clusters: str | None
    primary: tuple[str, str]
    primary_named: bool
    form: str
    weighted: bool
    censoring: str | tuple[str, ...]
    metrics: tuple[str, ...]
    #: Columns that know who left, with a sentence each.
    knowing: Mapping[str, str]

    @property
    def rule(self) -> Rule:
        """What every metric is judged by."""
        # The primary pair first, in the direction named.
        others = [pair for pair in combinations(self.scores, 2) if set(pair) != set(self.primary)]
        return Rule(pairs=(self.primary, *others), level=self.level, margin=self.margin)

    @property
    def usable_metrics(self) -> list[str]:
        """Metrics in the order of tables, without those that cannot follow a model of censoring."""
        modelled = self.censoring != MARGINAL
        return [
            name
            for name, definition in METRICS.items()
            if name in self.metrics and not (modelled and definition.marginal_only)
        ]

    def plain(self) -> dict[str, Any]:
        """Return the settings as a report or a file keeps them: lists instead of tuples."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }


def _comparison(contest: tuple[HorizonRows, ...], judgement: Judgement, settings: _Settings) -> Comparison:
    """Tell what was judged."""
    rows, primary = contest[0].rows, contest[0]
    main = judgement.contrasts.loc[judgement.contrasts["primary"]].iloc[0]
    table = judgement.table
    table.loc[table["score"].isin(list(settings.knowing)), "reading"] = "suspiciously good"
    notes = (
        *_knowing_notes(settings),
        *_cautions(judgement.table, rows.outcome),
        *_unnamed(settings, main),
        *_censoring_notes(settings),
        *rows.cautions,
    )
    finding = _finding(main["finding"], table, settings.primary, primary.horizon_days, rows.outcome)
    verdict = main["verdict"]
    leaky = _leaky(table, settings.primary, primary.horizon_days)
    # Two leavers that a score happens to put first are no leak: a claim of one needs some.
    if len(leaky) and judgement.n_cases >= _LEAST_FOR_A_LEAK:
        verdict = f"no contest: {_who_knows(leaky)}"
        finding = _no_contest(leaky)
    calibration = decision = pd.DataFrame()
    if "calibration" in settings.metrics:
        calibration = calibration_table(primary, level=settings.level)
    if "net_benefit" in settings.metrics:
        decision = decision_curve(primary)
    return Comparison(
        finding=finding,
        verdict=verdict,
        primary=settings.primary,
        horizon_days=primary.horizon_days,
        table=table,
        contrasts=judgement.contrasts,
        metrics=judgement.metrics,
        metric_contrasts=judgement.metric_contrasts,
        calibration=calibration,
        decision=decision,
        roc=roc_points(contest),
        lift=lift_points(contest),
        left_out=rows.left_out,
        notes=notes,
        level=settings.level,
        margin=settings.margin,
        n=rows.fit.n,
        n_customers=rows.n_customers,
        n_cases=judgement.n_cases,
        form=settings.form,
        settings=settings.plain(),
        outcome=rows.outcome.name,
    )


def checked_censoring(censoring: str | Sequence[str]) -> str | tuple[str, ...]:
    """Return ``"marginal"`` or the columns of the model of censoring."""
    if censoring == MARGINAL:
        return MARGINAL
    if isinstance(censoring, str) or not censoring:
        raise ArgumentError(
            f"censoring is {censoring!r}", wanted="'marginal', or a list of columns such as ['segment']"
        )
    return tuple(censoring)


def _without(named: tuple[str, ...], knowing: Mapping[str, str]) -> tuple[str, ...]:
    """Contestants without those that know who left, as long as two are left to compare."""
    rest = tuple(name for name in named if name not in knowing)
    if len(rest) < 2:
        return named
    return rest


def _without_columns(censoring: str | tuple[str, ...], knowing: Mapping[str, str]) -> str | tuple[str, ...]:
    """Columns of the model of censoring without those that know who left."""
    if censoring == MARGINAL:
        return MARGINAL
    return tuple(name for name in censoring if name not in knowing) or MARGINAL


def _knowing_notes(settings: _Settings) -> Iterator[str]:
    """Name the columns that know who left, and say what became of them."""
    for name, told in settings.knowing.items():
        fate = "it is compared all the same, for there is no other, and decides nothing"
        if name not in settings.scores:
            fate = "it is left out"
        yield f"{told}; {fate}"


def _leaky(table: pd.DataFrame, pair: tuple[str, str], horizon: float) -> pd.DataFrame:
    """Contestants of the main pair that know who left, or rank as if they did."""
    two = table[(table["horizon_days"] == horizon) & table["score"].isin(pair)]
    return two[two["reading"] == "suspiciously good"]


def _who_knows(leaky: pd.DataFrame) -> str:
    verb = "knows"
    if len(leaky) > 1:
        verb = "know"
    return f"{' and '.join(leaky['label'])} {verb} who left"


def _no_contest(leaky: pd.DataFrame) -> str:
    aucs = ", ".join(f"{row['label']} AUC {row['auc']:.3f}" for row in leaky.to_dict("records"))
    return (
        f"This is no contest: {_who_knows(leaky)}, rather than foretelling it "
        f"({aucs}). It was measured on the way out or afterwards: leave it out, and compare the others."
    )


def _censoring_notes(settings: _Settings) -> Iterator[str]:
    """Say what being followed was taken to depend on, and which metrics that leaves out."""
    if settings.censoring == MARGINAL:
        return
    yield f"being followed was allowed to depend on {', '.join(settings.censoring)} (Cox regression)"
    lost = [name for name in settings.metrics if name not in settings.usable_metrics]
    if lost:
        yield f"{', '.join(lost)} left out: its weights take censoring to depend on nothing"


def _primary(names: tuple[str, ...], primary: tuple[str, str] | None) -> tuple[str, str]:
    if primary is None:
        return names[0], names[1]
    pair = tuple(primary)
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(names):
        raise ArgumentError(f"primary is {primary!r}", wanted="two of " + ", ".join(map(repr, names)))
    return pair[0], pair[1]


def _finding(
    sentence: str, table: pd.DataFrame, pair: tuple[str, str], horizon: float, outcome: LandmarkOutcome
) -> str:
    """Say beside the verdict when the contestants do not predict at all, or backwards."""
    two = table[(table["horizon_days"] == horizon) & table["score"].isin(pair)]
    if (two["reading"] == "no better than chance").all():
        return sentence + " Neither is told apart from chance."
    for row in two[two["reading"] == "runs backwards"].to_dict("records"):
        sentence += f" {row['label']} runs backwards: customers it calls happy {outcome.backwards}."
    return sentence


def _unnamed(settings: _Settings, main: pd.Series) -> Iterator[str]:
    """Say that list order chose the pair that decides; of two contestants there is only one pair."""
    if not settings.primary_named and len(settings.scores) > 2:
        yield (
            f"the main comparison, {main['first_label']} against {main['second_label']}, is the first two "
            "contestants as listed; it was not named beforehand"
        )


def _cautions(table: pd.DataFrame, outcome: LandmarkOutcome) -> Iterator[str]:
    """Say which scores read strangely, and where one side has few rows."""
    for row in table.to_dict("records"):
        where = f"at {row['horizon_days']:g} days (AUC {row['auc']:.3f})"
        if row["reading"] == "suspiciously good":
            yield (
                f"{row['label']} is suspiciously good {where}: look for answers given after notice, "
                "exit surveys or a feature that ends with the customer"
            )
        if row["reading"] == "runs backwards":
            yield (
                f"{row['label']} runs backwards {where}: customers it calls happy {outcome.backwards}. Check "
                "the declared direction; it is never turned round for you"
            )
    for row in table.drop_duplicates("horizon_days").to_dict("records"):
        counts = {outcome.cases: row["cases"], outcome.controls: row["controls"]}
        for who, count in counts.items():
            if count < FEW:
                yield f"only {count} {who} {row['horizon_days']:g} days on: intervals are wide and rough"
    customers = table["customers"].iloc[0]
    if customers < FEW:
        yield f"only {customers} customers: intervals are wide and rough"
