"""Answers whose level is known: constant, or changed by a step or a slide, some customers answering again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

#: Shares of detractors and promoters before any change: an NPS of +25.
DETRACTORS = 0.2
PROMOTERS = 0.45


@dataclass(frozen=True)
class Planted:
    """Day, points (-100, 0, 100) and customer of each answer, and the true level before and after."""

    day: NDArray[np.int64]
    points: NDArray[np.float64]
    who: NDArray[np.int64]
    before: float
    after: float


def true_nps(shift: float) -> float:
    """NPS where everybody's mood fell by so many standard deviations."""
    promoters = norm.sf(norm.isf(PROMOTERS) + shift)
    detractors = norm.cdf(norm.ppf(DETRACTORS) + shift)
    return float(100 * (promoters - detractors))


def planted(
    rng: np.random.Generator,
    *,
    n: int = 1000,
    days: int = 365,
    repeat: float = 0.0,
    growth: float = 1.0,
    fall: float = 0.0,
    at: int | None = None,
    slide: bool = False,
) -> Planted:
    """Return answers over some days.

    ``repeat`` is the share of answers by customers who answer five times on average, whose moods correlate
    by .5; the volume grows ``growth`` times from the first day to the last; the mood falls by ``fall``
    standard deviations on day ``at``, or from then on little by little up to the last day.
    """
    place = rng.random(n)
    if growth > 1:
        place = np.log1p(place * (growth - 1)) / np.log(growth)
    day = (place * days).astype(np.int64)
    who = np.arange(n)
    again = int(repeat * n)
    if again:
        who[:again] = n + rng.integers(0, max(again // 5, 1), again)
    person = np.unique(who, return_inverse=True)[1]
    mood = np.sqrt(0.5) * rng.standard_normal(person.max() + 1)[person]
    mood = mood + np.sqrt(0.5) * rng.standard_normal(n)
    if at is not None:
        fallen = (day >= at).astype(float)
        if slide:
            fallen = np.maximum(day - at, 0) / (days - 1 - at)
        mood = mood - fall * fallen
    points = np.where(mood > norm.isf(PROMOTERS), 100.0, np.where(mood < norm.ppf(DETRACTORS), -100.0, 0.0))
    return Planted(day=day, points=points, who=who, before=true_nps(0.0), after=true_nps(fall))


@pytest.fixture
def plant() -> Callable[..., Planted]:
    """The maker of planted answers."""
    return planted
