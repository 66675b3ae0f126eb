"""Time until something happens, some of it unseen: curves, incidences, restricted means; equal to R.

risk_table          durations and events as checked rows, and who is at risk at each time
risk_sets           the same for Cox regression: sums over risk sets and Efron's terms
survival_groups     labels of groups, and at-risk tables by group
kaplan_meier        the product-limit curve, Greenwood's and the robust variance
survival_curve      a curve as a value: read at a time, inverted at a share
limits              pointwise limits on the scales of R's survfit, and when a curve crosses a share
aalen_johansen      probability of each kind of event in the presence of the others
jackknife           the infinitesimal jackknife in one pass
rmst                mean time within a horizon
reached_share       share that has had the event by a time, with an interval also at 0 and 1
conditional_survival    staying on for those who have stayed so long; where a curve falls steeply
parametric          families for what lies beyond the follow-up, fitted by lifelines
"""
