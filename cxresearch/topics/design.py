"""Samples that were drawn: weights, strata, clusters, raking."""

from cxresearch.stats.design.design_share import design_share
from cxresearch.stats.design.raking import rake_weights
from cxresearch.stats.design.survey_design import design_mean, design_ratio, survey_design

__all__ = [
    "design_mean",
    "design_ratio",
    "design_share",
    "rake_weights",
    "survey_design",
]
