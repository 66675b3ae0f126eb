"""What the overview of a whole study returns."""

from cxresearch.data.checking.check_study import StudyCheck
from cxresearch.metrics.scorecard.scorecard_result import Scorecard

__all__ = [
    "Scorecard",
    "StudyCheck",
]
