"""The statistics by themselves, for arrays of your own: curves, tests, regressions, AUCs, intervals."""

from cxresearch.results.contrast import Contrast
from cxresearch.stats.effects.augmented_effect import AugmentedEffect, augmented_effect
from cxresearch.stats.effects.e_value import e_value, e_value_of_limits
from cxresearch.stats.effects.overlap_effect import OverlapEffect, overlap_effect
from cxresearch.stats.hazards.censoring_cox import CoxCensoring, cox_censoring
from cxresearch.stats.hazards.cox import fit_cox
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.fine_gray import fine_gray
from cxresearch.stats.hazards.gray import gray_test
from cxresearch.stats.hazards.logrank import LogRank, logrank
from cxresearch.stats.intervals.correlation import correlation
from cxresearch.stats.intervals.proportions import agresti_coull, clopper_pearson, jeffreys, wilson
from cxresearch.stats.intervals.ratio import poisson_rate
from cxresearch.stats.models.likelihood import adequacy, likelihood_ratio, vuong, wald
from cxresearch.stats.models.logistic import LogisticFit, logistic_fit
from cxresearch.stats.models.meta import Pooled, egger_test, meta_analysis
from cxresearch.stats.models.ordinal import OrdinalFit, proportional_odds
from cxresearch.stats.prediction.concordance import Concordance, concordance
from cxresearch.stats.prediction.delong import CorrelatedAUC, delong
from cxresearch.stats.prediction.integrated_brier import integrated_brier
from cxresearch.stats.prediction.ipcw import PredictionMetric, ipcw_auc, ipcw_brier
from cxresearch.stats.prediction.thresholds import (
    ThresholdTable,
    auc_between_groups,
    partial_auc,
    threshold_table,
)
from cxresearch.stats.survival.aalen_johansen import aalen_johansen
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.rmst import restricted_mean, time_lost

__all__ = [
    "AugmentedEffect",
    "Concordance",
    "Contrast",
    "CorrelatedAUC",
    "CoxCensoring",
    "CoxFit",
    "LogRank",
    "LogisticFit",
    "OrdinalFit",
    "OverlapEffect",
    "Pooled",
    "PredictionMetric",
    "ThresholdTable",
    "aalen_johansen",
    "adequacy",
    "agresti_coull",
    "auc_between_groups",
    "augmented_effect",
    "clopper_pearson",
    "concordance",
    "correlation",
    "cox_censoring",
    "delong",
    "e_value",
    "e_value_of_limits",
    "egger_test",
    "fine_gray",
    "fit_cox",
    "gray_test",
    "integrated_brier",
    "ipcw_auc",
    "ipcw_brier",
    "jeffreys",
    "kaplan_meier",
    "likelihood_ratio",
    "logistic_fit",
    "logrank",
    "meta_analysis",
    "overlap_effect",
    "partial_auc",
    "poisson_rate",
    "proportional_odds",
    "restricted_mean",
    "threshold_table",
    "time_lost",
    "vuong",
    "wald",
    "wilson",
]
