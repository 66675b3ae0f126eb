"""Sayings of the trade, each a test settled before the data are seen.

- `audit_claims`: the ten sayings and their audit.
- `churn_claims`: sayings about who leaves.
- `service_claims`: sayings about service, spending and effort.
- `growth_claims`: sayings about following up, and about whose money comes in.
- `evidence`: what the tests share: evidence, thresholds, verdicts.
"""
