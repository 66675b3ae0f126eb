"""How long a month and a year are, and what pandas calls the periods of the calendar: said once, for all."""

from __future__ import annotations

from typing import Final

#: The Julian year of 365.25 days, the astronomers' unit; three years in four have 365, one has 366.
DAYS_A_YEAR: Final = 365.25

#: A twelfth of that year, 30.4375 days: the month of curves, lifetimes, payback and synthetic customers.
DAYS_A_MONTH: Final = DAYS_A_YEAR / 12

#: Names that pandas has for calendar periods; a week ends on Sunday.
PANDAS_PERIODS: Final = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
