"""Since when customers are unhappy: changes of a metric, effects of events, turning points of customers.

since_when          steps and slides of any metric, by group, with the days they may have happened
metric_series       a metric as sums by day, one series a group
series_doubts       what makes a series unfit to be judged
change_sentences    changes in words
company_events      declared events, for pictures and sentences
"""
