"""What customers cost and are worth.

``acquisition_cost``
    Spend over the customers won.
``lifetime_value``
    Lifetime value from the survival curve: what is seen, what is assumed.
``retention_economics``
    Prices by the month, annual rates, payback, what retention would earn here.
"""
