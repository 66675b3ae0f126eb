"""What goes with a score, split among drivers.

- `key_drivers`: shares of the explained variance, penalty and reward, with bootstrap intervals.
- `driver_tables`: their tables: shares, importance against performance, penalty and reward.
- `key_drivers_result`: the drivers as a value.
- `driver_columns`: numbers, levels of categories and products as columns.
- `study_drivers`: drivers of a question of a study: groups, facts of tickets, themes of comments.
- `driver_rows`: complete rows in an order of their own.
- `snapshot_rows`: customers of a list without dates.
- `who_left`: what goes with having left, in a list of customers without dates.
- `who_left_result`: the same as a value.
"""
