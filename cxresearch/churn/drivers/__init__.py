"""What goes with a score, split among drivers.

- `key_drivers`: shares of the explained variance, penalty and reward, with bootstrap intervals.
- `key_drivers_result`: the drivers as a value.
- `driver_columns`: numbers, levels of categories and products as columns.
- `study_drivers`: drivers of a question of a study: groups, facts of tickets, themes of comments.
- `driver_rows`: complete rows in an order of their own.
"""
