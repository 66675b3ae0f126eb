"""Pictures of metrics of surveys, revenue and support.

scorecard           trends, groups, what moved
survey              who answered what
revenue             the MRR bridge and its history
cohort              retention by cohort and age
support             open tickets by age
metric_tables       frames of metrics, contrasts and tickets: dots, trends, heat maps, panels
coverage            what is asked where
``small_multiples``
    All metrics of a scorecard over time, in one small panel each.
"""
