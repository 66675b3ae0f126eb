"""Two one-sided tests, power of a difference and of equivalence, and the rows that would decide."""

from __future__ import annotations

import math

from scipy import optimize, stats

from cxresearch.checks import check_level, check_number


def equivalence_p_value(difference: float, se: float, margin: float) -> float:
    """P-value of the hypothesis that the difference is as large as the margin (two one-sided tests).

    Examples
    --------
    >>> round(equivalence_p_value(0.0, 0.01, 0.02), 4)
    0.0228

    References
    ----------
    Schuirmann (1987), doi:10.1007/BF01068419.
    """
    if se <= 0 or math.isnan(se):
        return (0.0 if abs(difference) < margin else 1.0) if se == 0 else float("nan")
    return float(stats.norm.sf((margin - abs(difference)) / se))


def difference_power(difference: float, unit_sd: float, n: float, *, level: float = 0.95) -> float:
    """Probability that a two-sided z test finds a true difference with n rows.

    Parameters
    ----------
    unit_sd : float
        ``sqrt(n) * SE`` of the estimated difference.
    """
    shift, z = abs(difference) * math.sqrt(n) / unit_sd, stats.norm.ppf(0.5 + level / 2)
    return float(stats.norm.sf(z - shift) + stats.norm.cdf(-z - shift))


def equivalence_power(
    difference: float, unit_sd: float, n: float, *, margin: float, level: float = 0.95
) -> float:
    """Probability that two one-sided tests find equivalence when the truth is `difference`."""
    root, z = math.sqrt(n) / unit_sd, stats.norm.ppf(level)
    upper, lower = (margin - difference) * root - z, (margin + difference) * root - z
    return float(max(0.0, stats.norm.cdf(upper) + stats.norm.cdf(lower) - 1))


def rows_for_difference(
    difference: float, unit_sd: float, *, power: float = 0.8, level: float = 0.95
) -> float:
    """Rows with which a true difference is found with the wanted probability; infinite if it is zero.

    Examples
    --------
    >>> round(rows_for_difference(0.023, 1.07), -2)
    17000.0
    """
    level, power = check_level(level), check_number("power", power, above=0, below=1)
    if difference == 0 or unit_sd == 0:
        return math.inf if unit_sd else 2.0
    z = stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power)
    return float((z * unit_sd / difference) ** 2)


def rows_for_equivalence(
    difference: float, unit_sd: float, *, margin: float, power: float = 0.8, level: float = 0.95
) -> float:
    """Rows with which equivalence is found with the wanted probability; infinite from the margin outwards.

    Examples
    --------
    >>> round(rows_for_equivalence(0.0, 1.07, margin=0.02), -2)
    24500.0
    """
    level, power = check_level(level), check_number("power", power, above=0, below=1)
    if abs(difference) >= margin:
        return math.inf
    if unit_sd == 0:
        return 2.0
    scale = (unit_sd / (margin - abs(difference))) ** 2

    def miss(log_n: float) -> float:
        return equivalence_power(difference, unit_sd, math.exp(log_n), margin=margin, level=level) - power

    return math.exp(optimize.brentq(miss, math.log(scale * 1e-3), math.log(scale * 1e3)))


def rows_to_decide(
    difference: float, unit_sd: float, *, margin: float, power: float = 0.8, level: float = 0.95
) -> int:
    """Rows with which either the difference or equivalence is found, if the truth is what was observed.

    Examples
    --------
    >>> rows_to_decide(0.023, 1.073, margin=0.02)
    17083
    """
    by_difference = rows_for_difference(difference, unit_sd, power=power, level=level)
    by_equivalence = rows_for_equivalence(difference, unit_sd, margin=margin, power=power, level=level)
    return math.ceil(min(by_difference, by_equivalence))
