"""Power of a difference and of equivalence, and the rows that would decide."""

from __future__ import annotations

import math

from scipy import optimize, stats

from cxresearch.checks import check_level, check_number
from cxresearch.stats.intervals.normal_quantile import normal_quantile


def difference_power(difference: float, unit_sd: float, n: float, *, level: float = 0.95) -> float:
    """Probability that a two-sided z test finds a true difference with n rows.

    Parameters
    ----------
    difference : float
        The true difference.
    unit_sd : float
        ``sqrt(n) * SE`` of the estimated difference, above 0.
    n : float
        Rows of the study.
    level : float
        The test rejects at ``1 - level``.

    References
    ----------
    Chow, Shao, Wang and Lokhnygina (2017), Sample size calculations in clinical research (3rd ed.), section
    3.2. doi:10.1201/9781315183084

    Examples
    --------
    >>> round(difference_power(0.023, 1.07, 20_000), 2)
    0.86
    """
    # Power = P(|Z + shift| > z) with shift = difference / SE.
    shift = abs(difference) * math.sqrt(n) / unit_sd
    z = normal_quantile(level)
    return float(stats.norm.sf(z - shift) + stats.norm.cdf(-z - shift))


def equivalence_power(
    difference: float, unit_sd: float, n: float, *, margin: float, level: float = 0.95
) -> float:
    """Probability that two one-sided tests find equivalence when the truth is `difference`.

    Parameters
    ----------
    difference, unit_sd, n
        As in :func:`difference_power`.
    margin : float
        Largest difference that counts as none.
    level : float
        Each of the two tests rejects at ``1 - level``.

    References
    ----------
    Chow et al. (2017), as in :func:`difference_power`.

    Examples
    --------
    >>> round(equivalence_power(0.0, 1.07, 24_500, margin=0.02), 2)
    0.8
    """
    # Both one-sided tests reject at 1 - level: P(A) + P(B) - 1 is exact for normal estimates.
    precision = math.sqrt(n) / unit_sd
    z = stats.norm.ppf(level)
    upper = (margin - difference) * precision - z
    lower = (margin + difference) * precision - z
    return float(max(0.0, stats.norm.cdf(upper) + stats.norm.cdf(lower) - 1))


def rows_for_difference(
    difference: float, unit_sd: float, *, power: float = 0.8, level: float = 0.95
) -> float:
    """Rows with which a true difference is found with the wanted probability; infinite if it is zero.

    Parameters
    ----------
    difference, unit_sd, level
        As in :func:`difference_power`.
    power : float
        Probability wanted, between 0 and 1.

    Raises
    ------
    ArgumentError
        If power or level do not lie between 0 and 1.

    Examples
    --------
    >>> round(rows_for_difference(0.023, 1.07), -2)
    17000.0
    """
    level = check_level(level)
    power = check_number("power", power, above=0, below=1)
    if unit_sd == 0:
        return 2.0
    if difference == 0:
        return math.inf
    # n = ((z_level + z_power) sd / difference)^2; the far tail is left out.
    z = normal_quantile(level) + stats.norm.ppf(power)
    return float((z * unit_sd / difference) ** 2)


def rows_for_equivalence(
    difference: float, unit_sd: float, *, margin: float, power: float = 0.8, level: float = 0.95
) -> float:
    """Rows with which equivalence is found with the wanted probability; infinite from the margin outwards.

    Parameters
    ----------
    difference, unit_sd, margin, level
        As in :func:`equivalence_power`.
    power : float
        Probability wanted, between 0 and 1.

    Raises
    ------
    ArgumentError
        If power or level do not lie between 0 and 1.

    Examples
    --------
    >>> round(rows_for_equivalence(0.0, 1.07, margin=0.02), -2)
    24500.0
    """
    level = check_level(level)
    power = check_number("power", power, above=0, below=1)
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

    Parameters
    ----------
    difference, unit_sd, margin, power, level
        As in :func:`rows_for_equivalence`.

    Returns
    -------
    int
        The smaller of `rows_for_difference` and `rows_for_equivalence`, rounded up.

    Examples
    --------
    >>> rows_to_decide(0.023, 1.073, margin=0.02)
    17083
    """
    by_difference = rows_for_difference(difference, unit_sd, power=power, level=level)
    by_equivalence = rows_for_equivalence(difference, unit_sd, margin=margin, power=power, level=level)
    return math.ceil(min(by_difference, by_equivalence))
