"""How well a score tells who leaves: AUC, Brier score, concordance under censoring, with influence functions.

follow_up           rows sorted by time, and the weights that censoring asks for
censoring           what a metric needs to know about censoring
ipcw                AUC and Brier score at horizons
integrated_brier    the Brier score averaged over time
concordance         Harrell's and Uno's C
dominance           weighted counts of lower rows, in n log n
delong              AUCs of several scores on the same rows
thresholds          a score as a decision, part of the AUC, one score in two groups
cross_fitted_risk   from a score to a risk by a model that has not seen the row
equivalence         power, and the rows that would decide
few_leavers         what few cases, controls or customers do to an interval
"""
