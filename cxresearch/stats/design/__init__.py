"""Samples that were drawn: weights, strata, clusters, finite populations, raking; equal to R's survey.

survey_design       the design, and means, shares and ratios under it
raking              weights that reproduce known totals
"""
