"""Use of the product: who was active, who adopts, how soon and how broadly.

``usage_counts``
    Counts of use by cell: who was there, who used something, how soon.
``customers_there``
    Customers who were there, with their days and periods.
``adoption_metrics``
    The usage metrics by name.
``adoption``
    Active customers by period, and the time to first use.
"""
