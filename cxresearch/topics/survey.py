"""Answers to surveys: scores of a column, who did not answer, scale use, composite indices."""

from cxresearch.metrics.journey_facts.coverage import coverage
from cxresearch.metrics.journey_facts.coverage_result import Coverage
from cxresearch.metrics.journey_facts.paired_scores import competitor_gap, expectation_gap
from cxresearch.metrics.journey_facts.paired_scores_result import PairedScores
from cxresearch.metrics.survey.bands import nps_band, nps_reading, nps_reference_points
from cxresearch.metrics.survey.composite_index import CompositeIndex, composite_index, cronbach_alpha
from cxresearch.metrics.survey.declared_directions import direction_check
from cxresearch.metrics.survey.response_rate import nonresponse_bounds, response_rate
from cxresearch.metrics.survey.scale_use import (
    adjusted_difference,
    within_person_difference,
    within_person_scores,
)
from cxresearch.metrics.survey.score_difference import score_difference
from cxresearch.metrics.survey.survey import survey_score
from cxresearch.metrics.tables.nonresponse_table import nonresponse_table
from cxresearch.metrics.tables.score_breakdown import ScoreBreakdown, score_breakdown

__all__ = [
    "CompositeIndex",
    "Coverage",
    "PairedScores",
    "ScoreBreakdown",
    "adjusted_difference",
    "competitor_gap",
    "composite_index",
    "coverage",
    "cronbach_alpha",
    "direction_check",
    "expectation_gap",
    "nonresponse_bounds",
    "nonresponse_table",
    "nps_band",
    "nps_reading",
    "nps_reference_points",
    "response_rate",
    "score_breakdown",
    "score_difference",
    "survey_score",
    "within_person_difference",
    "within_person_scores",
]
