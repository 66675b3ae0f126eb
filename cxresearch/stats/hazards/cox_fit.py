"""A fitted Cox regression as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CoxFit(Result):
    """Coefficients of a proportional-hazards regression.

    Attributes
    ----------
    names : tuple of str, length p
        Covariates.
    coefficient : ndarray, shape (p,)
        Log hazard ratio for one unit more.
    covariance : ndarray, shape (p, p)
        Inverse of the observed information.
    robust : ndarray, shape (p, p), or None
        Robust (clustered) covariance, where weights or clusters were given; then intervals and tests use it.
    loglik_null, loglik : float
        Log partial likelihood (Efron) at zero and at the estimate.
    score_statistic : float
        Chi-square of the score test at zero.
    n, n_events, n_clusters : int
        Rows, events and clusters (rows, where there are no clusters).
    level : float
        Confidence level.
    iterations : int
        Newton steps taken.
    separated : tuple of str
        Covariates whose coefficient runs off to infinity: no finite estimate exists.
    model : str
        What was fitted.
    """

    names: tuple[str, ...]
    coefficient: Floats
    covariance: Floats
    robust: Floats | None
    loglik_null: float
    loglik: float
    score_statistic: float
    n: int
    n_events: int
    n_clusters: int
    level: float
    iterations: int
    separated: tuple[str, ...] = ()
    model: str = "Cox regression"

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Hazard ratios with {level} intervals; {n:,} rows, {n_events:,} events",
            columns=(
                Column(name="name", label="covariate", meaning="the covariate, one unit more of it"),
                Column(
                    name="hazard_ratio",
                    label="hazard ratio",
                    meaning="ratio of the hazards for one unit more",
                    unit=Unit.RATIO,
                    low="low",
                    high="high",
                ),
                Column(name="coefficient", label="log ratio", meaning="logarithm of the hazard ratio"),
                Column(name="se", label="SE", meaning="standard error of the log ratio"),
                Column(name="p_value", label="p", meaning="Wald test that the ratio is 1", unit=Unit.P_VALUE),
            ),
        ),
        "tests": TableSpec(
            title="Tests that no covariate matters",
            columns=(
                Column(name="test", label="test", meaning="likelihood ratio, Wald or score"),
                Column(name="chi_square", label="chi-square", meaning="statistic of the test"),
                Column(name="df", label="df", meaning="degrees of freedom: covariates"),
                Column(name="p_value", label="p", meaning="of no effect at all", unit=Unit.P_VALUE),
            ),
        ),
        "criteria": TableSpec(
            title="How well the model fits",
            columns=(
                Column(name="loglik", label="log-likelihood", meaning="partial, at the estimate"),
                Column(name="loglik_null", label="without covariates", meaning="partial log-likelihood at 0"),
                Column(name="parameters", label="parameters", meaning="coefficients"),
                Column(name="aic", label="AIC", meaning="Akaike's criterion: lower predicts better"),
                Column(name="bic", label="BIC", meaning="Schwarz' criterion, with the number of events"),
            ),
        ),
    }

    @property
    def used_covariance(self) -> Floats:
        """The robust covariance where there is one, else the model's."""
        if self.robust is None:
            return self.covariance
        return self.robust

    @property
    def se(self) -> Floats:
        """Standard errors used for intervals and tests, shape (p,)."""
        return np.asarray(np.sqrt(np.diag(self.used_covariance)), dtype=np.float64)

    @property
    def table(self) -> pd.DataFrame:
        """One row a covariate; errors, intervals and tests are robust where there are weights or clusters.

        A covariate without a finite estimate has no interval and no test: its Wald error says nothing.
        """
        # Wald: b / SE against the standard normal, exp(b +- z SE) as interval of the ratio.
        infinite = np.isin(self.names, self.separated)
        statistic = np.where(infinite, np.nan, self.coefficient / self.se)
        half = np.where(infinite, np.nan, normal_quantile(self.level) * self.se)
        with np.errstate(over="ignore"):
            return pd.DataFrame(
                {
                    "name": self.names,
                    "coefficient": self.coefficient,
                    "se": self.se,
                    "se_model": np.sqrt(np.diag(self.covariance)),
                    "hazard_ratio": np.exp(self.coefficient),
                    "low": np.exp(self.coefficient - half),
                    "high": np.exp(self.coefficient + half),
                    "z": statistic,
                    "p_value": 2 * ndtr(-np.abs(statistic)),
                }
            )

    @property
    def tests(self) -> pd.DataFrame:
        """Tests that no covariate matters: columns test, chi_square, df, p_value.

        The likelihood-ratio and score tests assume independent rows; the Wald test, robust where there are
        clusters, does not.
        """
        # 2 (l - l0), b' V^-1 b and the score test, each chi-square with p degrees of freedom under no effect.
        wald = float(self.coefficient @ np.linalg.solve(self.used_covariance, self.coefficient))
        values = np.array([2 * (self.loglik - self.loglik_null), wald, self.score_statistic])
        df = len(self.names)
        return pd.DataFrame(
            {
                "test": ["likelihood ratio", "Wald", "score"],
                "chi_square": values,
                "df": df,
                "p_value": chdtrc(df, values),
            }
        )

    @property
    def criteria(self) -> pd.DataFrame:
        """One row: loglik, loglik_null, parameters, aic, bic; they assume independent rows."""
        return pd.DataFrame(
            {
                "loglik": [self.loglik],
                "loglik_null": [self.loglik_null],
                "parameters": [len(self.names)],
                "aic": [self.aic],
                "bic": [self.bic],
            }
        )

    @property
    def aic(self) -> float:
        """Akaike's criterion of the partial likelihood."""
        return -2 * self.loglik + 2 * len(self.names)

    @property
    def bic(self) -> float:
        """Schwarz' criterion of the partial likelihood with the number of events, as R's ``BIC`` of a coxph.

        References
        ----------
        Volinsky and Raftery (2000), doi:10.1111/j.0006-341X.2000.00256.x.
        """
        return float(-2 * self.loglik + np.log(self.n_events) * len(self.names))

    @property
    def finding(self) -> str:
        """What was fitted, and the covariate that says most against chance."""
        errors = "errors of independent rows"
        if self.robust is not None:
            errors = f"errors robust over {self.n_clusters:,} clusters"
        text = f"{self.model}, {self.n:,} rows with {self.n_events:,} events, {errors}"
        finite = self.table[~self.table["name"].isin(self.separated)]
        if finite.empty:
            return f"{text}."
        row = finite.sort_values("p_value").iloc[0]
        ratio = format_estimate(row["hazard_ratio"], row["low"], row["high"], Unit.RATIO)
        return f"{text}; {row['name']} has the hazard ratio {ratio}, {format_p_value(row['p_value'])}."

    @property
    def notes(self) -> tuple[str, ...]:
        """Covariates without a finite estimate."""
        if not self.separated:
            return ()
        return (
            f"No finite estimate for {', '.join(self.separated)}: it separates those who leave from those "
            "who stay; the likelihood-ratio test holds, the ratio and its interval do not.",
        )
