"""Pictures of curves, hazards, incidences, churn models and drivers.

survival            churn curves with the number at risk below
incidence           kinds of churn, stacked
hazard              hazard ratios, differences between curves, expected lifetimes
classifier          gains, lift, calibration, AUCs, drift, profit, effects
drivers             importance, performance, penalty and reward
outlook             the months ahead in bands, and forecasts of the past
"""
