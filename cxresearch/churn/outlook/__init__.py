"""What is ahead: customers and recurring revenue some months on, checked against the past.

``customer_book``
    Who came and left when, what they paid and how they answered: read once, as arrays.
``month_cells``
    The book month by month, summed by group, size and age.
``monthly_rates``
    Hazards, moves of revenue and inflow, with draws of what the sums leave open.
``simulate_months``
    Futures drawn month by month, and those in which some leavers are kept.
``rolling_backtest``
    The same forecast made in the past, beside "as last month" and a straight line.
``forecast``
    Customers and recurring revenue with bands; ``forecast_result`` holds what comes back, and
    ``forecast_words`` says it.
``profit_ahead``
    What costs leave of the revenue ahead.
``what_if``
    What a lower churn of one group would bring, as an assumption.
``value_by_group``
    Lifetime value by group, and by the answer known at a landmark.
"""
