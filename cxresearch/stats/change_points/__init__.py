"""Change points and events: whether, when and how a series of sums by day changed its level.

dated_sums          sums of one series by day
split_scan          every split at once: the cluster-robust CUSUM
wild_bootstrap      what its largest value does by chance, over a family
change_point        the search: changes of one series or of a family
change_date         the set of days on which a step may have happened
step_or_slide       a step on a day, or a slow slide
level_intervals     levels before and after, dates being searched
scan_power          how large a change could have been seen
event_window        before and after given days, and around days when nothing happened
exposure_contrast   difference in differences around each customer's own event
stratified_rates    how much more often something happens in one kind of stretch than in another
"""
