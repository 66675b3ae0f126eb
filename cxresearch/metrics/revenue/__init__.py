"""Recurring revenue: levels, the moves between them, the bridge to the cent, and rates by definition.

``revenue_levels``
    Levels of MRR and the moves between them, as expressions on the engine.
``revenue_profiles``
    How the trade's tools count: one frozen definition each.
``exchange_rates``
    Rates as given by the user; none are looked up.
``levels_from_subscriptions``
    From subscriptions with a start and an end to levels.
``mrr_bridge``
    How MRR moved from period to period.
``mrr_bridge_result``
    The bridge, which reconciles to the cent or is not made.
``revenue_ledger``
    From sums of moves to balances, in whole cents.
``revenue_rates``
    Churn, retention, expansion and the quick ratio, for all cells at once.
``rates_by_period``
    Every rate for every period and group.
``revenue_metrics``
    The revenue metrics by name.
``cohort_retention``
    What is left of each cohort.
``explain_profiles``
    Whom two definitions count differently, and by which rule.
"""
