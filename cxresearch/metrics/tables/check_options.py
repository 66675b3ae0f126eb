"""Choices of single metrics: their names and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cxresearch.checks import check_number
from cxresearch.data.engine import lazy
from cxresearch.errors import ArgumentError
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.metrics.support.business_hours import BusinessHours

if TYPE_CHECKING:
    from cxresearch.metrics.base.metric import Query

#: Longest wait that may be asked for, in days: a century.
MOST_DAYS = 36_500


def check_options(options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the options of a query, checked; None stands for none.

    Parameters
    ----------
    options : mapping or None
        ``profile`` (name or `RevenueProfile`) and ``rates`` (mapping or frame) of revenue; ``grace_days`` (0
        or more) of renewals, ``win_back_days`` and ``repeat_days`` (above 0) of customers won back and of
        second purchases; ``target_hours`` (above 0) and ``hours`` (`BusinessHours`) of tickets;
        ``within_days`` (above 0) and ``feature`` (text) of adoption. Days are at most 36,500. A value of None
        stands for the default.

    Raises
    ------
    ArgumentError
        If an option is unknown or of the wrong kind; the message lists those there are.

    Examples
    --------
    >>> dict(check_options({"target_hours": 24, "feature": None}))
    {'target_hours': 24}
    """
    if not isinstance(options, Mapping | None):
        raise ArgumentError(f"options is {options!r}", wanted="a mapping such as {'profile': 'stripe'}")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name, value in given.items():
        if name not in _CHECKS:
            raise ArgumentError(f"option {name!r} is unknown", wanted="one of " + ", ".join(_CHECKS))
        _CHECKS[name](name, value)
    return MappingProxyType(given)


def option(query: Query, name: str) -> Any:
    """Return what a query chose, or the default; None where there is none.

    Examples
    --------
    >>> from cxresearch.metrics.base.metric import Query
    >>> option(Query(options={"within_days": 7}), "within_days"), option(Query(), "within_days")
    (7, 30)
    """
    return query.options.get(name, _DEFAULTS.get(name))


def _profile(name: str, value: Any) -> None:
    _kind(name, value, str, RevenueProfile, wanted="the name of a definition, or a RevenueProfile")
    revenue_profile(value)


def _rates(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        return
    try:
        lazy(value)
    except ArgumentError:
        wanted = "a mapping such as {'EUR': 1.08}, or a frame with period, currency and rate"
        raise ArgumentError(f"option {name!r} is a {type(value).__name__}", wanted=wanted) from None


def _hours(name: str, value: Any) -> None:
    _kind(name, value, BusinessHours, wanted="BusinessHours")


def _text(name: str, value: Any) -> None:
    _kind(name, value, str, wanted="a name")


def check_days(name: str, days: float, *, zero: bool = False) -> float:
    """Return a number of days above 0 (or from 0), at most 36,500: beyond a century no calendar follows.

    Examples
    --------
    >>> check_days("within_days", 36_500)
    36500.0
    """
    number = check_number(name, days, at_least=0) if zero else check_number(name, days, above=0)
    if number > MOST_DAYS:
        raise ArgumentError(f"{name} is {days!r}", wanted=f"at most {MOST_DAYS:,} days")
    return number


def _above_zero(name: str, value: Any) -> None:
    check_number(f"option {name!r}", value, above=0)


def _days(name: str, value: Any) -> None:
    check_days(f"option {name!r}", value)


def _days_from_zero(name: str, value: Any) -> None:
    check_days(f"option {name!r}", value, zero=True)


def _kind(name: str, value: Any, *kinds: type, wanted: str) -> None:
    if not isinstance(value, kinds):
        raise ArgumentError(f"option {name!r} is {value!r}", wanted=wanted)


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "profile": _profile,
    "rates": _rates,
    "target_hours": _above_zero,
    "hours": _hours,
    "within_days": _days,
    "feature": _text,
    "grace_days": _days_from_zero,
    "win_back_days": _days,
    "repeat_days": _days,
}
_DEFAULTS: dict[str, Any] = {
    "profile": "cxresearch",
    "target_hours": 48,
    "within_days": 30,
    "grace_days": 0,
    "win_back_days": 180,
    "repeat_days": 90,
}
