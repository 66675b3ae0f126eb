"""One customer seen from all sides, and accounts of several contacts.

- `customer_view`: ``customer``: since when, why and how likely to leave, of one customer.
- `customer_record`: what is on record of one customer, in order of time.
- `customer_words`: the view in sentences.
- `account_scores`: ``accounts``: scores of accounts, each contact counted once, weighted by revenue.
"""
