"""Leaving and coming back: customer churn, renewals, win-back, second purchases.

``logo_churn``
    Customers lost, over a named denominator.
``churn_cells``
    Customers lost over customers there, for many cells.
``customer_churn``
    Customer churn without revenue, from the dates of joining and leaving.
``purchases``
    When and how often customers bought.
``returns_from_tables``
    Purchases, departures and due renewals, from the tables.
``return_metrics``
    Second purchases, win-back and renewals by name.
"""
