"""One error tree. Every message says what was wrong, where, what was expected and what to do next."""

from __future__ import annotations


class CxError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    problem : str
        What was wrong, as a sentence without a full stop: ``"score 11 is outside the scale"``.
    where : str, optional
        File, table, column and row as far as known: ``"responses.csv, column score, row 7"``.
    wanted : str, optional
        What was expected: ``"a whole number from 0 to 10"``.
    next_step : str, optional
        What to do about it, in the imperative: ``"declare the scale in [instruments.nps]"``.

    Examples
    --------
    >>> print(CxError("score 11 is outside the scale", where="row 7", wanted="0 to 10"))
    score 11 is outside the scale (row 7); wanted 0 to 10.
    """

    def __init__(self, problem: str, *, where: str = "", wanted: str = "", next_step: str = "") -> None:
        self.problem = problem
        self.where = where
        self.wanted = wanted
        self.next_step = next_step
        text = problem
        if where:
            text += f" ({where})"
        if wanted:
            text += f"; wanted {wanted}"
        text += "."
        if next_step:
            text += f" Next: {next_step}."
        super().__init__(text)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when an error crosses a process boundary (joblib workers)."""
        return (_rebuild, (type(self), self.problem, self.where, self.wanted, self.next_step))


def _rebuild(kind: type[CxError], problem: str, where: str, wanted: str, next_step: str) -> CxError:
    return kind(problem, where=where, wanted=wanted, next_step=next_step)


class ArgumentError(CxError, ValueError):
    """An argument of a function has a value it cannot take."""


class DataError(CxError, ValueError):
    """The data cannot answer the question asked, or break a rule that forbids an answer."""


class StudyError(DataError):
    """A study file, or the tables it names, cannot be read as declared."""


class CxWarning(UserWarning):
    """Something the reader of a number must know, though the number itself stands."""
