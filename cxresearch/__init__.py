"""cxresearch: answers about customers that hold.

A study
    ``read_study``, ``Study`` (``Study.from_frames``), ``check_study``; invented ones in ``cx.synthetic``,
    what an overview of a whole study returns in ``cx.study``.
A column of answers
    ``nps``, ``csat``, ``ces`` and the scales ``NPS``, ``CSAT``, ``CES1``, ``CES2``, or your own ``Scale``;
    more in ``cx.survey``.
Any metric by name, by group, by period
    ``metric``, ``metric_table``, ``metric_contrasts``, ``scorecard``;
    more in ``cx.revenue``, ``cx.support``, ``cx.usage``.
Who is unhappy, since when, why, and what helps
    ``who``, ``unhappy_customers``, ``customer``, ``explain_change``, ``since_when``, ``around_event``,
    ``turning_points``, ``themes``, ``theme_impact``, ``theme_sample``, ``theme_agreement``, ``recovery``;
    more in ``cx.voice``.
How long customers stay
    ``churn_curve``, ``compare_curves``; more in ``cx.curves``.
Who is likely to leave
    ``landmark``, ``fit_churn``, ``evaluate_churn``, ``at_risk``, ``key_drivers``; more in ``cx.classifier``.
What is ahead
    ``forecast``: customers and recurring revenue; ``what_if`` and ``value_by_group`` in ``cx.revenue``.
Which score tells who leaves
    ``compare``, ``Protocol``; more in ``cx.contest``.
The statistics by themselves
    ``cx.statistics``: arrays in, frozen results out.
To show
    ``plot`` draws whatever the package returns, ``run_report`` makes a page.
What comes back
    ``Estimate`` and ``Contrast``, each number in its ``Unit``; every result shows finding, table and notes.
    What is wrong is a ``CxError`` or a ``CxWarning`` of ``cx.errors``.

Samples that were drawn are in ``cx.design``. The public names stand in
``__init__.pyi`` and load on first use, so that importing the package costs nothing.
"""

import lazy_loader as _lazy

__getattr__, _, __all__ = _lazy.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    """Return the public names and load them: completion then shows functions, classes and modules."""
    # A name not yet loaded has no type, and completion would show it as unknown.
    for name in __all__:
        __getattr__(name)
    return [*__all__, "__version__"]


__version__ = "0.1.0"
