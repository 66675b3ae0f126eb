"""The one logistic regression, splines, clustered covariance, tests, pooling, shares of R squared, alpha.

logistic            logistic regression: weights, offset, ridge, clusters, any scale of columns
logistic_newton     the maximum of its likelihood: columns scaled, Newton steps halved
ordinal             proportional odds of a higher answer, clusters
linear              linear regression with a covariance by cluster that does not flatter small groups
spline              columns that stand for a score: straight, one a level, restricted cubic
clustered_covariance    from influence functions to a joint covariance by cluster
likelihood          likelihood-ratio, Wald and Vuong tests
meta                random-effects pooling of segments or studies
mixed_fit           its engine: weighted regression with a variance between segments
relative_importance shares of R squared among correlated drivers
reliability         Cronbach's alpha

``broken_stick``
    A line that is level and then slopes: where it bends, with an interval, and whether it slopes at all.
"""
