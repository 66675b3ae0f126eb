"""Risks of customers and whom to contact first.

- `churn_risk`: risks of rows, with intervals, and whether the rows are like those of the training.
- `at_risk`: the list of a day, and the profit of contacting so many.
- `risk_list`: list and profit curve as values.
- `customer_risk`: the risk of one customer, beside a typical one.
- `last_contact`: when somebody last spoke with a customer.
- `reasons`: why a customer is on the list, in words.
- `feature_words`: features of landmarks in words.
"""
