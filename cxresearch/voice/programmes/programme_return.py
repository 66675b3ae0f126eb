"""Revenue returned for what was spent: the ratio of two effects, with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cxresearch.stats.effects.overlap_effect import effect_between

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.stats.effects.adjusted_arms import AdjustedArms


def return_on_spending(
    arms: AdjustedArms, earned: Floats, spent: Floats, *, level: float = 0.95
) -> dict[str, Any]:
    """Estimate what came back, and what was spent, on a treated customer.

    Both are effects between the same arms, so what a customer would have paid anyhow is no return. With R the
    ratio of the effect on ``earned`` to that on ``spent``, the error of R is that of the effect on
    ``earned - R spent`` over the effect on ``spent`` (the ratio linearised).

    Parameters
    ----------
    arms : AdjustedArms
    earned, spent : ndarray, shape (n,)
        Money; NaN in ``earned`` where it is not known.
    level : float

    Returns
    -------
    dict
        ``spent, earned, net`` a treated customer, ``net_low, net_high``; ``return_ratio`` (money back for
        one spent), ``return_low, return_high``.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 6.3, for the linearised ratio.

    Examples
    --------
    >>> from cxresearch.stats.effects.adjusted_arms import adjusted_arms
    >>> rng = np.random.default_rng(3)
    >>> treated = rng.random(4000) < 0.5
    >>> arms = adjusted_arms(rng.normal(size=(4000, 1)), treated, np.arange(4000))
    >>> found = return_on_spending(arms, 30.0 * treated + rng.normal(size=4000), 10.0 * treated)
    >>> round(found["return_ratio"], 1)
    3.0
    """
    gain = effect_between(arms, earned, level=level)
    # What was spent counts on the rows whose earnings are known, so that both means are of the same rows.
    cost = effect_between(arms, np.where(np.isnan(earned), np.nan, spent), level=level)
    net = effect_between(arms, earned - spent, level=level)
    # R = effect on earned / effect on spent
    ratio = gain.effect / cost.effect
    # se(R) = se(effect on earned - R spent) / effect on spent, Cochran (1977), section 6.3
    left = effect_between(arms, earned - ratio * spent, level=level)
    half = float(stats.t.ppf((1 + level) / 2, gain.n_people - 1)) * left.se / abs(cost.effect)
    return {
        "spent": cost.effect,
        "earned": gain.effect,
        "net": net.effect,
        "net_low": net.low,
        "net_high": net.high,
        "return_ratio": ratio,
        "return_low": ratio - half,
        "return_high": ratio + half,
    }
