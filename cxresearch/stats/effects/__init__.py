"""The effect of an action as a randomised trial would have shown it: doubly robust, clustered by person.

``cross_fitted``
    Who was treated and what followed, each predicted from other people's rows.
``adjusted_arms``
    Two arms prepared once for many outcomes.
``overlap_effect``
    The effect among those who might have been treated or not, with its error.
``augmented_effect``
    The effect over everybody, or over the treated, by augmented inverse probability weights.
``balance``
    How alike both arms are, before weights and after.
``e_value``
    How strong an unmeasured cause would have to be to explain an effect away.
"""
