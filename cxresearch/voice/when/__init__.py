"""Since when customers are unhappy: changes of a metric and effects of events.

since_when              steps and slides of any metric, by group, with the days they may have happened
since_when_result       their result
standing_changes        all metrics and groups searched for changes that have not ended
standing_changes_result their result
metric_series           a metric as sums by day, one series a group
score_series            answers to one question by group and day, in one pass
series_doubts           what makes a series unfit to be judged
change_sentences        changes in words
around_event            a metric before and after an event
around_event_result     its result
customer_events         events of single customers: difference in differences
event_days              when an event happened, and to whom
"""
