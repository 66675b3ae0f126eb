"""Pictures of contests of scores.

comparison          AUCs, differences with the zone of equivalence, ROC, lift, calibration, net benefit
contests            by segment, under other choices, power
"""
