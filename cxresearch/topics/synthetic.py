"""Companies that do not exist, with their truth."""

from cxresearch.data.synthetic.company import company_study, company_truth
from cxresearch.data.synthetic.journey_company import JourneyTruth, journey_study
from cxresearch.data.synthetic.one_survey import synthetic_landmarks, synthetic_study
from cxresearch.data.synthetic.planted_truth import PlantedTruth
from cxresearch.data.synthetic.truth import Truth, truth

__all__ = [
    "JourneyTruth",
    "PlantedTruth",
    "Truth",
    "company_study",
    "company_truth",
    "journey_study",
    "synthetic_landmarks",
    "synthetic_study",
    "truth",
]
