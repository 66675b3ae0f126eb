"""Who is unhappy, since when, why, and what makes them happy again.

who         which groups and which customers are unhappy; mix and rate of a change
when        steps and slides of any metric with their dates; what an event changed
turning     what happened to a customer between the last happy and the first unhappy answer
why         themes of comments, their impact, their check by people; mood
causes      tickets behind answers, waits, issues that come back, reasons for leaving
customer    one customer from all sides; accounts of several contacts
stages      the journey: who passes each stage, where customers are lost, how they fare in each
recovery    what actions did for unhappy customers; trials
programmes  onboarding, training, check-ins, loyalty: their effect by dose, and what comes back

The verbs stand in the root (`cx.who`, `cx.since_when`, ...); this door has the results they return and
what else belongs to them.
"""

import lazy_loader as _lazy

__getattr__, _, __all__ = _lazy.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    """Return the public names and load them: completion then shows functions and classes."""
    for name in __all__:
        __getattr__(name)
    return list(__all__)
