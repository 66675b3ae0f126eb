"""The public face by topic; each module here only names what stands elsewhere.

``study``
    What the overview of a whole study returns.
``survey``
    Answers to surveys: scores of a column, who did not answer, scale use, composite indices.
``revenue``
    Recurring revenue, returns and what customers are worth.
``support``
    Tickets: how many, how fast, how often reopened.
``usage``
    Use of the product: who is active, who adopts a feature, and when.
``curves``
    How long customers stay: incidences, lifetimes, hazards, and what follows an event.
``classifier``
    Who is likely to leave: models, their judgement, their reasons and their cards.
``contest``
    Which score tells who leaves: contests, their robustness, their size, and sayings of the trade as tests.
``design``
    Samples that were drawn: weights, strata, clusters, raking.
``statistics``
    The statistics by themselves, for arrays of your own.
``synthetic``
    Companies that do not exist, with their truth.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
