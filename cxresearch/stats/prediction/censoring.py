"""What a metric needs to know about censoring: weights for the rows, and what estimating them costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cxresearch.stats.prediction.follow_up import FollowUp, censoring_term, inverse_weights

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


class Censoring(Protocol):
    """A fitted censoring distribution; rows sorted by duration, as ``fit`` is.

    :class:`MarginalCensoring` takes G to be the same for everybody,
    :class:`cxresearch.stats.hazards.censoring_cox.CoxCensoring` to depend on covariates.
    """

    @property
    def fit(self) -> FollowUp:
        """The sorted rows."""
        ...

    def inverse_weights(self, horizon: float) -> Floats:
        """``1/G(T-)`` for events up to the horizon, ``1/G(horizon)`` for those followed past it, else 0."""
        ...

    def term(self, effect: Floats, horizon: float) -> Floats:
        """Influence of estimating G, from ``n`` times the derivative by the log of each row's weight."""
        ...


@dataclass(frozen=True, kw_only=True)
class MarginalCensoring:
    """The reverse Kaplan-Meier estimate: being censored hangs on nothing but time.

    Attributes
    ----------
    fit : FollowUp
        The sorted rows with their censoring distribution.
    """

    fit: FollowUp

    def inverse_weights(self, horizon: float) -> Floats:
        """Weights of the rows whose state at the horizon is known; they sum to n."""
        return inverse_weights(self.fit, horizon)

    def term(self, effect: Floats, horizon: float) -> Floats:
        """Influence of estimating G: the exact derivative of the product-limit estimator."""
        return censoring_term(self.fit, effect, horizon)
