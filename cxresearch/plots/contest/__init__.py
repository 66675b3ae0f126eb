"""Pictures of contests of scores.

comparison          AUCs, differences with the zone of equivalence, ROC, lift, calibration, net benefit
contests            by segment, under other choices, power
one_score           churn by answer, of the silent and of everybody
"""
