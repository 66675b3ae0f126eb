"""The maximum of the logistic likelihood: columns scaled, Newton steps halved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.special import expit, logit

from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats

#: Newton steps at most; a finite maximum takes about six, one at infinity is noticed after some thirty.
MOST_STEPS = 100
#: Halvings of a step that overshoots.
MOST_HALVINGS = 60
#: A rise of the log-likelihood below this, relative to its size, counts as none.
FLAT = 1e-11
#: A step that moves no linear predictor by more than this, relative to their size, is the last one.
SETTLED = 1e-10
#: A last step that moves them by more than this shows a maximum at infinity.
STILL_MOVING = 1e-3


@dataclass(frozen=True, kw_only=True)
class Observations:
    """The rows of positive weight; ``positive`` says which of all those are."""

    design: Floats
    outcome: Floats
    weights: Floats
    offset: Floats
    positive: Bools

    @property
    def n(self) -> int:
        """Their number."""
        return len(self.outcome)


@dataclass(frozen=True, kw_only=True)
class ClimbState:
    """Where the climb stands: coefficients c, linear predictor h = Z c + offset, risk, and log-likelihood."""

    c: Floats
    linear: Floats
    risk: Floats
    value: float


@dataclass(frozen=True, kw_only=True)
class Newton:
    """Newton's method: l(c) = sum w (y h - log(1 + exp h)) - c' P c / 2 with h = Z c + offset."""

    columns: Floats
    rows: Observations
    penalty: Floats

    #: Log odds beyond which a risk is 0 or 1 to the last digit.
    LARGEST: ClassVar[float] = 35.0

    def state(self, c: Floats, linear: Floats) -> ClimbState:
        """Return where coefficients lead."""
        value = float(self.contributions(linear).sum() - self.penalty @ c**2 / 2)
        risk = expit(np.clip(linear, -self.LARGEST, self.LARGEST))
        return ClimbState(c=c, linear=linear, risk=risk, value=value)

    def contributions(self, linear: Floats) -> Floats:
        """Return the log-likelihood of each row times its weight, shape (n,)."""
        return np.asarray(self.rows.weights * (self.rows.outcome * linear - np.logaddexp(0, linear)))

    def residual(self, state: ClimbState) -> Floats:
        """Return outcome less risk, times the weight, shape (n,)."""
        return np.asarray(self.rows.weights * (self.rows.outcome - state.risk))

    def information(self, state: ClimbState) -> Floats:
        """Return minus the second derivative, shape (p, p)."""
        # Z' diag(w p (1 - p)) Z + P.
        spread = self.rows.weights * state.risk * (1 - state.risk)
        return np.asarray((self.columns * spread[:, None]).T @ self.columns + np.diag(self.penalty))

    def step(self, state: ClimbState) -> Floats:
        """Return Newton's step, shape (p,)."""
        gradient = self.columns.T @ self.residual(state) - self.penalty * state.c
        information = self.information(state)
        try:
            return np.asarray(np.linalg.solve(information, gradient))
        except np.linalg.LinAlgError:
            # On the way to infinity nothing may be left of it to the last digit.
            return np.asarray(np.linalg.lstsq(information, gradient, rcond=None)[0])

    def maximum(self, start: Floats) -> ClimbState:
        """Climb until the predictions settle; refuse data whose likelihood rises for ever.

        Near a finite maximum each step is the square of the last. Towards one at infinity the likelihood
        stops rising while every step still moves the predictions by about one unit of the log odds. How large
        they are says nothing: one extreme covariate makes them so without separation.
        """
        state = self.state(start, self.columns @ start + self.rows.offset)
        before = np.inf
        for _ in range(MOST_STEPS):
            reached = self._climbed(state)
            moved = float(np.abs(reached.linear - state.linear).max() / (1 + np.abs(reached.linear).max()))
            flat = abs(reached.value - state.value) < FLAT * (1 + abs(reached.value))
            state = reached
            if moved < SETTLED or (flat and moved > before / 2):
                break
            before = moved
        if moved > STILL_MOVING and not self.penalty.any():
            raise DataError(
                "no finite logistic fit exists: a combination of columns separates cases from controls",
                wanted="columns that leave both outcomes possible",
                next_step="drop the column that tells the outcome, or one that few rows have, "
                "or one measured after the fact",
            )
        return state

    def _climbed(self, state: ClimbState) -> ClimbState:
        """Take Newton's step, halved until the likelihood does not fall; return where it leads."""
        step = self.step(state)
        shift = self.columns @ step
        for _ in range(MOST_HALVINGS):
            reached = self.state(state.c + step, state.linear + shift)
            if reached.value >= state.value - 1e-13 * abs(state.value):
                break
            step = step / 2
            shift = shift / 2
        return reached


def logistic_coefficients(design: Floats, outcome: Floats, *, weights: Floats, ridge: float) -> Floats:
    """Return the coefficients alone of a fit to checked arrays; see :func:`logistic_fit`."""
    positive = weights > 0
    rows = Observations(
        design=design[positive],
        outcome=outcome[positive],
        weights=weights[positive],
        offset=np.zeros(np.count_nonzero(positive)),
        positive=positive,
    )
    to_design, _, solution = logistic_maximum(rows, ridge)
    return to_design @ solution.c


def logistic_maximum(rows: Observations, ridge: float) -> tuple[Floats, Newton, ClimbState]:
    """Matrix T, shape (p, p), that scales the columns, and the maximum on the columns X T."""
    # A ridge counts in units of the columns given, so where there is one they are scaled, not mixed.
    to_design = _largest_one(rows)
    if ridge == 0:
        to_design = _orthogonal(rows)
    newton = Newton(columns=rows.design @ to_design, rows=rows, penalty=_penalty(to_design, ridge))
    return to_design, newton, newton.maximum(_start(rows, to_design))


def _orthogonal(rows: Observations) -> Floats:
    """Matrix T, shape (p, p), that makes the columns of X T orthonormal under the row weights.

    Newton's method on X T takes the same path whatever the units and origins of the columns.
    """
    weighted = rows.design * np.sqrt(rows.weights)[:, None]
    # Each column over its length first, so that pivoting and rank ignore the units.
    size = np.sqrt((weighted**2).sum(axis=0))
    p = weighted.shape[1]
    _check_rank(size > 0)
    triangle, pivot = qr(weighted / size, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    # The rule of numpy.linalg.matrix_rank: below rounding of the largest, a column adds nothing.
    _check_rank(diagonal > max(weighted.shape) * np.finfo(np.float64).eps * diagonal[0])
    if len(diagonal) < p:
        raise _repeated()
    back = np.zeros((p, p))
    back[pivot] = solve_triangular(triangle[:p], np.eye(p))
    return np.asarray(back / size[:, None])


def _check_rank(adds: Bools) -> None:
    if not adds.all():
        raise _repeated()


def _repeated() -> DataError:
    return DataError(
        "no unique logistic fit exists: a column repeats others or is zero throughout",
        wanted="columns none of which follows from the others",
        next_step="drop the column that repeats others",
    )


def _largest_one(rows: Observations) -> Floats:
    """Diagonal matrix T, shape (p, p), that scales each column to a largest absolute value of 1."""
    largest = np.abs(rows.design).max(axis=0)
    return np.diag(1 / np.where(largest > 0, largest, 1.0))


def _penalty(to_design: Floats, ridge: float) -> Floats:
    """Weight of each squared coefficient of the scaled columns, shape (p,)."""
    # b = T c with T diagonal wherever there is a ridge, so ridge b^2 = ridge T^2 c^2.
    penalty = ridge * np.diag(to_design) ** 2
    penalty[0] = 0.0
    return np.asarray(penalty)


def _start(rows: Observations, to_design: Floats) -> Floats:
    """Coefficients of the scaled columns at the average risk, where the first column is an intercept."""
    first = rows.design[:, 0]
    start = np.zeros(len(to_design))
    if first[0] == 0 or (first != first[0]).any():
        return start
    share = rows.weights @ rows.outcome / rows.weights.sum()
    start[0] = logit(share) / first[0]
    # b = T c, so c = T^-1 b.
    return np.asarray(np.linalg.solve(to_design, start))
