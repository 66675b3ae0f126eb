"""Words of customers: from texts to themes, agreement of labels, and what must not be printed.

``tokens``
    Texts to words, in any script.
``codebook``
    Themes as lists of words and patterns, matched exactly.
``codebook_terms``
    Terms as people write them: words, stems and gaps.
``word_space``
    Which words tell, and which go together.
``topics``
    Themes that nobody named beforehand.
``mention_changes``
    Which themes rise or fade, with one error.
``mood_model``
    Is a text unhappy, learnt from texts with a score.
``agreement``
    Precision, recall, kappa and alpha, each with an interval.
``redaction``
    Taking out of a text what names a person or an account.
"""
