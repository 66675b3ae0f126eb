"""Claims.

``audit_claims``
    ``audit_claims``: sayings of the trade, each a named test on the user's own data.
``churn_claims``
    Claims about who leaves.
``evidence``
    What the tests of claims share: the evidence, the thresholds set beforehand and the rule of verdicts.
``service_claims``
    Claims about service, spending and who finds things easy.
"""
