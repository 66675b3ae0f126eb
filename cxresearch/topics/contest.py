"""Which score tells who leaves: contests, their robustness, their size, and sayings of the trade as tests."""

from cxresearch.headtohead.claims.audit_claims import audit_claims
from cxresearch.headtohead.claims.evidence import ClaimAudit, ClaimFinding
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest_rows import answered_scores
from cxresearch.headtohead.contest.protocol import read_protocol
from cxresearch.headtohead.one_score.answer_weights import AnswerWeights, answer_weights
from cxresearch.headtohead.one_score.score_verdict import ScoreVerdict
from cxresearch.headtohead.one_score.score_vs_churn import score_vs_churn
from cxresearch.headtohead.robustness.added_information import AddedInformation, added_information
from cxresearch.headtohead.robustness.contest_by_segment import (
    SegmentContest,
    compare_segments,
    pool_comparisons,
)
from cxresearch.headtohead.robustness.nonresponse import nonresponse, response_weights
from cxresearch.headtohead.robustness.power_compare import Power, Simulation, power_compare
from cxresearch.headtohead.robustness.sensitivity import NonResponse, Sensitivity, sensitivity

__all__ = [
    "AddedInformation",
    "AnswerWeights",
    "ClaimAudit",
    "ClaimFinding",
    "Comparison",
    "NonResponse",
    "Power",
    "ScoreVerdict",
    "SegmentContest",
    "Sensitivity",
    "Simulation",
    "added_information",
    "answer_weights",
    "answered_scores",
    "audit_claims",
    "compare_segments",
    "nonresponse",
    "pool_comparisons",
    "power_compare",
    "read_protocol",
    "response_weights",
    "score_vs_churn",
    "sensitivity",
]
