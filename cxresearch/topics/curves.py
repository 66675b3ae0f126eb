"""How long customers stay: incidences, lifetimes, hazards, and what follows an event."""

from cxresearch.churn.after.after_event import after_event
from cxresearch.churn.after.after_event_result import AfterEvent
from cxresearch.churn.curves.churn_curve import cumulative_incidence
from cxresearch.churn.curves.churn_curve_result import ChurnCurve
from cxresearch.churn.curves.churn_incidence_result import ChurnIncidence
from cxresearch.churn.curves.compare_curves import CurveComparison
from cxresearch.churn.curves.expected_lifetime import ExpectedLifetime, expected_lifetime
from cxresearch.churn.hazards.hazard_model import hazard_model
from cxresearch.churn.hazards.hazard_model_result import HazardModel
from cxresearch.stats.survival.aalen_johansen import CumulativeIncidence
from cxresearch.stats.survival.survival_curve import KaplanMeier

__all__ = [
    "AfterEvent",
    "ChurnCurve",
    "ChurnIncidence",
    "CumulativeIncidence",
    "CurveComparison",
    "ExpectedLifetime",
    "HazardModel",
    "KaplanMeier",
    "after_event",
    "cumulative_incidence",
    "expected_lifetime",
    "hazard_model",
]
