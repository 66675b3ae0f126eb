"""What the cells of a report notebook call, by topic; `present` is their face.

- `named_study`: what a parameter names: a study, a codebook, a path, a secret.
- `drawn_picture`: a picture as files, and as a page shows it.
- `shown_block`: one block of a page, shown by a cell.
- `headline_figures`: headline figures as history, alerts and comparisons read them.
- `reliance_box`: what the numbers rest on, written again when all tables were read.
- `saved_results`: the last cell: results, checked and written.
"""
