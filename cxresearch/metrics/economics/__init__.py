"""What customers cost and are worth.

``acquisition_cost``
    Spend over the customers won.
``lifetime_value``
    Lifetime value from the survival curve: what is seen, what is assumed.
``revenue_by_age``
    How old the customers are who bring the revenue.
``retention_economics``
    Prices by the month, annual rates, payback, what retention would earn here.
"""
