"""Power of a comparison, by formula and by resampling customers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import stats

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.contest.contest_rows import ContestRows, complete_rows, contestants
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.prediction.equivalence import (
    difference_power,
    equivalence_power,
    rows_for_difference,
    rows_for_equivalence,
)
from cxresearch.stats.prediction.few_leavers import Reference
from cxresearch.stats.prediction.follow_up import follow_up
from cxresearch.stats.prediction.ipcw import PredictionMetric, auc_metric, sides

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Power(Result):
    """Power of a comparison of two AUCs.

    Attributes
    ----------
    difference : float
        The true difference assumed.
    unit_sd : float
        ``sqrt(rows) * SE`` of the estimated difference, clustering and censoring included.
    table : DataFrame
        ``rows, power_difference, power_equivalence, simulated_difference, simulated_difference_low,
        simulated_difference_high, simulated_equivalence, runs``; simulated columns are NaN without
        simulation.
    rows_for_difference, rows_for_equivalence : float
        Rows with which either is found with probability ``target``; infinite where it cannot be.
    target, level, margin : float
    source : str
        Where ``unit_sd`` comes from.
    """

    difference: float
    unit_sd: float
    table: pd.DataFrame
    rows_for_difference: float
    rows_for_equivalence: float
    target: float
    level: float
    margin: float
    source: str
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Chance to decide at a true difference of {difference:.3f} in AUC, {level} level",
            columns=(
                Column(name="rows", label="rows", meaning="size of the study", unit=Unit.COUNT),
                Column(
                    name="power_difference",
                    label="difference found",
                    meaning="chance that the difference is significant",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="power_equivalence",
                    label="equivalence found",
                    meaning="chance that a difference of the margin is ruled out",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="simulated_difference",
                    label="difference found, simulated",
                    meaning="share of simulated studies; NaN without simulation",
                    unit=Unit.SHARE,
                    low="simulated_difference_low",
                    high="simulated_difference_high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """How many rows would decide."""
        needed = {"the difference": self.rows_for_difference, "equivalence": self.rows_for_equivalence}
        what = format_value(self.difference, Unit.AUC_DIFFERENCE)
        chance = f"{100 * self.target:.0f} % chance"
        decisive = [
            f"about {rows:,.0f} rows find {name}" for name, rows in needed.items() if math.isfinite(rows)
        ]
        if not decisive:
            return f"No number of rows decides with a {chance} if the true difference of AUC is {what}."
        return f"If the true difference of AUC is {what}, {' and '.join(decisive)} with a {chance}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the figures rest on."""
        return (f"sqrt(n) SE of the difference {self.unit_sd:.2f}, {self.source}",)

    def __str__(self) -> str:
        lines = [
            f"Power for a true difference of {format_value(self.difference, Unit.AUC_DIFFERENCE)} in AUC "
            f"(sqrt(n) SE {self.unit_sd:.2f}, {self.source}):"
        ]
        for row in self.table.to_dict("records"):
            text = f"  {row['rows']:,.0f} rows: difference found {100 * row['power_difference']:.0f} %"
            if row["runs"]:
                text += f" (simulated {100 * row['simulated_difference']:.0f} %)"
            lines.append(text + f", equivalence found {100 * row['power_equivalence']:.0f} %")
        goals = (("the difference", self.rows_for_difference), ("equivalence", self.rows_for_equivalence))
        for what, rows in goals:
            needed = "out of reach"
            if rows < float("inf"):
                needed = f"about {rows:,.0f} rows"
            lines.append(f"  {100 * self.target:.0f} % for {what}: {needed}")
        return "\n".join(lines)

    __repr__ = __str__


#: ``sqrt(n) SE`` of a difference of AUCs at about 10 % churn in the tier A model.
USUAL_UNIT_SD = 1.07


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How studies are simulated: customers of a pilot are drawn with replacement.

    Parameters
    ----------
    runs : int
        Studies for each size.
    n_jobs : int
        Processes (joblib, whose backend may be pointed at Dask, Ray or Spark).
    seed : int
        The same seed gives the same runs, whatever the number of processes.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ArgumentError
        If there are no runs.

    Examples
    --------
    >>> Simulation(runs=200).seed
    0
    """

    runs: int
    n_jobs: int = 1
    seed: int = 0
    progress: bool = False

    def __post_init__(self) -> None:
        check_number("runs", self.runs, at_least=1)


@dataclass(frozen=True, kw_only=True)
class _Pool:
    """Rows to draw customers from, in the order of the frame."""

    duration: NDArray[np.float64]
    event: NDArray[np.int64]
    codes: tuple[NDArray[np.intp], NDArray[np.intp]]
    start: NDArray[np.intp]  # rows sorted by customer; rows of customer c are start[c]..start[c + 1]
    horizon: float


def power_compare(
    marks: Landmarks | None = None,
    scores: Sequence[str] = ("ces", "nps"),
    *,
    rows: Sequence[int] = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000),
    difference: float | None = None,
    margin: float = 0.02,
    level: float = 0.95,
    target: float = 0.8,
    simulation: Simulation | None = None,
) -> Power:
    """Say what a comparison of two scores could find, by its number of rows.

    Parameters
    ----------
    marks : Landmarks, optional
        A pilot study: its influence functions give the variance (censoring, ties, correlation and clusters
        included), and its estimate the difference unless one is given. Without it, the usual
        ``sqrt(n) SE = 1.07`` is taken.
    scores : sequence of two str
        The pair.
    rows : sequence of int
        Sizes of the study to plan.
    difference : float, optional
        The true difference of AUC; needed without a pilot.
    margin, level : float
        As in :func:`cxresearch.compare`.
    target : float
        Power wanted.
    simulation : Simulation, optional
        Check the formula by drawing customers of the pilot; the truth is then what the pilot shows, so no
        other `difference` may be given.

    Returns
    -------
    Power

    Raises
    ------
    ArgumentError
        Without a difference, or with settings out of range.

    Examples
    --------
    >>> print(power_compare(difference=0.023, rows=[5_000, 20_000]))
    Power for a true difference of +0.023 in AUC (sqrt(n) SE 1.07, usual value):
      5,000 rows: difference found 33 %, equivalence found 0 %
      20,000 rows: difference found 86 %, equivalence found 2 %
      80 % for the difference: about 16,987 rows
      80 % for equivalence: out of reach
    """
    level, target = check_level(level), check_number("target", target, above=0, below=1)
    margin = check_number("margin", margin, above=0, below=0.5)
    sizes = [int(check_number("rows", size, at_least=10)) for size in rows]
    if simulation is not None and (marks is None or difference is not None):
        raise ArgumentError(
            "a simulation draws from a pilot and takes its difference as the truth",
            wanted="marks, and no difference",
        )
    if marks is None and difference is None:
        raise ArgumentError("difference is not given", wanted="a true difference of AUC, or a pilot study")
    unit_sd, source = USUAL_UNIT_SD, "usual value"
    pilot = None
    if marks is not None:
        pilot = _pilot(marks, scores)
        observed, unit_sd = _observed(pilot, marks.horizon_days)
        source = f"pilot of {pilot.fit.n:,} rows"
        if difference is None:
            difference = observed
    truth = float(difference)  # type: ignore[arg-type]  # given, or observed in the pilot
    table = _analytic(sizes, truth, unit_sd, margin=margin, level=level)
    if simulation is not None and pilot is not None and marks is not None:
        pool = _pool(pilot, marks.horizon_days)
        simulated = [_simulate(pool, size, simulation, margin=margin, level=level) for size in sizes]
        table = table.assign(**{key: [run[key] for run in simulated] for key in simulated[0]})
    return Power(
        difference=truth,
        unit_sd=unit_sd,
        table=table,
        rows_for_difference=rows_for_difference(truth, unit_sd, power=target, level=level),
        rows_for_equivalence=rows_for_equivalence(truth, unit_sd, margin=margin, power=target, level=level),
        target=target,
        level=level,
        margin=margin,
        source=source,
    )


def _pilot(marks: Landmarks, scores: Sequence[str]) -> ContestRows:
    names = contestants(marks, scores)
    if len(names) != 2:
        raise ArgumentError(f"scores is {list(names)}", wanted="the two scores to compare")
    return complete_rows(marks, names, (float(marks.horizon_days),))


def _observed(contest: ContestRows, horizon: float) -> tuple[float, float]:
    """Difference of AUC in the pilot, and ``sqrt(n) SE`` of it."""
    at = sides(contest.fit, horizon, controls="event_free")
    auc = auc_metric(contest.fit, contest.codes, [at])
    difference, se = _difference(auc, clusters=contest.clusters)
    return difference, se * math.sqrt(contest.fit.n)


def _analytic(
    sizes: list[int], difference: float, unit_sd: float, *, margin: float, level: float
) -> pd.DataFrame:
    import pandas as pd

    nan = float("nan")
    return pd.DataFrame(
        {
            "rows": sizes,
            "power_difference": [difference_power(difference, unit_sd, n, level=level) for n in sizes],
            "power_equivalence": [
                equivalence_power(difference, unit_sd, n, margin=margin, level=level) for n in sizes
            ],
            "simulated_difference": nan,
            "simulated_difference_low": nan,
            "simulated_difference_high": nan,
            "simulated_equivalence": nan,
            "runs": 0,
        }
    )


def _pool(contest: ContestRows, horizon: float) -> _Pool:
    # Rows by customer, so that a customer drawn brings all of theirs.
    order = np.argsort(contest.clusters, kind="stable")
    codes = [contest.fit.unsorted(code.astype(float)).astype(np.intp)[order] for code in contest.codes]
    counts = np.bincount(contest.clusters)
    return _Pool(
        duration=contest.fit.unsorted(contest.fit.duration)[order],
        event=contest.fit.unsorted(contest.fit.event.astype(float)).astype(np.int64)[order],
        codes=(codes[0], codes[1]),
        start=np.concatenate(([0], np.cumsum(counts))),
        horizon=float(horizon),
    )


def one_study(pool: _Pool, rows: int, seed: Sequence[int], *, margin: float) -> tuple[float, float]:
    """Draw customers until there are about so many rows; return the p-values of difference and equivalence.

    They are those of the contest, judged by Student's t where few leave or stay. A study in which nobody left
    has none: NaN, counted as not decided.
    """
    rng = np.random.default_rng(list(seed))
    customers = len(pool.start) - 1
    size = max(2, round(rows * customers / len(pool.duration)))
    drawn = rng.integers(0, customers, size)
    # All rows of each customer drawn; one drawn twice is two clusters.
    counts = pool.start[drawn + 1] - pool.start[drawn]
    cluster = np.repeat(np.arange(size), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    take = np.repeat(pool.start[drawn], counts) + offset
    fit = follow_up(pool.duration[take], pool.event[take])
    early = (fit.duration <= pool.horizon) & (fit.event == 1)
    if early.sum() < 2 or fit.duration[-1] <= pool.horizon:
        return math.nan, math.nan
    at = sides(fit, pool.horizon, controls="event_free")
    auc = auc_metric(fit, [code[take][fit.order] for code in pool.codes], [at])
    difference, se = _difference(auc, clusters=cluster)
    sorted_cluster = cluster[fit.order]
    leavers = len(np.unique(sorted_cluster[at.case > 0]))
    stayers = len(np.unique(sorted_cluster[at.control > 0]))
    reference = Reference(smallest=min(size, leavers, stayers))
    return reference.p_value(difference, se), reference.p_equivalence(difference, se, margin)


def _difference(auc: PredictionMetric, *, clusters: NDArray[np.intp]) -> tuple[float, float]:
    """Difference of the two AUCs and its standard error: ``Var(a - b) = Var a + Var b - 2 Cov(a, b)``."""
    spread = auc.covariance(clusters=clusters)
    variance = spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]
    return float(auc.value[0, 0] - auc.value[1, 0]), math.sqrt(max(variance, 0.0))


def _simulate(
    pool: _Pool, rows: int, simulation: Simulation, *, margin: float, level: float
) -> dict[str, Any]:
    """Share of simulated studies of one size that find the difference, and equivalence."""
    from joblib import Parallel, delayed

    runs = int(simulation.runs)
    numbers: Iterable[int] = range(runs)
    if simulation.progress:
        from tqdm.auto import tqdm

        numbers = tqdm(numbers, desc=f"{rows:,} rows", leave=False)
    studies = Parallel(n_jobs=simulation.n_jobs, batch_size=8)(
        delayed(one_study)(pool, rows, (simulation.seed, rows, run), margin=margin) for run in numbers
    )
    # A study without a p-value (NaN) has not decided.
    different = sum(bool(p_value < 1 - level) for p_value, _ in studies)
    equal = sum(bool(p_value < 1 - level) for _, p_value in studies)
    if np.array_equal(*pool.codes):
        equal = runs  # two names for one ranking: equal whatever is drawn
    # Wilson's interval of a share of simulated studies.
    interval = stats.binomtest(different, runs).proportion_ci(level, method="wilson")
    return {
        "simulated_difference": different / runs,
        "simulated_difference_low": float(interval.low),
        "simulated_difference_high": float(interval.high),
        "simulated_equivalence": equal / runs,
        "runs": runs,
    }
