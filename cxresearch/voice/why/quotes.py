"""Words of customers, shown only when asked for: redacted, one line, and nothing that a program would run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import check_number
from cxresearch.errors import ArgumentError
from cxresearch.stats.text.redaction import Redactor, inert
from cxresearch.voice.why.study_texts import collect_columns, names_in_customers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.voice.why.themes import Themes


def redactor_for(themes: Themes, names: Sequence[str] | None = None) -> Redactor:
    """Return what takes names, customer ids and whatever else identifies somebody out of a study's texts.

    Parameters
    ----------
    names : sequence of str, optional
        Columns of customers with names; by default those that are called so.
    """
    study = themes.themed_study
    known = names_in_customers(study, names)
    if "customers" in study.tables:
        ids = collect_columns(study, "customers", ("customer_id",))["customer_id"].astype(str)
        # short ids and plain numbers are words of everybody; six digits and more go as numbers
        known += [name for name in ids if len(name) >= 4 and not name.isdigit()]
    return Redactor(known)


def theme_quotes(
    themes: Themes,
    theme: str = "",
    *,
    n: int = 5,
    names: Sequence[str] | None = None,
    longest: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """Return some texts that mention a theme, redacted; calling this is the opt-in.

    Parameters
    ----------
    themes : Themes
    theme : str
        Name of a theme; by default some texts of each.
    n : int
        Texts of a theme, drawn with the seed from different customers.
    names : sequence of str, optional
        Columns of customers whose values are names; by default those that are called so (name, contact,
        company, email, ...).
    longest : int
        Characters that are shown.
    seed : int

    Returns
    -------
    DataFrame
        Columns ``theme, label, quote``: no id, no date. E-mail addresses, links, IBANs, cards, phones,
        numbers of six digits or more, codes, handles, customers' names and ids are replaced; markup,
        formulas and control characters are defused. What identifies somebody without being any of these
        stays: read a quote before passing it on.

    Raises
    ------
    ArgumentError
        If there is no such theme, or a column of names is not there.

    See Also
    --------
    themes : where themes come from. Guide: ``docs/why.md``.
    """
    count = int(check_number("n", n, at_least=1))
    if theme and theme not in themes.names:
        raise ArgumentError(f"there is no theme {theme!r}", wanted="one of " + ", ".join(themes.names))
    redactor = redactor_for(themes, names)
    rng = np.random.default_rng(seed)
    lines = []
    asked = themes.names
    if theme:
        asked = (theme,)
    for name in asked:
        rows = themes.rows[themes.of(name)]
        order = rng.permutation(len(rows))
        rows = rows.iloc[order]
        if "customer_id" in rows:
            # one talkative customer must not fill the page
            rows = rows.drop_duplicates("customer_id")
        # redact first: defusing would break up what is to be recognised
        quotes = (inert(redactor.redact(text), longest=longest) for text in rows["text"].iloc[:count])
        lines += [{"theme": name, "label": themes.label(name), "quote": quote} for quote in quotes]
    return pd.DataFrame(lines, columns=["theme", "label", "quote"])
