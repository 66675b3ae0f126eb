"""Who is likely to leave: models, their judgement, their reasons and their cards."""

from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.leak_alarms import leak_alarms
from cxresearch.churn.classifier.model_card import ModelCard, load_churn_model, model_card, save_churn_model
from cxresearch.churn.drivers.key_drivers_result import KeyDrivers
from cxresearch.churn.evaluation.added_value import added_value
from cxresearch.churn.evaluation.churn_odds import OddsRatios, churn_odds
from cxresearch.churn.evaluation.effect_curve import EffectCurve, effect_curve
from cxresearch.churn.evaluation.evaluation_result import ChurnEvaluation, NestedEvaluation
from cxresearch.churn.risk.at_risk import profit_curve
from cxresearch.churn.risk.churn_risk import churn_risk
from cxresearch.churn.risk.risk_list import ProfitCurve, RiskList
from cxresearch.data.landmarks.landmarks import Landmarks

__all__ = [
    "ChurnEvaluation",
    "ChurnModel",
    "EffectCurve",
    "KeyDrivers",
    "Landmarks",
    "ModelCard",
    "NestedEvaluation",
    "OddsRatios",
    "ProfitCurve",
    "RiskList",
    "added_value",
    "churn_odds",
    "churn_risk",
    "effect_curve",
    "leak_alarms",
    "load_churn_model",
    "model_card",
    "profit_curve",
    "save_churn_model",
]
