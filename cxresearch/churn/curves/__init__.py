"""How long customers stay: curves, comparisons, hazards, lifetimes, and what follows an event.

- `churn_curve`: the functions that make curves and incidences of a study, landmarks, a frame or arrays.
- `churn_curve_result`: curves and incidences by group as values.
- `compare_curves`: whether curves differ, and by how much.
- `curve_differences`: differences of two curves, with errors that few ends allow.
- `expected_lifetime`: expected further time, and how much of it is extrapolated.
- `hazard_model`: Cox regression of churn on scores that change over time.
- `hazard_design`: scores and controls as columns of that regression.
- `after_event`: customers after an experience beside matched ones without it.
- `experiences`: which experiences there are, and when customers had them.
- `score_intervals`: a customer's stay cut where the known scores change.
- `survival_input`: from whatever source to checked rows by group.
- `timeline`: when each customer left, how, and from when they were under observation.
"""
