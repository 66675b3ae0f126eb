"""Raw names as they compare: without capitals, accents, spaces and marks."""

from __future__ import annotations

import re
import unicodedata


def snake(name: str) -> str:
    """Return a raw name in snake case, without accents.

    Examples
    --------
    >>> snake("RecordedDate"), snake("Sign-up date"), snake("Début")
    ('recorded_date', 'sign_up_date', 'debut')
    """
    decomposed = unicodedata.normalize("NFKD", name)
    without_accents = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    composed = unicodedata.normalize("NFC", without_accents)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", composed)
    return re.sub(r"[\W_]+", "_", spaced.lower()).strip("_")
