"""Pictures of contests of scores.

comparison          AUCs, differences with the zone of equivalence, ROC, lift, calibration, net benefit
contests            by segment, under other choices, power
claims              verdicts on sayings of the trade
one_score           churn by answer, of the silent and of everybody
"""
