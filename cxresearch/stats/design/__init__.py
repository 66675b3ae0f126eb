"""Samples that were drawn: weights, strata, clusters, finite populations, raking; equal to R's survey.

survey_design       the design, and means and ratios under it
design_share        shares under it, by Korn and Graubard
raking              weights that reproduce known totals
"""
