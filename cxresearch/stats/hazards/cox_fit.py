"""A fitted Cox regression as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from cxresearch.results.result import Result
from cxresearch.results.units import format_p_value
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

    @property
    def used_covariance(self) -> Floats:
        """The robust covariance where there is one, else the model's."""
        return self.covariance if self.robust is None else self.robust

    @property
    def se(self) -> Floats:
        """Standard errors used for intervals and tests, shape (p,)."""
        return np.asarray(np.sqrt(np.diag(self.used_covariance)), dtype=np.float64)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a covariate.

        Columns name, coefficient, se (robust where there are clusters), se_model, hazard_ratio, low, high
        (of the ratio), z, p_value.
        """
        z = self.coefficient / self.se
        half = normal_quantile(self.level) * self.se
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
                    "z": z,
                    "p_value": 2 * ndtr(-np.abs(z)),
                }
            )

    @property
    def tests(self) -> pd.DataFrame:
        """Tests that no covariate matters: columns test, chi_square, df, p_value.

        The likelihood-ratio and score tests assume independent rows; the Wald test, robust where there are
        clusters, does not.
        """
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
    def aic(self) -> float:
        """Akaike's criterion of the partial likelihood."""
        return -2 * self.loglik + 2 * len(self.names)

    def __str__(self) -> str:
        head = f"Cox regression, n {self.n:,}, events {self.n_events:,}"
        if self.robust is not None:
            head += f", robust over {self.n_clusters:,} clusters"
        lines = [
            f"  {row['name']}: hazard ratio {row['hazard_ratio']:.3g} [{row['low']:.3g}, {row['high']:.3g}], "
            f"{format_p_value(float(row['p_value']))}"
            for row in self.frame.to_dict("records")
        ]
        if self.separated:
            lines.append(f"  no finite estimate for {', '.join(self.separated)}")
        return "\n".join([head, *lines])

    __repr__ = __str__
