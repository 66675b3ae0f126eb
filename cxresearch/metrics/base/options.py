"""Options of a metric: what it lets its user choose, with the default and the check of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from cxresearch.checks import check_number
from cxresearch.errors import ArgumentError
from cxresearch.wording import did_you_mean, one_of, only_if

#: Longest wait that may be asked for, in days: a century, beyond which no calendar follows.
MOST_DAYS = 36_500


def check_days(name: str, days: float, *, zero: bool = False) -> float:
    """Return a number of days above 0 (or from 0), at most 36,500.

    Examples
    --------
    >>> check_days("within_days", 36_500)
    36500.0
    """
    if zero:
        number = check_number(name, days, at_least=0)
    else:
        number = check_number(name, days, above=0)
    if number > MOST_DAYS:
        raise ArgumentError(f"{name} is {days!r}", wanted=f"at most {MOST_DAYS:,} days")
    return number


class Asked(Protocol):
    """A query, as far as options are concerned."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What was chosen, by name."""


@dataclass(frozen=True)
class Option:
    """A choice of a metric; a value of None stands for the default.

    Examples
    --------
    >>> from cxresearch.metrics.base.metric import Query
    >>> within_days = Days("within_days", 30)
    >>> within_days.of(Query(options={"within_days": 7})), within_days.of(Query())
    (7, 30)
    """

    name: str
    default: Any = None

    def of(self, query: Asked) -> Any:
        """Return what a query chose, or the default."""
        return query.options.get(self.name, self.default)

    def check(self, value: Any) -> None:
        """Raise an ArgumentError if the value is not admitted."""

    def refuse(self, value: Any, *kinds: type, wanted: str) -> None:
        """Raise an ArgumentError if the value is of none of these kinds."""
        if not isinstance(value, kinds):
            raise ArgumentError(f"option {self.name!r} is {value!r}", wanted=wanted)


@dataclass(frozen=True)
class Days(Option):
    """A number of days, above 0 or from 0 on."""

    zero: bool = False

    def check(self, value: Any) -> None:
        """Refuse what is no number of days."""
        check_days(f"option {self.name!r}", value, zero=self.zero)


@dataclass(frozen=True)
class Above(Option):
    """A number above 0."""

    def check(self, value: Any) -> None:
        """Refuse what is not above 0."""
        check_number(f"option {self.name!r}", value, above=0)


@dataclass(frozen=True)
class Share(Option):
    """A number above 0 and below 1."""

    def check(self, value: Any) -> None:
        """Refuse what is no share, and all or none."""
        if check_number(f"option {self.name!r}", value, above=0) >= 1:
            raise ArgumentError(f"option {self.name!r} is {value!r}", wanted="a share above 0 and below 1")


@dataclass(frozen=True)
class Text(Option):
    """A name."""

    def check(self, value: Any) -> None:
        """Refuse what is no text."""
        self.refuse(value, str, wanted="a name")


@dataclass(frozen=True)
class Choice(Option):
    """One of a few names."""

    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> None:
        """Refuse what is none of the names."""
        if value not in self.choices:
            raise ArgumentError(
                f"option {self.name!r} is {value!r}", wanted="one of " + ", ".join(self.choices)
            )


def check_options(
    options: Mapping[str, Any] | None, declared: Iterable[Option], *, of: str = ""
) -> Mapping[str, Any]:
    """Return the options of a query, checked; None stands for none.

    Parameters
    ----------
    options : mapping or None
        Values by name. A value of None stands for the default.
    declared : iterable of Option
        What the metrics asked for let their user choose.
    of : str
        Name of the metric, if it is one.

    Raises
    ------
    ArgumentError
        If no metric has an option of this name, or its value is not admitted; the message lists those there
        are.
    """
    if not isinstance(options, Mapping | None):
        raise ArgumentError(f"options is {options!r}", wanted="a mapping such as {'profile': 'stripe'}")
    known = {option.name: option for option in declared}
    chosen = {name: value for name, value in (options or {}).items() if value is not None}
    for name, value in chosen.items():
        if name not in known:
            whose = only_if(of, f" of {of!r}")
            raise ArgumentError(
                f"option {name!r}{whose} is unknown",
                wanted=one_of(known, "no options: there are none"),
                next_step=did_you_mean(str(name), known),
            )
        known[name].check(value)
    return MappingProxyType(chosen)
