"""Hazard of churn: Cox regression on scores that change over time.

- `hazard_model`: the regression from a study or landmarks.
- `hazard_model_result`: the model as a value.
- `hazard_design`: scores and controls as columns of that regression.
- `score_intervals`: a customer's stay cut where the known scores change.
"""
