# One line for each public name: lazy_loader reads this file at run time, type checkers and editors as a stub.
# The root has what leads to an answer; whatever belongs to one topic stands in topics/.
from . import errors as errors
from .churn.classifier.fit_churn import fit_churn as fit_churn
from .churn.curves.churn_curve import churn_curve as churn_curve
from .churn.curves.compare_curves import compare_curves as compare_curves
from .churn.drivers.key_drivers import key_drivers as key_drivers
from .churn.evaluation.evaluate_churn import evaluate_churn as evaluate_churn
from .churn.risk.at_risk import at_risk as at_risk
from .data.checking.check_study import check_study as check_study
from .data.landmarks.landmark import landmark as landmark
from .data.study import Study as Study
from .data.study import read_study as read_study
from .errors import CxError as CxError
from .errors import CxWarning as CxWarning
from .headtohead.contest.contest import compare as compare
from .headtohead.contest.protocol import Protocol as Protocol
from .metrics.survey.survey import ces as ces
from .metrics.survey.survey import csat as csat
from .metrics.survey.survey import nps as nps
from .metrics.tables.contrasts import metric_contrasts as metric_contrasts
from .metrics.tables.metric_table import metric_table as metric_table
from .metrics.tables.scorecard import scorecard as scorecard
from .plots.dispatch import plot as plot
from .reporting.run_report import run_report as run_report
from .results.contrast import Contrast as Contrast
from .results.estimate import Estimate as Estimate
from .results.units import Unit as Unit
from .scales import CES1 as CES1
from .scales import CES2 as CES2
from .scales import CSAT as CSAT
from .scales import NPS as NPS
from .scales import Scale as Scale
from .topics import classifier as classifier
from .topics import contest as contest
from .topics import curves as curves
from .topics import design as design
from .topics import revenue as revenue
from .topics import study as study
from .topics import support as support
from .topics import survey as survey
from .topics import synthetic as synthetic
from .topics import usage as usage
from .voice.when.around_event import around_event as around_event
from .voice.when.since_when import since_when as since_when
from .voice.turning.turning_points import turning_points as turning_points

__version__: str
