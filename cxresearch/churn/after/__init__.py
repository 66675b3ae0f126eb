"""What follows an experience, beside matched customers who had not had it yet.

- `after_event`: the comparison, of leaving and of other outcomes.
- `after_event_result`: what it showed.
- `experiences`: which experiences there are, and when customers had them.
- `matched_customers`: who had it, and who is like them but had not.
- `answers_before`: whether those who had it were the unhappier already; shares of groups on both sides.
- `after_outcomes`: the next answer and revenue afterwards.
"""
