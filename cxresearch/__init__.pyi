# One line for each public name, grouped by folder: lazy_loader reads this file at run time, type checkers and
# editors read it as a stub. Add yours in the group of the module it comes from.
from .data.company import company_study as company_study
from .data.company import company_truth as company_truth
from .data.landmarks import landmark as landmark
from .data.study import Study as Study
from .data.study import read_study as read_study
from .data.synthetic import synthetic_landmarks as synthetic_landmarks
from .data.synthetic import synthetic_study as synthetic_study
from .data.truth import truth as truth
from .errors import ArgumentError as ArgumentError
from .errors import CxError as CxError
from .errors import CxWarning as CxWarning
from .errors import DataError as DataError
from .errors import StudyError as StudyError
from .headtohead.contest import compare as compare
from .metrics.contrasts import metric_contrasts as metric_contrasts
from .metrics.non_response import nonresponse_bounds as nonresponse_bounds
from .metrics.non_response import response_rate as response_rate
from .metrics.score_contrast import score_difference as score_difference
from .metrics.scorecards import scorecard as scorecard
from .metrics.survey import ces as ces
from .metrics.survey import csat as csat
from .metrics.survey import nps as nps
from .metrics.survey import survey_score as survey_score
from .metrics.table import metric_table as metric_table
from .plots.dispatch import plot as plot
from .reporting.run import run_report as run_report
from .results.comparison import Comparison as Comparison
from .results.contrast import Contrast as Contrast
from .results.estimate import Estimate as Estimate
from .results.landmarks import Landmarks as Landmarks
from .results.scorecard import Scorecard as Scorecard
from .results.truth import Truth as Truth
from .results.units import Unit as Unit
from .scales import CES1 as CES1
from .scales import CES2 as CES2
from .scales import CSAT as CSAT
from .scales import NPS as NPS
from .scales import Scale as Scale
from .stats.design import design_mean as design_mean
from .stats.design import design_ratio as design_ratio
from .stats.design import design_share as design_share
from .stats.design import survey_design as survey_design
from .stats.raking import rake_weights as rake_weights

__version__: str
