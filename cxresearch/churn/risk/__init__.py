"""Risk.

``at_risk``
    ``at_risk``: whom to contact on a day, and ``profit_curve``: how many of them.
``churn_risk``
    Scoring rows with a churn model: refused where the rows are not of the kind the model learnt from.
``feature_words``
    What a reader sees in place of the name of a feature's column.
``reasons``
    Why a customer is on the list, in words: what raises the model's risk against a typical customer.
``risk_list``
    Whom to contact: a list of customers by expected saved revenue, and what contacting more of them brings.
"""
