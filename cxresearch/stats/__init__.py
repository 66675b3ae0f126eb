"""The statistics of customer metrics: arrays in, frozen results out; no customer, no study, no engine.

survival            curves of the time to an event: Kaplan-Meier, Aalen-Johansen, restricted means
hazards             Cox regression, log-rank and Gray's test; equal to R
prediction          how well a score tells who leaves, under censoring and competing risks
intervals           intervals of shares, net shares, means and ratios, for many cells at once
models              the one logistic regression, splines, clustered covariance, pooling, shares of R squared
design              samples that were drawn: weights, strata, clusters, raking
scan                searches over many cells, with the error of having looked many times
change_points       whether, when and how a series changed its level
text                words of customers: tokens, themes, agreement, redaction
"""
