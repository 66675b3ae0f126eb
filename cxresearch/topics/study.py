"""What the overview of a whole study returns, and what goes with having left in a list without dates."""

from cxresearch.churn.drivers.who_left import who_left
from cxresearch.churn.drivers.who_left_result import WhoLeft
from cxresearch.data.checking.check_study import StudyCheck
from cxresearch.data.study_file.costs import Costs
from cxresearch.data.validation.respondents import respondents
from cxresearch.metrics.scorecard.scorecard_result import Scorecard

__all__ = [
    "Costs",
    "Scorecard",
    "StudyCheck",
    "WhoLeft",
    "respondents",
    "who_left",
]
