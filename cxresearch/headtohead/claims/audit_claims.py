"""``audit_claims``: sayings of the trade, each a named test on the user's own data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cxresearch.checks import check_level, check_number
from cxresearch.data.landmarks.followed_outcome import refuse_other_outcomes
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.data.study import Study
from cxresearch.errors import DataError
from cxresearch.headtohead.claims import churn_claims, growth_claims, service_claims
from cxresearch.headtohead.claims.evidence import (
    EFFORT_MARGIN,
    EXISTING_CLAIM,
    LOOP_CLAIM,
    RISK_MARGIN,
    SCORE_MARGIN,
    ClaimAudit,
    Evidence,
    Saying,
)

if TYPE_CHECKING:
    from cxresearch.data.landmarks.landmarks import Landmarks

_CUSTOMERS = "customers are compared as they are: what makes them differ may also make them leave"
_TICKETS = "tickets are compared as they are: hard problems are both slow and annoying"

#: All sayings, in the order of the audit.
SAYINGS: tuple[Saying, ...] = (
    Saying(
        name="csat_no_guide",
        claim="CSAT is no guide to loyalty, while NPS is",
        test=churn_claims.csat_no_guide,
        estimand="AUC of NPS minus AUC of CSAT",
        rule="supported if CSAT is shown to be no better than chance and NPS to be better; contradicted if "
        "CSAT predicts or NPS is shown not to",
        caveat="loyalty is taken as not leaving within the horizon",
    ),
    Saying(
        name="quick_replies_please",
        claim="Quick replies please even when they do not help",
        test=service_claims.quick_replies_please,
        estimand="difference of mean CSAT, quick minus slow",
        rule=f"supported if above 0; contradicted if {SCORE_MARGIN:g} points are ruled out",
        caveat=_TICKETS,
    ),
    Saying(
        name="slow_resolution_hurts",
        claim="Slow resolution hurts satisfaction",
        test=service_claims.slow_resolution_hurts,
        estimand="difference of mean CSAT, slow minus quick",
        rule=f"supported if below 0; contradicted if a loss of {SCORE_MARGIN:g} points is ruled out",
        caveat=_TICKETS,
    ),
    Saying(
        name="repeat_customers_spend",
        claim="Repeat customers spend 67 % more",
        test=service_claims.repeat_customers_spend,
        estimand="ratio of mean spending",
        rule="contradicted if 67 % more is ruled out; supported if it is not and there is more at all",
        caveat="only customers who stayed that long can be compared: those who left are not in it",
    ),
    Saying(
        name="retention_pays",
        claim="Five points more retention bring 25 % more profit",
        test=churn_claims.retention_pays,
        estimand="relative gain of five-year profit",
        rule="supported if at least 25 %, contradicted if less",
        caveat="arithmetic on the retention observed: equal margins, 10 % discount, no cost of retaining",
    ),
    Saying(
        name="one_failure_forgiven",
        claim="A good relationship forgives one failure",
        test=churn_claims.one_failure_forgiven,
        estimand="difference of churn risk",
        rule=f"supported if {100 * RISK_MARGIN:g} points more are ruled out; contradicted if there is more",
        caveat=_CUSTOMERS,
    ),
    Saying(
        name="bad_experience_churn",
        claim="A bad experience leads to churn",
        test=churn_claims.bad_experience_churn,
        estimand="difference of churn risk",
        rule=f"supported if there is more; contradicted if {100 * RISK_MARGIN:g} points are ruled out",
        caveat=_CUSTOMERS,
    ),
    Saying(
        name="effort_by_generation",
        claim="Customers' effort differs by generation",
        test=service_claims.effort_by_generation,
        estimand="widest gap of mean CES between generations",
        rule=f"supported if a joint test finds a difference; contradicted if {EFFORT_MARGIN:g} is ruled out",
        caveat="generations differ in what they buy and how they were asked",
    ),
    Saying(
        name="closing_the_loop",
        claim="Closing the loop adds 11 points of NPS",
        test=growth_claims.closing_the_loop,
        estimand="difference of the next NPS, followed up minus not",
        rule=f"contradicted if {LOOP_CLAIM:g} points are ruled out; supported if they are not and there is "
        "more at all",
        caveat="vendors quote it without n, interval or method; whom to call was not drawn by lot, and only "
        "those who answered again are in it; cx.recovery looks closer",
    ),
    Saying(
        name="existing_customers_pay",
        claim="90 % of revenue comes from existing customers",
        test=growth_claims.existing_customers_pay,
        estimand="share of the last year's revenue from customers of before that year",
        rule=f"supported if {100 * EXISTING_CLAIM:g} % or more, contradicted if less",
        caveat="vendors quote it without source; a young company has few existing customers, whatever they "
        "are worth",
    ),
)


def audit_claims(
    study: Study, *, marks: Landmarks | None = None, horizon_days: float = 180, level: float = 0.95
) -> ClaimAudit:
    """Test ten sayings of the trade on a study.

    A claim is *supported* or *contradicted* only if its whole interval lies on one side of what was set
    beforehand; *underpowered* if the data allow both; *not testable* if what it needs is missing, which is
    then named. The numbers that decide are in ``cxresearch.headtohead.claims.evidence``.

    Parameters
    ----------
    study : Study
    marks : Landmarks, optional
        Rows for the claims about churn, with the silent kept; by default quarterly landmarks.
    horizon_days : float
        For the landmarks made here.
    level : float
        Confidence level of every interval.

    Returns
    -------
    ClaimAudit

    Notes
    -----
    These are comparisons of customers as they are, not experiments: a supported claim says that the pattern
    is there, not that one thing brings about the other.

    Examples
    --------
    >>> import cxresearch as cx
    >>> audit = cx.contest.audit_claims(cx.synthetic.synthetic_study(customers=300, tier="A"))
    >>> audit.claim("effort_by_generation").verdict
    'not testable'
    """
    level = check_level(level)
    horizon = check_number("horizon_days", horizon_days, above=0)
    why = ""
    if marks is None:
        try:
            marks = landmark(study, every="quarter", horizon_days=horizon, keep_silent=True)
        except DataError as error:
            why = error.problem
    if marks is not None:
        refuse_other_outcomes(marks, "the audit of claims")
    evidence = Evidence(study=study, marks=marks, no_marks=why, level=level)
    claims = tuple(saying.on(evidence) for saying in SAYINGS)
    import pandas as pd

    return ClaimAudit(
        claims=claims, table=pd.DataFrame([dataclasses.asdict(item) for item in claims]), level=level
    )
