"""Whether the contest's answer holds: other choices, segments, the silent, more rows, what others tell.

- `sensitivity`: the contest under other defensible choices.
- `contest_by_segment`: in many segments or studies, and on average.
- `nonresponse`: who answers, what silence tells, and weights for it.
- `added_information`: whether a score tells anything that others do not.
- `power_compare`: what a comparison of so many rows could find.
"""
