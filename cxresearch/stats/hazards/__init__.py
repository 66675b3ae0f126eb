"""What moves the hazard, and whether groups differ: Cox regression and its tests; equal to R.

cox                 the fit: Efron's ties, start and stop, strata, weights, clusters
cox_maximum         the partial likelihood, its derivatives and its maximum
cox_fit             a fitted regression as a value
cox_survival        predicted curves
proportional_hazards    is the ratio the same at all times? R's cox.zph
censoring_cox       censoring that depends on covariates, as weights
fine_gray           regression of a cumulative incidence
logrank             log-rank tests: weighted in time, stratified, robust
pooled_null         errors of a difference between two curves if there is none, for few events
gray                Gray's test of one cumulative incidence
"""
