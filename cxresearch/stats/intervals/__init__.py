"""Intervals of shares, net shares, means, ratios and their differences, for many cells at once.

normal_quantile     1.96 for 95 %
proportions         shares: Wilson, Jeffreys, Clopper-Pearson
nps_interval        net shares P - D: Tango's score interval
mean_interval       means on a bounded scale
score_cells         counts by answer, cell by cell, to means with intervals
differences         the difference of two estimates from their own intervals
group_means         differences and ratios of means with clusters
ratio               sums over sums, such as churned over opening revenue
net_ratio           losses less gains over opening levels
correlation         of two answers
many_tests          p-values corrected for looking at many of them (Holm)
"""
