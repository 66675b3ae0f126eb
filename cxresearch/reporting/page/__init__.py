"""From an executed notebook to page, mail and lists of runs; nothing in them can act.

- `finish_run`: what the worker does after the last cell.
- `page_pieces`: a notebook in the order of a page: the answer first, then sections.
- `report_page`: the published page, cleaned.
- `mail_body`: the same in short, below the size at which mail programs cut.
- `customer_page`: the private page of one customer.
- `run_index`: pages that list runs, with a sparkline for each headline figure.
"""
