"""``key_drivers``: what goes with a score, how sure that is, and where performance lags importance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.churn.drivers.driver_columns import (
    Driver,
    DriverColumns,
    column_of,
    expand,
    is_mark,
    leaves_of,
)
from cxresearch.churn.drivers.driver_rows import DriverRows, complete_rows
from cxresearch.churn.drivers.driver_tables import alike_columns, driver_table, penalty_table
from cxresearch.churn.drivers.key_drivers_result import KeyDrivers
from cxresearch.churn.drivers.snapshot_rows import snapshot_rows
from cxresearch.churn.drivers.study_drivers import drivers_of_study
from cxresearch.data.landmarks.followed_outcome import happened_within
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.snapshot import CAUTION
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.scales import Scale
from cxresearch.stats.models.relative_importance import (
    MOST_FOR_LMG,
    lmg,
    relative_weights,
    weighted_correlation,
)
from cxresearch.stats.scan.exchanged_customers import CustomerExchange

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Exchanges of customers behind the largest importance that chance brings.
EXCHANGES = 499


def key_drivers(  # noqa: PLR0913 - each option is one the reader of the result must know
    data: pd.DataFrame | Landmarks | Any,
    outcome: str,
    drivers: Sequence[Driver] = (),
    *,
    scales: Mapping[str, Scale] | None = None,
    clusters: str | None = "customer_id",
    weights: str | ArrayLike | None = None,
    level: float = 0.95,
    runs: int = 300,
    seed: int = 0,
) -> KeyDrivers:
    """Split the variance of a score among its drivers, and say where to look first.

    Up to 12 drivers by the Shapley value of R squared (LMG), beyond that by Johnson's relative weights.

    Parameters
    ----------
    data : Study, Themes, Landmarks or DataFrame
        A study's answers; the same with themes of their comments (``cx.themes(study)``), which are drivers,
        all of them where none is named; a snapshot, whose outcome ``"left"`` is 1 for who left, with the
        caution of what none can tell; or a table with one row for each answer. Rows that lack the outcome or
        a driver are left out and counted.
    outcome : str
        What is to be explained: a question of the study, or a number column (0/1 for leaving). Of
        ``Landmarks`` also what they follow (``"churn"``, ``"expansion"``): 1 where it happened within the
        horizon, else 0.
    drivers : sequence of str or pairs of str
        Two or more columns: numbers as they are, each level of a category (of 30 rows or more) against all
        others but the most frequent; a pair is the product of two. Of a study: columns of responses or
        customers, ``"theme:price"``, ``"tickets.category"`` and the like, ``"first_reply_hours"``,
        ``"resolution_hours"`` (their logarithm), ``"reopened"``, ``"handed_off"``; with facts of tickets,
        answers without a ticket are left out.
    scales : mapping of str to Scale, optional
        Scales of drivers, for performance (0 to 100, 100 good). Those of the scores of ``Landmarks`` are
        known, as is which end of a theme or a fact is good; other features without a scale get no
        performance. In a DataFrame a driver without one is taken to be good at the high end of its observed
        range.
    clusters : str or None
        Column whose rows depend on each other and are resampled together. A table without a column
        customer_id, and None, have rows that depend on nothing; those of a study are its customers.
    weights : str, or array-like of shape (rows,), optional
        Positive weights of the rows of a table or of landmarks, or the column that holds them. Who is low
        and who is high on a driver is settled without them.
    level, runs, seed
        Of the bootstrap (Poisson, over clusters).

    Returns
    -------
    KeyDrivers

    Raises
    ------
    ArgumentError
        If a column is missing, named twice, or neither number nor category; or is an outcome of the study.
    DataError
        If there are fewer rows than ten for each driver, or a driver is an exact mix of others.

    Notes
    -----
    Whether an importance is more than chance is asked once for all drivers: whole customers change places 499
    times, and the largest importance of each exchange is the yardstick (Westfall and Young 1993). The order
    of the rows plays no part. Guide: ``docs/why.md``.

    References
    ----------
    Groemping (2007), doi:10.1198/000313007X188252; Johnson (2000), doi:10.1207/S15327906MBR3501_1;
    Martilla and James (1977), doi:10.1177/002224297704100112 (importance and performance);
    Mikulic and Prebezac (2011), doi:10.1108/09604521111100243 (penalty and reward).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> ease, success = rng.normal(size=(2, 500))
    >>> table = pd.DataFrame(
    ...     {"ease": ease, "success": success, "experience": 0.5 * ease + rng.normal(size=500)}
    ... )
    >>> table["satisfaction"] = ease + table["experience"] + 0.5 * success + rng.normal(size=500)
    >>> found = key_drivers(table, "satisfaction", ["ease", "experience", "success"], runs=50)
    >>> bool(np.isclose(found.table["importance"].sum(), found.r_squared))
    True
    """
    check_level(level)
    check_number("runs", runs, at_least=20)
    caveat = KeyDrivers.caveat
    table = data
    if isinstance(data, Study) and data.kind == "snapshot":
        table = snapshot_rows(data)
        scales = dict(data.instruments) | dict(scales or {})
        caveat = f"{caveat} {CAUTION}"
    if isinstance(table, (pd.DataFrame, Landmarks)):
        given = _of_table(table, outcome, drivers, dict(scales or {}), clusters, weights)
    else:
        given = drivers_of_study(data, outcome, drivers, scales or {})
        if weights is not None:
            raise ArgumentError(
                "weights are for a table or landmarks, and this is a study",
                next_step="take the answers as a table, with a column of weights",
            )
    names = list(given.columns)
    _check_enough(outcome, names)
    rows, missing = complete_rows(given)
    split, method = lmg, "Shapley value of R squared (LMG)"
    if len(names) > MOST_FOR_LMG:
        split, method = relative_weights, "Johnson's relative weights"
    ones = np.ones(len(rows.y))
    point = _statistics(rows, ones, split)
    rng = np.random.default_rng(seed)
    size = int(rows.cluster.max()) + 1
    # Poisson bootstrap: each cluster is counted a Poisson(1) number of times.
    drawn = [_statistics(rows, rng.poisson(1.0, size)[rows.cluster], split) for _ in range(int(runs))]
    boot = {key: np.array([run[key] for run in drawn]) for key in point}
    ends = {key: np.quantile(boot[key], [(1 - level) / 2, (1 + level) / 2], axis=0) for key in boot}
    # What all drivers explain together: R squared.
    total = boot["importance"].sum(axis=1)
    total_ends = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
    largest = _largest_by_chance(rows, split, rng)
    # Westfall and Young: (1 + exchanges that reach it) / (1 + exchanges)
    reached = largest >= point["importance"][:, None] - 1e-12
    point["p_adjusted"] = (1 + reached.sum(axis=1)) / (1 + EXCHANGES)
    share = np.average(rows.X, axis=0, weights=rows.weight)
    point["how_often"] = np.where([is_mark(column) for column in rows.X.T], share, np.nan)
    return KeyDrivers(
        outcome=outcome,
        labels=given.labels,
        table=driver_table(names, point, boot, ends),
        penalty_reward=penalty_table(names, rows, point, ends),
        alike=alike_columns(names, weighted_correlation(rows.X, rows.weight)),
        r_squared=float(point["importance"].sum()),
        r_squared_low=float(total_ends[0]),
        r_squared_high=float(total_ends[1]),
        method=method,
        n=len(rows.y),
        n_missing=missing,
        level=level,
        outcome_good=given.outcome_good,
        left_out=given.left_out,
        caveat=caveat,
    )


def _of_table(
    data: pd.DataFrame | Landmarks,
    outcome: str,
    drivers: Sequence[Driver],
    given: dict[str, Scale],
    clusters: str | None,
    weights: str | ArrayLike | None,
) -> DriverColumns:
    """Drivers of a table; scores of landmarks bring their scales."""
    frame: pd.DataFrame
    scales = given
    if not isinstance(data, Landmarks):
        frame = data
    else:
        frame, scales = data.frame, dict(data.instruments) | given
        if outcome == data.followed.name and outcome not in frame:
            # rows whose horizon is not over have no outcome, and are left out and counted
            frame = frame.assign(**{outcome: happened_within(data)})
    if clusters == "customer_id" and clusters not in frame.columns:
        clusters = None
    names = leaves_of(drivers)
    _check_columns(frame, outcome, drivers, scales, clusters)
    try:
        score = frame[outcome].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"outcome {outcome!r} is not a number: {error}", wanted="numbers") from None
    columns, rare = expand({name: frame[name] for name in frame.columns}, drivers)
    sign = scales[outcome].risk_sign if outcome in scales else 0
    return DriverColumns(
        outcome=score,
        columns=columns,
        clusters=None if clusters is None else frame[clusters],
        labels={name: scale.label for name, scale in scales.items() if name in {outcome, *names}},
        scales=scales,
        high_is_good=isinstance(data, pd.DataFrame),
        outcome_good=int(-sign),
        left_out=rare,
        weights=_weights(frame, weights),
    )


def _weights(frame: pd.DataFrame, weights: str | ArrayLike | None) -> NDArray[np.float64] | None:
    """One weight a row, as given or from a column."""
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in frame.columns:
            raise ArgumentError(f"weights: there is no column {weights!r}", wanted="a column")
        weights = frame[weights]
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (len(frame),):
        wanted = f"one for each of {len(frame):,} rows"
        raise ArgumentError(f"weights has shape {values.shape}", wanted=wanted)
    return values


def _check_columns(
    frame: pd.DataFrame,
    outcome: str,
    drivers: Sequence[Driver],
    scales: Mapping[str, Scale],
    clusters: str | None,
) -> None:
    """Say what is missing: the score to explain, a driver, or two different drivers."""
    wanted = "an outcome and two or more other columns, each named once"
    step = "answers to it: a [[sources]] with table = 'responses', and its scale under [instruments]"
    names = leaves_of(drivers)
    columns = [column_of(frame, name)[0] for name in names]
    lost = [name for name in (*columns, clusters) if name is not None and name not in frame.columns]
    if outcome not in frame.columns:
        others = f"; there is {', '.join(scales) or 'no score at all'}"
        raise ArgumentError(
            f"outcome {outcome!r}, the score to explain, is no column{others}",
            wanted=wanted,
            next_step=f"name another outcome, or give the study {step}",
        )
    if lost:
        raise ArgumentError(
            f"drivers {names!r}: no column {', '.join(lost)}",
            wanted=wanted,
            next_step="name columns that are there",
        )
    if outcome in names or len(set(drivers)) < len(drivers):
        raise ArgumentError(f"outcome {outcome!r} and drivers {names!r} repeat a column", wanted=wanted)
    if not set(drivers):
        _refuse_too_few(outcome, "nothing")


def _check_enough(outcome: str, names: Sequence[str]) -> None:
    if not names:
        _refuse_too_few(outcome, "nothing")
    if len(names) == 1:
        _refuse_too_few(outcome, f"only {names[0]!r}")


def _refuse_too_few(outcome: str, candidate: str) -> None:
    raise ArgumentError(
        f"outcome {outcome!r}: {candidate} could explain it, and one driver cannot be weighed against others",
        wanted="two or more drivers that vary",
        next_step="add a table of answers, tickets or usage to the study, or name two or more drivers",
    )


def _largest_by_chance(rows: DriverRows, split: Any, rng: np.random.Generator) -> NDArray[np.float64]:
    """Largest importance of each exchange of whole customers, shape (exchanges,)."""
    share = rows.weight / rows.weight.sum()
    x = _standardised(rows.X, share)
    y = _standardised(rows.y[:, None], share)[:, 0]
    # within a customer rows change places in any order: they were sorted by their values
    exchange = CustomerExchange(rows.cluster, rng.permutation(len(y)))
    weighted = x * share[:, None]
    sides = np.column_stack([weighted.T @ y[exchange.draw(rng)] for _ in range(EXCHANGES)])
    return np.asarray(split(weighted.T @ x, sides).max(axis=0))


def _standardised(values: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of weighted mean 0 and variance 1; shares of the weight add up to 1."""
    centred = values - share @ values
    return np.asarray(centred / np.sqrt(share @ centred**2))


def _statistics(rows: DriverRows, times: NDArray[Any], split: Any) -> dict[str, NDArray[np.float64]]:
    """All that is bootstrapped, for row multipliers ``times``; each of shape (p,)."""
    weight = times * rows.weight
    correlation = weighted_correlation(np.column_stack([rows.X, rows.y]), weight)
    among, with_outcome = correlation[:-1, :-1], correlation[:-1, -1]
    # Penalty and reward (Brandt 1987): y = a + sum_j p_j 1(low on j) + r_j 1(high on j), least squares.
    outer = np.column_stack([np.ones(len(rows.y)), rows.low, rows.high]).astype(np.float64)
    slopes = np.linalg.lstsq(outer.T @ (outer * weight[:, None]), outer.T @ (rows.y * weight), rcond=None)[0]
    p = rows.X.shape[1]
    return {
        "importance": split(among, with_outcome),
        # Standardised coefficients solve R_xx b = r_xy.
        "coefficient": np.linalg.solve(among, with_outcome),
        "correlation": with_outcome,
        "performance": np.average(rows.performance, axis=0, weights=weight),
        "penalty": slopes[1 : 1 + p],
        "reward": slopes[1 + p :],
        # Above 0 where being high gains more than being low costs.
        "asymmetry": slopes[1 : 1 + p] + slopes[1 + p :],
    }
