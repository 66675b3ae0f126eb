"""Kinds of churn: what counts as leaving, by the same names and the same default everywhere.

The default is ``"any"``: whoever left is gone, whichever way. What customers experience explains why they
leave of their own accord, so ask for ``"voluntary"`` where scores are to explain or predict; the contest of
scores asks for nothing else.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cxresearch.aliases import Bools, Ints
from cxresearch.checks import check_choice
from cxresearch.data.landmarks.landmark_outcomes import CHURN, OUTCOMES, LandmarkOutcome
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.errors import ArgumentError

Kind = Literal["any", "voluntary", "involuntary"]

#: Event codes and their names.
KIND_NAMES = {1: "voluntary", 2: "involuntary"}
#: Which codes count as churn of a kind.
KIND_CODES: dict[str, tuple[int, ...]] = {"any": (1, 2), "voluntary": (1,), "involuntary": (2,)}


def check_kind(kind: str) -> str:
    """Return the kind, or say which there are."""
    return check_choice("kind", kind, tuple(KIND_CODES))


def asked_about(marks: Landmarks, kind: str) -> str:
    """Return the kind of churn asked about, or the outcome that these landmarks follow instead.

    Raises
    ------
    ArgumentError
        If a kind of churn is asked of landmarks that follow another outcome.
    """
    outcome = marks.followed
    if outcome is CHURN:
        return check_kind(kind)
    if kind not in ("any", outcome.name):
        raise ArgumentError(
            f"kind is {kind!r}, and these landmarks follow {outcome.noun}",
            wanted=f"kind left out, or {outcome.name!r}",
            next_step="for churn: cx.landmark(study, outcome='churn')",
        )
    return outcome.name


def words_for(kind: str) -> LandmarkOutcome:
    """Return the words for a kind of churn, or for another outcome.

    Examples
    --------
    >>> words_for("voluntary").happened, words_for("expansion").happened
    ('left', 'expanded')
    """
    return OUTCOMES.get(kind, CHURN)


def noun_for(kind: str) -> str:
    """Return what is predicted: ``"any churn"``, ``"expansion"``."""
    if kind in KIND_CODES:
        return f"{kind} churn"
    return words_for(kind).noun


def one_against_others(event: Ints, kind: str) -> Ints:
    """Return 1 for churn of a kind, 2 for an end of another kind, 0 for censored.

    Examples
    --------
    >>> one_against_others(np.array([0, 1, 2]), "involuntary").tolist()
    [0, 2, 1]
    """
    otherwise = (event > 0) & ~of_kind(event, kind)
    return np.where(otherwise, 2, (event > 0).astype(np.int64))


def of_kind(event: Ints, kind: str) -> Bools:
    """Tell which event codes count as churn of a kind (1 for another outcome), shape of ``event``.

    Examples
    --------
    >>> of_kind(np.array([0, 1, 2]), "any").tolist()
    [False, True, True]
    """
    return np.isin(event, KIND_CODES.get(kind, (1,)))
