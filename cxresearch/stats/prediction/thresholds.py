"""A score as a decision: sensitivity, specificity and predictive values at thresholds; part of the AUC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import stats

from cxresearch.checks import as_numbers, check_level, check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.intervals.differences import mover_difference
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.intervals.proportions import Bounds, wilson
from cxresearch.stats.prediction.delong import delong
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats

_SHARES = {
    "sensitivity": "cases that are flagged",
    "specificity": "controls that are not flagged",
    "ppv": "flagged rows that are cases",
    "npv": "rows not flagged that are controls",
}


def _share(name: str) -> Column:
    return Column(
        name=name,
        label=name,
        meaning=_SHARES[name],
        unit=Unit.SHARE,
        low=f"{name}_low",
        high=f"{name}_high",
    )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ThresholdTable(Result):
    """What flagging all rows from a threshold on finds and costs.

    Attributes
    ----------
    table : DataFrame
        One row a threshold, lowest first.
    cases, controls : int
    level : float
        Confidence level of the intervals, each for itself.
    """

    table: pd.DataFrame
    cases: int
    controls: int
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Flagging from a threshold on, {level} intervals; {cases:,} cases, {controls:,} controls",
            columns=(
                Column(name="threshold", label="from", meaning="rows with this score or more are flagged"),
                Column(name="flagged", label="flagged", meaning="share of all rows", unit=Unit.SHARE),
                *map(_share, _SHARES),
                Column(
                    name="youden",
                    label="Youden's J",
                    meaning="sensitivity + specificity - 1",
                    low="youden_low",
                    high="youden_high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """The threshold at which sensitivity and specificity add up to most."""
        row = self.table.to_dict("records")[int(self.table["youden"].to_numpy().argmax())]
        reached = format_value(row["sensitivity"], Unit.SHARE)
        spared = format_value(row["specificity"], Unit.SHARE)
        return (
            f"Flagging from {row['threshold']:g} on finds {reached} of the cases and spares {spared} of the "
            "controls: of all thresholds the largest sum."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the best threshold looks better than it is."""
        return ("A threshold chosen on these rows does worse on others: judge it on rows of its own.",)


def threshold_table(outcome: ArrayLike, score: ArrayLike, *, level: float = 0.95) -> ThresholdTable:
    """Sensitivity, specificity, predictive values and Youden's J at every threshold of a score.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        1 for a case, 0 for a control.
    score : array-like, shape (n,)
        Higher means riskier; rows at the threshold are flagged. Missing values are refused.
    level : float
        Confidence level of Wilson's intervals, and of Newcombe's of Youden's J; they assume independent rows.

    Returns
    -------
    ThresholdTable
        Predictive values are those at the share of cases in these rows: not those of a case-control sample.

    Raises
    ------
    ArgumentError, DataError
        As :func:`cxresearch.stats.prediction.delong.delong`.

    References
    ----------
    Youden (1950), doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3; Newcombe (1998),
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> result = threshold_table([0, 0, 1, 0, 1, 1], [1, 2, 2, 3, 4, 5])
    >>> result.table[["threshold", "sensitivity", "specificity"]].iloc[3].round(2).tolist()
    [4.0, 0.67, 1.0]
    """
    import pandas as pd

    check_level(level)
    sides = _sides(outcome, score)
    # From each level upwards.
    flagged_cases = _from_top(sides.case)
    flagged_controls = _from_top(sides.control)
    cases = sides.case.sum()
    controls = sides.control.sum()
    flagged = flagged_cases + flagged_controls
    spared = controls - flagged_controls
    parts = {
        "sensitivity": (flagged_cases, np.full(len(flagged), cases)),
        "specificity": (spared, np.full(len(flagged), controls)),
        "ppv": (flagged_cases, flagged),
        "npv": (spared, cases + controls - flagged),
    }
    columns: dict[str, Floats] = {"threshold": sides.levels, "flagged": flagged / (cases + controls)}
    for name, (count, n) in parts.items():
        ends = wilson(count, n, level=level)
        columns[name] = np.divide(count, n, out=np.full(len(n), np.nan), where=n > 0)
        columns[f"{name}_low"] = ends.low
        columns[f"{name}_high"] = ends.high
    # Youden's J is the difference of two independent shares: flagged among cases, and among controls.
    found = Bounds(columns["sensitivity_low"], columns["sensitivity_high"])
    alarms = Bounds(1 - columns["specificity_high"], 1 - columns["specificity_low"])
    youden = mover_difference(columns["sensitivity"], found, 1 - columns["specificity"], alarms, level=level)
    columns |= {"youden": youden.difference, "youden_low": youden.low, "youden_high": youden.high}
    return ThresholdTable(table=pd.DataFrame(columns), cases=int(cases), controls=int(controls), level=level)


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """Distinct scores, lowest first, and cases and controls at each; shape (levels,)."""

    levels: Floats
    case: Floats
    control: Floats


def _sides(outcome: ArrayLike, score: ArrayLike) -> _Sides:
    y = as_numbers("outcome", outcome, booleans=True)
    if not np.isin(y, (0, 1)).all():
        raise ArgumentError("outcome holds other values than 0 and 1", wanted="1 for a case, 0 for a control")
    code, levels = level_codes("score", score)
    check_same_length(outcome=y, score=code)
    if y.all() or not y.any():
        raise DataError("all rows are on one side", wanted="cases and controls")
    case = np.bincount(code, weights=y).astype(np.float64)
    return _Sides(levels=levels, case=case, control=np.bincount(code) - case)


def _from_top(counts: Floats) -> Floats:
    """Sums from each level upwards."""
    return np.asarray(np.cumsum(counts[::-1])[::-1])


def _variance(values: Floats, counts: Floats) -> float:
    """Variance of values that occur so often; NaN of a single one."""
    n = counts.sum()
    if n < 2:
        return float("nan")
    return float(counts @ (values - counts @ values / n) ** 2 / (n - 1))


def partial_auc(
    outcome: ArrayLike, score: ArrayLike, *, most_false_positives: float, level: float = 0.95
) -> Estimate:
    """Area under the ROC curve up to a false-positive rate, standardised so that chance is 0.5 and perfect 1.

    Parameters
    ----------
    outcome, score, level
        As in :func:`threshold_table`.
    most_false_positives : float
        Largest share of controls that one would flag, above 0, up to 1; at 1 it is the AUC.

    Returns
    -------
    Estimate
        McClish's standardised area. The error is DeLong's, with the placement values cut at the rate.

    Raises
    ------
    ArgumentError, DataError
        As :func:`threshold_table`.

    Notes
    -----
    With f the rate and A the area up to it: ``(1 + (A - f^2/2) / (f - f^2/2)) / 2``. Ties between cases and
    controls are straight pieces of the curve. Assumes independent rows.

    References
    ----------
    McClish (1989), doi:10.1177/0272989X8900900307; Dodd and Pepe (2003), doi:10.1111/1541-0420.00071.

    Examples
    --------
    >>> round(partial_auc([0, 0, 1, 0, 1, 1], [1, 2, 2, 3, 4, 5], most_false_positives=1.0).value, 4)
    0.8333
    """
    check_level(level)
    rate = check_number("most_false_positives", most_false_positives, above=0)
    if rate > 1:
        raise ArgumentError(f"most_false_positives is {rate:g}", wanted="a share, up to 1")
    sides = _sides(outcome, score)
    m = sides.case.sum()
    n = sides.control.sum()
    above = (_from_top(sides.control) - sides.control) / n
    reached = _from_top(sides.control) / n
    # A case at a level adds the area under a line that rises from 0 to 1 between these two rates.
    width = np.where(reached > above, reached - above, 1.0)
    part = np.clip((rate - above) / width, 0.0, 1.0)
    whole = rate >= reached
    placement = np.where(whole, rate - (above + reached) / 2, np.maximum(rate - above, 0.0) * part / 2)
    placement = np.where(above >= rate, 0.0, placement)
    area = float(sides.case @ placement / m)
    of_cases = _variance(placement, sides.case)
    # How the area moves with either rate: by -part + part^2 / 2 and -part^2 / 2 (one half each where whole).
    by_above = np.where(whole, -0.5, -part + part**2 / 2) * (above < rate)
    by_reached = np.where(whole, -0.5, -(part**2) / 2) * (above < rate)
    below = np.cumsum(sides.case * by_above) - sides.case * by_above
    influence = (below + np.cumsum(sides.case * by_reached)) / m
    of_controls = _variance(influence, sides.control)
    # McClish (1989): chance has the area f^2 / 2, a perfect score f.
    scale = 2 * (rate - rate**2 / 2)
    value = 0.5 + (area - rate**2 / 2) / scale
    se = float(np.sqrt(of_cases / m + of_controls / n)) / scale
    half = normal_quantile(level) * se
    return Estimate(
        name=f"partial AUC up to {format_value(rate, Unit.SHARE)} false positives",
        value=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        level=level,
        se=se,
        n=int(m + n),
        unit=Unit.AUC,
        method="McClish (1989), DeLong's variance of the part",
    )


def auc_between_groups(
    outcome: ArrayLike, score: ArrayLike, group: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Test whether one score tells cases from controls as well in one group as in another.

    Parameters
    ----------
    outcome, score, level
        As in :func:`threshold_table`.
    group : array-like, shape (n,)
        Two labels; the first in order is the first of the contrast. Groups share no rows and no customers.

    Returns
    -------
    Contrast
        Difference of the AUCs with Welch's t, as pROC's ``roc.test(paired = FALSE)``.

    Raises
    ------
    ArgumentError, DataError
        As :func:`threshold_table`, also of each group; or there are not two groups.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595.

    Examples
    --------
    >>> y = [0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0]
    >>> auc_between_groups(
    ...     y, [1, 3, 2, 4, 2, 1, 2, 2, 3, 1, 4, 1], list("aaaaaabbbbbb")
    ... ).difference.__round__(3)
    0.389
    """
    import pandas as pd

    labels = pd.Series(group)
    if labels.isna().any() or labels.nunique() != 2:
        raise ArgumentError(f"group has {labels.nunique()} labels", wanted="two labels, none missing")
    y = as_numbers("outcome", outcome, booleans=True)
    values = as_numbers("score", score, booleans=True)
    check_same_length(outcome=y, score=values, group=labels)
    names = [str(name) for name in sorted(labels.unique())]
    areas = [
        delong(y[mask], {"score": values[mask]}, level=level)
        for mask in (labels.astype(str).to_numpy() == name for name in names)
    ]
    difference = float(areas[0].auc[0] - areas[1].auc[0])
    variances = [float(area.covariance[0, 0]) for area in areas]
    sizes = [area.cases + area.controls for area in areas]
    se = float(np.sqrt(sum(variances)))
    statistic = p_value = half = float("nan")
    if se > 0:
        # Welch and Satterthwaite: (V1 + V2)^2 / (V1^2 / (n1 - 1) + V2^2 / (n2 - 1)).
        df = sum(variances) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
        statistic = difference / se
        p_value = float(2 * stats.t.sf(abs(statistic), df))
        half = float(stats.t.ppf((1 + level) / 2, df)) * se
    return Contrast(
        name="AUC",
        first=names[0],
        second=names[1],
        difference=difference,
        low=difference - half,
        high=difference + half,
        level=level,
        se=se,
        statistic=statistic,
        p_value=p_value,
        n=sum(sizes),
        unit=Unit.AUC,
        test="t test of two independent AUCs (DeLong, Welch)",
        method="Welch",
    )
