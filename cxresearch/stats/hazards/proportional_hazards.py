"""Is the hazard ratio the same at all times? The score test that R's ``cox.zph`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from scipy.stats import rankdata

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.stats.hazards.cox_maximum import CoxData, information, term_means
from cxresearch.stats.survival.kaplan_meier import survival_of
from cxresearch.stats.survival.risk_sets import RiskSets
from cxresearch.stats.survival.risk_table import risk_table

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.stats.hazards.cox_fit import CoxFit

TRANSFORMS = ("km", "rank", "log", "identity")


def proportionality_test(
    fit: CoxFit,
    data: CoxData,
    *,
    transform: str = "km",
    terms: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Test whether coefficients drift with time.

    Own code: lifelines has the approximation of Grambsch and Therneau (1994), which R left in 2019 for the
    score test itself.

    Parameters
    ----------
    fit : CoxFit
        From :func:`cxresearch.stats.hazards.cox.fit_of`.
    data : CoxData
        The data of that fit.
    transform : {"km", "rank", "log", "identity"}
        Scale of time on which a drift is sought: 1 less the Kaplan-Meier curve, rank among all durations,
        logarithm, or time itself.
    terms : mapping of str to sequence of str, optional
        Covariates tested together, for example the columns of a spline. By default each by itself.

    Returns
    -------
    DataFrame
        Columns term, chi_square, df, p_value; the last row, GLOBAL, tests all at once. A small p-value says
        the ratio changes over time, so that the coefficient is an average.

    Raises
    ------
    ArgumentError
        If the transform is unknown, or a term names a covariate that is not there.

    References
    ----------
    Grambsch and Therneau 1994, doi:10.1093/biomet/81.3.515.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.stats.hazards.cox import cox_data, fit_of
    >>> x = pd.DataFrame({"score": [9, 2, 7, 3, 8, 5, 6, 4]})
    >>> data = cox_data([8, 2, 6, 5, 9, 7, 3, 4], [0, 1, 1, 1, 0, 1, 1, 1], x)
    >>> proportionality_test(fit_of(data), data)["term"].tolist()
    ['score', 'GLOBAL']
    """
    check_choice("transform", transform, TRANSFORMS)
    groups = _terms(data.names, terms)
    time = _transformed(data, transform)
    sets = data.sets
    means = term_means(sets, data.x, fit.coefficient)
    # Schoenfeld residuals x - xbar at each event; the score of x g(t) as a further column is g' times them.
    residual = sets.weight[sets.case, None] * data.x[sets.case] - sets.mean_weight[:, None] * means.mean
    score = time @ residual
    # Information of x, of x with x g(t), and of x g(t); what x leaves of the last (R's cox.zph since 2019).
    plain = information(sets, data.x, means, sets.mean_weight)
    mixed = information(sets, data.x, means, sets.mean_weight * time)
    double = information(sets, data.x, means, sets.mean_weight * time**2)
    remaining = double - mixed @ np.linalg.solve(plain, mixed)
    rows = []
    for name, columns in {**groups, "GLOBAL": list(range(len(data.names)))}.items():
        # Rao's score test U' V^-1 U.
        part = score[columns]
        statistic = float(part @ np.linalg.solve(remaining[np.ix_(columns, columns)], part))
        rows.append((name, statistic, len(columns), float(chdtrc(len(columns), statistic))))
    return pd.DataFrame(rows, columns=["term", "chi_square", "df", "p_value"])


def _terms(names: tuple[str, ...], terms: Mapping[str, Sequence[str]] | None) -> dict[str, list[int]]:
    if terms is None:
        return {name: [position] for position, name in enumerate(names)}
    unknown = [name for columns in terms.values() for name in columns if name not in names]
    if unknown:
        raise ArgumentError(f"there is no covariate {unknown[0]!r}", wanted="one of " + ", ".join(names))
    return {term: [names.index(name) for name in columns] for term, columns in terms.items()}


def _transformed(data: CoxData, transform: str) -> Floats:
    """Scale of time at each event, centred; shape (e,)."""
    sets: RiskSets = data.sets
    at = sets.time[sets.at]
    # R's cox.zph: g(t) = 1 - S(t-) of the pooled curve by default.
    if transform == "km":
        table = risk_table(data.rows)
        before = np.concatenate([[1.0], survival_of(table)[:-1]])
        scale = 1 - before[np.searchsorted(table.time, at)]
    elif transform == "rank":
        scale = rankdata(data.rows.duration)[sets.case]
    elif transform == "log":
        scale = np.log(at)
    else:
        scale = at
    return np.asarray(scale - scale.mean(), dtype=np.float64)
