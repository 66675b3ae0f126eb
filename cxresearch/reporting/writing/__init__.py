"""What a page may say: blocks, what moved, what is alarming, numbers in prose.

- `blocks`: each block fills one template, which escapes every word.
- `changes`: what moved since the last time, and whether by more than noise.
- `alerts`: alert rules of a study file.
- `rules`: an alert rule as it was read.
- `steps`: changes of level that stand: told once each.
- `facts_in_prose`: ``{{ level | percent }}`` in a markdown cell becomes the number.
- `as_of_day`: the study as it was known at the end of an earlier day.
- `staged_files`: pictures, tables and figures of a run while it is made.
- `whose`: whose a page is: study, segment, period, data cut, what leaving means.
- `reliance`: what stands under "Before you rely on it".
- `one_segment`: the study of the customers of one segment.
"""
