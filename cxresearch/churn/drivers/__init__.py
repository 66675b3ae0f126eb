"""What goes with a score, how sure that is, and where performance lags importance.

- `key_drivers`: shares of the explained variance, penalty and reward, with bootstrap intervals.
- `key_drivers_result`: the drivers as a value.
- `snapshot_rows`: customers of a list without dates.
- `who_left`: what goes with having left, in a list of customers without dates.
- `who_left_result`: the same as a value.
"""
