"""Random-effects meta-analysis and meta-regression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from scipy import stats

from cxresearch.checks import as_numbers, check_choice, check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_interval, format_p_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.mixed_fit import METHODS, MixedFit, mixed_fit

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pooled(Result):
    """A meta-analysis.

    Attributes
    ----------
    name : str
        What is pooled.
    value, low, high, se : float
        Average over the population of segments, its interval and standard error.
    statistic, p_value : float
        Of an average of zero; t with ``df`` degrees of freedom, or z where ``df`` is infinite.
    df : float
    prediction_low, prediction_high : float
        Where the true value of one further segment is expected to lie. NaN with fewer than three segments.
    tau2 : float
        Variance of the true values between segments.
    i2 : float
        Share of the variation that is not sampling error, 0 to 1.
    q, q_p_value : float
        Cochran's test that all true values are equal.
    k : int
        Number of segments.
    table : DataFrame
        One row a segment; weights sum to 1.
    level : float
    unit : Unit
    method, note : str
    """

    name: str
    value: float
    low: float
    high: float
    se: float
    statistic: float
    p_value: float
    df: float
    prediction_low: float
    prediction_high: float
    tau2: float
    i2: float
    q: float
    q_p_value: float
    k: int
    table: pd.DataFrame
    level: float
    unit: Unit
    method: str
    note: str = ""

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Segments with their {level} intervals and weights",
            columns=(
                Column(name="label", label="segment", meaning="name of the segment"),
                Column(name="value", label="value", meaning="its estimate", low="low", high="high"),
                Column(name="weight", label="weight", meaning="share in the average", unit=Unit.SHARE),
            ),
        )
    }

    def __float__(self) -> float:
        return self.value

    @property
    def finding(self) -> str:
        """The average, where a further segment is expected, and how much segments differ."""
        figure = format_estimate(self.value, self.low, self.high, self.unit, signed=True)
        spread = format_interval(self.prediction_low, self.prediction_high, self.unit, signed=True)
        return (
            f"{self.name}: {figure}, "
            f"{format_p_value(self.p_value)}, {self.k} segments; a further segment {spread}; "
            f"I\N{SUPERSCRIPT TWO} {100 * self.i2:.0f} %"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, if there is one."""
        return tuple(filter(None, (self.note,)))

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, values in the unit of what was pooled."""
        value = Column(
            name="value",
            label="value",
            meaning="estimate of the segment",
            unit=self.unit,
            low="low",
            high="high",
        )
        columns = [value if column.name == "value" else column for column in self.specs[name].columns]
        return TableSpec(title=self.specs[name].title, columns=tuple(columns))


TESTS = ("hartung_knapp", "modified", "normal")
PREDICTIONS = ("k-2", "metafor")
#: Below this factor of Hartung and Knapp the estimates are equal for all that rounding can tell: two segments
#: that truly agree come as close once in 12,000 times.
EQUAL = 1e-8


def meta_analysis(  # noqa: PLR0913 - what metafor's rma takes
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    method: str = "REML",
    test: str = "hartung_knapp",
    prediction: str = "k-2",
    level: float = 0.95,
    name: str = "average",
    unit: Unit = Unit.AUC,
) -> Pooled:
    """Pool estimates of segments or studies by random effects.

    Parameters
    ----------
    estimates, standard_errors : array-like, shape (k,)
        Missing values are refused; standard errors must be positive.
    labels : sequence of str, optional
        Names of the segments.
    method : {"REML", "ML", "DL", "PM", "FE"}
        Estimator of the variance between segments; ``"FE"`` assumes there is none.
    test : {"hartung_knapp", "modified", "normal"}
        t interval with Hartung and Knapp's variance; the same but never narrower than the plain one
        (Röver et al. 2015); or Wald. Where the estimates are equal, Hartung and Knapp's variance is zero and
        ``"modified"`` stands in for it, with a note.
    prediction : {"k-2", "metafor"}
        t with k - 2 degrees of freedom (Higgins et al. 2009), or the quantile and standard error of the
        interval of the average, as metafor 3.8 has it.

    Returns
    -------
    Pooled

    Raises
    ------
    DataError
        With fewer than two segments.
    ArgumentError
        Standard errors that are not positive, lengths that differ, unknown choices.

    Notes
    -----
    Agrees with metafor 3.8 ``rma(yi, vi, method, test = "knha")`` to 1e-6.

    References
    ----------
    Hartung and Knapp (2001), doi:10.1002/sim.791; IntHout et al. (2014), doi:10.1186/1471-2288-14-25;
    Higgins, Thompson and Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x; Röver, Knapp and Friede
    (2015), doi:10.1186/s12874-015-0091-1.

    Examples
    --------
    >>> round(meta_analysis([0.10, 0.12, 0.08, 0.11], [0.1, 0.1414, 0.1225, 0.1]).value, 3)
    0.102
    """
    level = check_level(level)
    check_choice("method", method, METHODS)
    check_choice("test", test, TESTS)
    check_choice("prediction", prediction, PREDICTIONS)
    y, se = _checked(estimates, standard_errors, labels)
    fit = mixed_fit(y, se**2, np.ones((len(y), 1)), method=method)
    equal = test == "hartung_knapp" and fit.scale < EQUAL
    used = test
    if equal:
        used = "modified"
    average = _average(fit, used, level)
    half = _further_segment(fit, average, prediction, level)
    return Pooled(
        name=name,
        value=average.value,
        low=average.value - average.half,
        high=average.value + average.half,
        se=average.se,
        statistic=average.value / average.se,
        p_value=float(2 * stats.t.sf(abs(average.value / average.se), average.df)),
        df=average.df,
        prediction_low=average.value - half,
        prediction_high=average.value + half,
        tau2=fit.tau2,
        i2=fit.i2,
        q=fit.q,
        q_p_value=float(stats.chi2.sf(fit.q, fit.df)),
        k=len(y),
        table=_segments(y, se, 1 / (se**2 + fit.tau2), labels, level),
        level=level,
        unit=unit,
        method=f"{method}, {used.replace('_', '-')}",
        note=_note(equal=equal, narrow=used == "hartung_knapp" and fit.scale < 1),
    )


def _checked(
    estimates: ArrayLike, standard_errors: ArrayLike, labels: Sequence[str] | None
) -> tuple[Floats, Floats]:
    y = as_numbers("estimates", estimates)
    se = as_numbers("standard_errors", standard_errors)
    k = check_same_length(estimates=y, standard_errors=se, labels=labels)
    if k < 2:
        raise DataError(f"there are {k} segments", wanted="two or more to pool")
    _check_spread(se)
    return y, se


def _check_spread(se: Floats) -> None:
    if (se <= 0).any():
        raise ArgumentError(
            "a standard error is zero or negative",
            where=f"position {int(np.argmax(se <= 0))}",
            next_step="leave out segments without spread",
        )


def _note(*, equal: bool, narrow: bool) -> str:
    if equal:
        return "the segments' estimates are equal, so the interval rests on their standard errors alone"
    if narrow:
        return "segments differ less than chance would have it, so the interval may be too narrow"
    return ""


class _Average(NamedTuple):
    """Pooled value, its corrected standard error, half the width of its interval, degrees of freedom."""

    value: float
    se: float
    half: float
    df: float


def _average(fit: MixedFit, test: str, level: float) -> _Average:
    se, df = _corrected(math.sqrt(fit.covariance[0, 0]), fit, test)
    return _Average(float(fit.coefficients[0]), se, float(stats.t.ppf(0.5 + level / 2, df)) * se, df)


def _corrected(plain: float, fit: MixedFit, test: str) -> tuple[float, float]:
    if test == "normal":
        return plain, math.inf
    # Hartung and Knapp (2001): var = (y'Py / df) (X'WX)^-1; modified: a factor of at least 1.
    scale = fit.scale
    if test == "modified":
        scale = max(1.0, scale)
    return plain * math.sqrt(scale), float(fit.df)


def _further_segment(fit: MixedFit, average: _Average, prediction: str, level: float) -> float:
    """Half the width of the prediction interval; with k - 2 degrees of freedom NaN for two segments."""
    if prediction == "metafor":
        return float(stats.t.ppf(0.5 + level / 2, average.df)) * math.sqrt(fit.tau2 + average.se**2)
    if fit.df < 2:
        return math.nan
    # Higgins, Thompson and Spiegelhalter (2009): t(k - 2) sqrt(tau2 + SE^2).
    return float(stats.t.ppf(0.5 + level / 2, fit.df - 1)) * math.sqrt(fit.tau2 + fit.covariance[0, 0])


def _segments(y: Floats, se: Floats, weight: Floats, labels: Sequence[str] | None, level: float) -> Any:
    import pandas as pd

    names = [str(place + 1) for place in range(len(y))]
    if labels is not None:
        names = list(labels)
    half = normal_quantile(level) * se
    return pd.DataFrame(
        {
            "label": names,
            "value": y,
            "se": se,
            "low": y - half,
            "high": y + half,
            "weight": weight / weight.sum(),
        }
    )


def egger_test(estimates: ArrayLike, standard_errors: ArrayLike) -> tuple[float, float]:
    """Egger's regression test for small-study effects: t statistic and two-sided p-value.

    Parameters
    ----------
    estimates, standard_errors : array-like, shape (k,)
        As in :func:`meta_analysis`.

    Returns
    -------
    t, p_value : float
        NaN where the estimates lie on a line in their standard errors, which leaves nothing to judge by.

    Raises
    ------
    DataError
        With fewer than three studies, or where all have the same standard error.
    ArgumentError
        Standard errors that are not positive, lengths that differ.

    References
    ----------
    Egger et al. (1997), doi:10.1136/bmj.315.7109.629.

    Examples
    --------
    >>> t, p = egger_test([0.1, 0.3, 0.2, 0.3], [0.1, 0.2, 0.15, 0.4])
    >>> round(t, 2), round(p, 2)
    (2.09, 0.17)
    """
    y = as_numbers("estimates", estimates)
    se = as_numbers("standard_errors", standard_errors)
    k = check_same_length(estimates=y, standard_errors=se)
    if k < 3:
        raise DataError(f"there are {k} studies", wanted="three or more")
    _check_spread(se)
    if np.ptp(se) <= 1e-9 * se.max():
        raise DataError(
            "all studies have the same standard error",
            next_step="the test asks whether estimates rise with it; there is nothing to compare",
        )
    # Egger et al. (1997): slope of the estimates on their standard errors, weighted by 1 / SE^2.
    fit = mixed_fit(y, se**2, np.column_stack([np.ones(k), se]), method="FE")
    if fit.scale < EQUAL:
        return math.nan, math.nan
    t = float(fit.coefficients[1] / math.sqrt(fit.covariance[1, 1] * fit.scale))
    return t, float(2 * stats.t.sf(abs(t), fit.df))
