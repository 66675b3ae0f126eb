"""cxresearch: answers about customers that hold.

A study
    ``read_study``, ``Study.from_frames``, ``check_study``; invented ones in ``cx.synthetic``.
A column of answers
    ``nps``, ``csat``, ``ces`` and the scales ``NPS``, ``CSAT``, ``CES1``, ``CES2``; more in ``cx.survey``.
Any metric by name, by group, by period
    ``metric``, ``metric_table``, ``metric_contrasts``, ``scorecard``;
    more in ``cx.revenue``, ``cx.support``, ``cx.usage``.
Who is unhappy, and whether a change is one of mix or of rate
    ``who``, ``unhappy_customers``, ``explain_change``.
How long customers stay
    ``churn_curve``, ``compare_curves``; more in ``cx.curves``.
Who is likely to leave
    ``landmark``, ``fit_churn``, ``evaluate_churn``, ``at_risk``, ``key_drivers``; more in ``cx.classifier``.
Which score tells who leaves
    ``compare``, ``Protocol``; more in ``cx.contest``.
The statistics by themselves
    ``cx.statistics``: arrays in, frozen results out.
To show
    ``plot`` draws whatever the package returns, ``run_report`` makes a page.

Samples that were drawn are in ``cx.design``, the error tree in ``cx.errors``. The public names stand in
``__init__.pyi`` and load on first use, so that importing the package costs nothing.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__version__ = "0.1.0"
