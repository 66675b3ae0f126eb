"""Whether a score says anything that another score, or the company's own records, did not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cxresearch.checks import check_level
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.headtohead.contest.contest_rows import ContestRows, complete_rows, contestants
from cxresearch.headtohead.contest.covariates import covariates
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_p_value
from cxresearch.stats.hazards.cox import fit_cox
from cxresearch.stats.models.likelihood import adequacy, likelihood_ratio, vuong, wald
from cxresearch.stats.models.logistic import logistic_fit
from cxresearch.stats.models.spline import linear_basis
from cxresearch.stats.prediction.ipcw import sides

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.landmarks.landmarks import Landmarks


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AddedInformation(Result):
    """Likelihood metrics of several scores on the same rows.

    Attributes
    ----------
    finding : str
    table : DataFrame
        ``question, larger, smaller, lr_statistic, df, p_lr, wald_statistic, p_wald, adequacy``. The Wald test
        is robust to several rows of a customer and is the one to read; ``adequacy`` is the share of the
        larger model's likelihood-ratio statistic that the smaller one reaches.
    vuong : DataFrame
        ``first, second, z, p_value``: single-score models against each other; z above 0 favours the first.
    controls : tuple of str
        What was known anyway.
    n, n_customers, n_cases : int
    level : float
    """

    finding: str
    table: pd.DataFrame
    vuong: pd.DataFrame
    controls: tuple[str, ...]
    n: int
    n_customers: int
    n_cases: int
    level: float
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="{finding} Cox models, tests robust to several rows of a customer; {n:,} rows",
            columns=(
                Column(name="question", label="question", meaning="what is added to what"),
                Column(name="wald_statistic", label="robust Wald", meaning="the test to read"),
                Column(name="df", label="degrees of freedom", meaning="of the test"),
                Column(name="p_wald", label="p-value", meaning="of nothing being added", unit=Unit.P_VALUE),
                Column(
                    name="adequacy",
                    label="already told without it",
                    meaning="share of the likelihood ratio that the smaller model reaches",
                    unit=Unit.SHARE,
                ),
            ),
        )
    }

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "read the Wald tests, which are robust to several rows of a customer; adding to a prediction is "
            "not bringing about",
            f"taken as known anyway: {', '.join(self.controls) or 'nothing'}",
        )

    def __str__(self) -> str:
        lines = [self.finding]
        lines += [
            f"  {row['question']}: robust Wald {row['wald_statistic']:.1f} on {row['df']}, "
            f"{format_p_value(row['p_wald'])}; adequacy of what was there {row['adequacy']:.2f}"
            for row in self.table.to_dict("records")
        ]
        lines.append(f"  {self.n:,} rows of {self.n_customers:,} customers, {self.n_cases:,} leavers")
        return "\n".join(lines)

    __repr__ = __str__


#: Taken as known anyway where the landmarks have them: tenure, revenue, tickets, usage.
USUAL_CONTROLS = ("tenure_days", "mrr", "tickets_90d", "usage_30d")


class _Question(NamedTuple):
    text: str
    larger: list[str]
    smaller: list[str]


def added_information(
    marks: Landmarks,
    scores: Sequence[str],
    *,
    controls: Sequence[str] | None = None,
    clusters: str = "customer_id",
    level: float = 0.95,
) -> AddedInformation:
    """Test nested Cox models of voluntary churn within the horizon: with and without each score.

    Parameters
    ----------
    marks : Landmarks
    scores : sequence of str
        Two or more instruments. Each enters as it was answered, turned so that higher means riskier.
    controls : sequence of str, optional
        Features and segments known anyway; by default tenure, revenue, tickets and usage where there are any.
    clusters : str
        Column whose rows depend on each other.
    level : float
        Confidence level of the verdict.

    Returns
    -------
    AddedInformation

    Raises
    ------
    ArgumentError, DataError
        As :func:`cxresearch.compare`; or a control separates those who leave from those who stay.

    Notes
    -----
    Cause-specific partial likelihood with Efron's ties, stratified by landmark; involuntary churn and the
    horizon censor. Likelihood-ratio tests assume independent rows; the Wald tests have a covariance robust to
    clusters. Vuong's test compares logistic models of churn by the horizon, weighted for censoring. No DeLong
    test between nested fitted models is offered, for it is not valid there (Demler et al. 2012).

    References
    ----------
    Lin and Wei (1989), doi:10.1080/01621459.1989.10478874; Demler, Pencina and D'Agostino (2012),
    doi:10.1002/sim.5328; Vuong (1989), doi:10.2307/1912557.

    Examples
    --------
    >>> import cxresearch as cx
    >>> from cxresearch.headtohead.robustness.added_information import added_information
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=5_000, scenario="nps")
    >>> print(added_information(marks, ["ces", "nps"]).finding)
    CES and NPS each add to the other: together they tell more than either alone.
    """
    require_landmarks(marks)
    level = check_level(level)
    names = contestants(marks, scores)
    rows = complete_rows(marks, names, (float(marks.horizon_days),), clusters=clusters)
    if controls is None:
        controls = [name for name in USUAL_CONTROLS if name in marks.features]
    table = _design(rows, controls)
    columns = [name for name in table.columns if name not in names]
    questions = _questions(rows, columns)
    lines = [_answer(rows, marks, table, question) for question in questions]
    import pandas as pd

    result = pd.DataFrame(lines)
    return AddedInformation(
        finding=_finding(rows, result, level),
        table=result,
        vuong=_vuong_table(rows, float(marks.horizon_days)),
        controls=tuple(controls),
        n=len(rows.frame),
        n_customers=int(rows.frame["customer_id"].nunique()),
        n_cases=int(_within(rows, marks)[1].sum()),
        level=level,
    )


def _design(rows: ContestRows, known: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    # By the standard deviation, so that scales of any length converge alike.
    scaled = {
        name: (risk - risk.mean()) / risk.std() for name, risk in zip(rows.names, rows.risk, strict=True)
    }
    scores = pd.DataFrame(scaled, index=rows.frame.index)
    if not known:
        return scores
    return pd.concat([covariates(rows.frame, known), scores], axis=1)


def _questions(rows: ContestRows, columns: list[str]) -> list[_Question]:
    label = dict(zip(rows.names, rows.labels, strict=True))
    asked = [_Question(f"does {label[a]} tell anything?", [a], []) for a in rows.names]
    for a in rows.names:
        asked += [_Question(f"does {label[a]} add to {label[b]}?", [a, b], [b]) for b in rows.names if b != a]
    if columns:
        asked += [
            _Question(f"does {label[a]} add to the records?", [*columns, a], columns) for a in rows.names
        ]
        if len(rows.names) > 1:
            everything = [*columns, *rows.names]
            asked += [
                _Question(
                    f"does {label[a]} add to the records and the other scores?",
                    everything,
                    [name for name in everything if name != a],
                )
                for a in rows.names
            ]
    return asked


def _within(rows: ContestRows, marks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Durations and voluntary churn, both cut at the horizon."""
    duration = rows.frame["duration_days"].to_numpy(dtype=np.float64)
    event = (rows.frame["event"].to_numpy() == 1) & (duration <= marks.horizon_days)
    # Involuntary churn and the horizon censor: cause-specific hazards.
    return np.minimum(duration, marks.horizon_days), event.astype(np.int64)


def _answer(rows: ContestRows, marks: Landmarks, table: pd.DataFrame, question: _Question) -> dict[str, Any]:
    duration, event = _within(rows, marks)
    strata = None
    dates = rows.frame["landmark_at"]
    # Each landmark date has a baseline hazard of its own.
    if dates.notna().all() and dates.nunique() > 1:
        strata = dates.astype("int64").to_numpy()

    def fit(names: list[str]) -> Any:
        return fit_cox(duration, event, table[names], strata=strata, clusters=rows.clusters)

    large = fit(question.larger)
    small = large.loglik_null
    if question.smaller:
        small = fit(question.smaller).loglik
    added = [i for i, name in enumerate(large.names) if name not in question.smaller]
    # Nested models: LR = 2 (l_large - l_small); Wald = b' V^-1 b on the added ones, V robust to clusters.
    ratio = likelihood_ratio(small, large.loglik, len(added))
    robust = wald(large.coefficient, large.robust, added)
    return {
        "question": question.text,
        "larger": " + ".join(question.larger),
        "smaller": " + ".join(question.smaller) or "nothing",
        "lr_statistic": ratio.statistic,
        "df": ratio.df,
        "p_lr": ratio.p_value,
        "wald_statistic": robust.statistic,
        "p_wald": robust.p_value,
        "adequacy": adequacy(large.loglik_null, small, large.loglik),
    }


def _vuong_table(rows: ContestRows, horizon: float) -> pd.DataFrame:
    import pandas as pd

    # Leavers by the horizon against everybody else, weighted for censoring.
    at = sides(rows.fit, horizon, controls="all")
    outcome, weight = (at.case > 0).astype(float), at.case + at.control
    parts = {
        label: logistic_fit(linear_basis(levels)[code], outcome, weights=weight).contributions
        for label, code, levels in zip(rows.labels, rows.codes, rows.levels, strict=True)
    }
    # Vuong (1989): mean of l_a - l_b over its error, summed by customer.
    clusters = rows.clusters[rows.fit.order]
    lines = []
    for a, b in combinations(parts, 2):
        z, p_value = vuong(parts[a], parts[b], clusters=clusters)
        lines.append({"first": a, "second": b, "z": z, "p_value": p_value})
    return pd.DataFrame(lines)


def _finding(rows: ContestRows, table: pd.DataFrame, level: float) -> str:
    """Say of the first two scores whether each adds to the other; Holm over the two tests."""
    a, b = rows.labels[:2]
    rows_of = table.set_index("question")["p_wald"]
    p_values = {
        a: rows_of[f"does {a} add to {b}?"],
        b: rows_of[f"does {b} add to {a}?"],
    }
    ordered = sorted(p_values, key=lambda name: p_values[name])
    # Holm over two tests: the smaller p-value against alpha / 2, then the larger against alpha.
    adds = {ordered[0]: p_values[ordered[0]] < (1 - level) / 2}
    adds[ordered[1]] = adds[ordered[0]] and p_values[ordered[1]] < 1 - level
    text = {True: "adds to", False: "adds nothing that can be shown to"}
    if adds[a] and adds[b]:
        return f"{a} and {b} each add to the other: together they tell more than either alone."
    first, second = ordered
    return f"{first} {text[adds[first]]} {second}; {second} {text[adds[second]]} {first}."
