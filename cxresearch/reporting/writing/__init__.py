"""Writing.

``alerts``
    Alert rules of a study file: ``nps < 20``, ``churn up significantly``.
``blocks``
    Blocks of a report as HTML: each fills one template of ``templates/blocks``, which escapes every word.
``changes``
    What moved since the last time, and whether it moved by more than noise.
``facts_in_prose``
    Numbers in prose: ``{{ level | percent }}`` in a markdown cell becomes ``95 %`` on the page.
``one_segment``
    One segment of a study at a time.
"""
