"""``audit_claims``: sayings of the trade, each a named test on the user's own data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cxresearch.checks import check_level, check_number
from cxresearch.data.landmarks import landmark
from cxresearch.data.study import Study
from cxresearch.errors import CxError, DataError
from cxresearch.headtohead import churn_claims, service_claims
from cxresearch.headtohead.claim import Evidence, Saying
from cxresearch.results.claims import ClaimAudit, ClaimFinding

if TYPE_CHECKING:
    from cxresearch.results.landmarks import Landmarks

#: All sayings, in the order of the audit.
SAYINGS: tuple[Saying, ...] = (
    Saying(
        name="csat_no_guide",
        claim="CSAT is no guide to loyalty, while NPS is",
        test=churn_claims.csat_no_guide,
    ),
    Saying(
        name="quick_replies_please",
        claim="Quick replies please even when they do not help",
        test=service_claims.quick_replies_please,
    ),
    Saying(
        name="slow_resolution_hurts",
        claim="Slow resolution hurts satisfaction",
        test=service_claims.slow_resolution_hurts,
    ),
    Saying(
        name="repeat_customers_spend",
        claim="Repeat customers spend 67 % more",
        test=service_claims.repeat_customers_spend,
    ),
    Saying(
        name="retention_pays",
        claim="Five points more retention bring 25 % more profit",
        test=churn_claims.retention_pays,
    ),
    Saying(
        name="one_failure_forgiven",
        claim="A good relationship forgives one failure",
        test=churn_claims.one_failure_forgiven,
    ),
    Saying(
        name="bad_experience_churn",
        claim="A bad experience leads to churn",
        test=churn_claims.bad_experience_churn,
    ),
    Saying(
        name="effort_by_generation",
        claim="Customers' effort differs by generation",
        test=service_claims.effort_by_generation,
    ),
)


def audit_claims(
    study: Study, *, marks: Landmarks | None = None, horizon_days: float = 180, level: float = 0.95
) -> ClaimAudit:
    """Test eight sayings of the trade on a study.

    A claim is *supported* or *contradicted* only if its whole interval lies on one side of what was set
    beforehand; *underpowered* if the data allow both; *not testable* if what it needs is missing, which is
    then named. The numbers that decide are in ``cxresearch.headtohead.claim``.

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
    >>> audit = cx.audit_claims(cx.synthetic_study(customers=300, tier="A"))
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
    evidence = Evidence(study=study, marks=marks, no_marks=why, level=level)
    found = tuple(_tested(saying, evidence) for saying in SAYINGS)
    import pandas as pd

    return ClaimAudit(
        claims=found, table=pd.DataFrame([dataclasses.asdict(item) for item in found]), level=level
    )


def _tested(saying: Saying, evidence: Evidence) -> ClaimFinding:
    try:
        return dataclasses.replace(saying.test(evidence), name=saying.name, claim=saying.claim)
    except CxError as error:
        return ClaimFinding(
            name=saying.name,
            claim=saying.claim,
            verdict="not testable",
            finding=f"{error.problem[:1].upper()}{error.problem[1:]}.",
        )
