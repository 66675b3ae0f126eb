"""A study without time: what it refuses, and the caution beside whatever it answers."""

from __future__ import annotations

from cxresearch.errors import StudyError

#: What stands beside every result from a snapshot.
CAUTION = (
    "A snapshot cannot tell what came first: a column may have changed because the customer was leaving, or "
    "after. What goes with having left is no forecast and no cause."
)


def snapshot_refusal(name: str) -> StudyError:
    """Return the one refusal of whatever needs time, for a study of this name."""
    return StudyError(
        f"study {name!r} is a snapshot: who left is known, but not when, so nothing that needs time can be "
        "told from it",
        wanted="customers with started_at and ended_at",
        next_step="cx.study.who_left(study) and cx.key_drivers(study, 'left', [...]) say what goes with "
        "having left",
    )
