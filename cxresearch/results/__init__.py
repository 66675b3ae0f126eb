"""The vocabulary of every answer: a number with its interval, a difference with its test, and their tables.

- `result`: finding, table and notes of every result, as text, HTML, frame and dictionary.
- `estimate`: a number with its interval.
- `contrast`: a difference between two things, with its interval and test.
- `table_spec`: what the columns of a table mean, count and are called.
- `table_text`: how its cells are written.
- `units`: units, and the one place where numbers become text.
- `hiding`: why a number is hidden, in words.
- `period_names`: how a period is written.
- `templating`: the one door to Jinja2; templates stand in `templates/`.
"""
