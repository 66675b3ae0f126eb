"""``theme_sample`` and ``theme_agreement``: nobody has to believe a theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import MINUS, Unit
from cxresearch.stats.text.agreement import binary_agreement, krippendorff_alpha
from cxresearch.stats.text.redaction import inert
from cxresearch.voice.why.quotes import redactor_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cxresearch.voice.why.themes import Themes

#: Columns of a sample that are no themes.
ROW, TEXT, WEIGHT, RATER = "row", "text", "weight", "rater"
_YES = {"1", "1.0", "x", "y", "yes", "true", "ja", "si", "sí", "oui"}
_NO = {"0", "0.0", "n", "no", "false", "nein", "non"}
_FIGURES = ("precision", "recall", "kappa", "alpha")


def theme_sample(
    themes: Themes, n: int = 200, *, names: Sequence[str] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Draw texts for people to label, so that each theme, and no theme, is seen often enough.

    Parameters
    ----------
    themes : Themes
    n : int
        Texts to draw, at most so many as there are.
    names : sequence of str, optional
        Columns of customers with names to take out; see `theme_quotes`.
    seed : int

    Returns
    -------
    DataFrame
        Columns ``row`` (position in the texts), ``text`` (redacted, defused), ``weight`` (texts it stands
        for) and an empty column for each theme, to fill with 1 or 0. In shuffled order, and without what the
        program thinks. Several people label copies, told apart by a column ``rater``.

    Notes
    -----
    Texts are divided by the rarest theme they mention, or none; each part gets its share of n at random,
    equally, as far as it has so many. The weight is the size of the part over the number drawn from it.

    See Also
    --------
    theme_agreement : what to do with the labels. Guide: ``docs/why.md``.
    """
    wanted = int(check_number("n", n, at_least=1))
    part = _parts(themes)
    rng = np.random.default_rng(seed)
    draws = _allocated(np.bincount(part), wanted)
    rows: list[int] = []
    weights: list[float] = []
    for number, count in enumerate(draws):
        members = np.flatnonzero(part == number)
        chosen = rng.choice(members, count, replace=False)
        rows += chosen.tolist()
        weights += [len(members) / count] * count if count else []
    order = rng.permutation(len(rows))
    redactor = redactor_for(themes, names)
    texts = themes.rows["text"].iloc[np.array(rows, dtype=np.intp)[order]]
    sample = pd.DataFrame(
        {
            ROW: np.array(rows)[order],
            TEXT: [inert(redactor.redact(text), longest=2_000) for text in texts],
            WEIGHT: np.array(weights)[order],
        }
    )
    for name in themes.names:
        # marks of the program are left out: they would lead whoever labels
        sample[name] = pd.array([pd.NA] * len(sample), dtype="Int64")
    return sample


def _parts(themes: Themes) -> NDArray[np.int64]:
    """Number of the part of each text: the rarest theme it mentions, or the last number for none."""
    flags = themes.flags
    count = flags.sum(axis=0)
    # a text belongs to the rarest theme it mentions: rare themes need every text they have
    rarity = np.where(flags, count[None, :].astype(np.float64), np.inf)
    rarest = rarity.argmin(axis=1) if flags.shape[1] else np.zeros(len(flags), dtype=np.int64)
    return np.where(flags.any(axis=1), rarest, flags.shape[1]).astype(np.int64)


def _allocated(sizes: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    """Equal numbers from each part, what a small part lacks going to the others."""
    draws = np.zeros_like(sizes)
    left = min(wanted, int(sizes.sum()))
    while left:
        # smallest parts first, so that what they lack is known to the larger ones
        open_parts = np.flatnonzero(draws < sizes)
        for at in open_parts[np.argsort(sizes[open_parts], kind="stable")]:
            room = int(sizes[at] - draws[at])
            share = max(1, left // max(1, len(open_parts)))
            add = min(share, room, left)
            draws[at] += add
            left -= add
    return draws


@dataclass(frozen=True, kw_only=True, eq=False)
class ThemeAgreement(Result):
    """How well themes agree with what people say.

    Attributes
    ----------
    table : DataFrame
        One row a theme. ``raters_alpha`` (with ends) is that between people, where several labelled the same
        texts.
    n : int
        Labelled texts.
    raters : int
    level : float
    """

    table: pd.DataFrame
    n: int
    raters: int
    level: float
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="theme", label="theme", meaning="name of the theme"),
                *(
                    Column(name=name, label=label, meaning=meaning, low=f"{name}_low", high=f"{name}_high")
                    for name, label, meaning in (
                        ("precision", "precision", "share of marked texts that people mark too"),
                        ("recall", "recall", "share of texts that people mark which are marked"),
                        ("kappa", "Cohen's kappa", "agreement beyond chance"),
                        ("alpha", "Krippendorff's alpha", "agreement beyond chance, one pooled share"),
                    )
                ),
                Column(name="marked_share", label="marked", meaning="share of all texts", unit=Unit.SHARE),
                Column(
                    name="labelled_share", label="by people", meaning="share of all texts", unit=Unit.SHARE
                ),
                Column(name="n", label="n", meaning="labelled texts", unit=Unit.COUNT),
            ),
            title="Agreement of themes with people, {level} intervals",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        judged = self.table.dropna(subset=["kappa"])
        if not len(judged):
            return f"{self.n:,} labelled texts do not tell about any theme yet."
        # Landis and Koch (1977), doi:10.2307/2529310: below .4 agreement is fair at best
        weak = judged[judged["kappa_low"] < 0.4]
        sure = len(judged) - len(weak)
        lead = f"Of {len(judged)} themes {sure} agree with people beyond doubt (kappa above .4)"
        if not len(weak):
            return f"{lead}, checked on {self.n:,} texts."
        worst = weak.sort_values("kappa").iloc[0]
        return (
            f"{lead}, checked on {self.n:,} texts; read the others with care, first of all {worst['theme']} "
            f"(kappa {_figure(worst['kappa'])} from {_figure(worst['kappa_low'])} to "
            f"{_figure(worst['kappa_high'])})."
        )


def _figure(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.2f}".replace("-", MINUS)


def theme_agreement(
    labels: pd.DataFrame, themes: Themes, *, level: float = 0.95, seed: int = 0
) -> ThemeAgreement:
    """Compare themes with the labels that people gave to a sample of texts.

    Parameters
    ----------
    labels : DataFrame
        From `theme_sample`, its theme columns filled with 1 and 0 (also true, yes, x; false, no). A blank
        means not labelled. With a column ``rater`` where several people labelled.
    themes : Themes
        Those that the sample was drawn from.
    level : float
    seed : int
        Of the draws behind the intervals.

    Returns
    -------
    ThemeAgreement
        Precision, recall, Cohen's kappa and Krippendorff's alpha of each theme, for all texts (the sample's
        weights undo that rare themes were drawn more often), with intervals. Several raters count by their
        majority, ties as yes.

    Raises
    ------
    ArgumentError
        If a column is not there, or a label is neither yes nor no.
    DataError
        If nothing is labelled.

    References
    ----------
    Cohen (1960), doi:10.1177/001316446002000104; Krippendorff (2004), doi:10.1111/j.1468-2958.2004.tb00738.x.

    See Also
    --------
    theme_sample : draws the sample. Guide: ``docs/why.md``.
    """
    check_level(level)
    names = _labelled_themes(labels, themes)
    codes = {name: _yes_or_no(labels[name], name) for name in names}
    raters = int(labels[RATER].nunique()) if RATER in labels else 1
    lines = []
    used: set[int] = set()
    for name in names:
        votes = _votes(labels, codes[name])
        used |= set(votes[ROW])
        lines.append(
            {"theme": name, **_line(votes, themes, name, level, seed), **_between(labels, codes[name], level)}
        )
    if not used:
        raise DataError("nothing is labelled", wanted="1 or 0 in the columns of the themes")
    return ThemeAgreement(table=pd.DataFrame(lines), n=len(used), raters=raters, level=level)


def _labelled_themes(labels: pd.DataFrame, themes: Themes) -> list[str]:
    if not {ROW, WEIGHT} <= set(labels.columns):
        raise ArgumentError(
            "labels have no columns row and weight",
            wanted="the table that theme_sample returned, with its columns filled",
        )
    names = [name for name in themes.names if name in labels.columns]
    if not names:
        raise ArgumentError("labels have no column of a theme", wanted="one of " + ", ".join(themes.names))
    rows = pd.to_numeric(labels[ROW], errors="coerce")
    # a spreadsheet may have sorted or cut the rows; only their numbers count
    if rows.isna().any() or (rows < 0).any() or (rows >= len(themes.rows)).any():
        raise ArgumentError("labels name rows that the themes do not have", next_step="use the same themes")
    return names


def _yes_or_no(column: pd.Series[Any], name: str) -> NDArray[np.float64]:
    """1, 0, or NaN for a blank."""
    text = column.astype("string").str.strip().str.lower().fillna("")
    yes, no, blank = text.isin(_YES), text.isin(_NO), text.isin(["", "nan", "<na>", "none"])
    wrong = ~(yes | no | blank)
    if wrong.any():
        raise ArgumentError(
            f"label {column[wrong].iloc[0]!r} of theme {name!r} is neither yes nor no",
            where=f"row {int(np.argmax(wrong.to_numpy())) + 1}",
            wanted="1 or 0, true or false, yes or no; blank where not labelled",
        )
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


def _votes(labels: pd.DataFrame, codes: NDArray[np.float64]) -> pd.DataFrame:
    """One line a labelled text: row, weight and the majority's label."""
    table = pd.DataFrame(
        {ROW: labels[ROW].astype(np.int64), WEIGHT: labels[WEIGHT].astype(float), "vote": codes}
    )
    table = table.dropna(subset=["vote"])
    votes = table.groupby(ROW, as_index=False).agg({WEIGHT: "first", "vote": "mean"})
    # majority of the raters, a tie counts as yes
    votes["vote"] = votes["vote"] >= 0.5
    return votes


def _line(votes: pd.DataFrame, themes: Themes, name: str, level: float, seed: int) -> dict[str, Any]:
    mentioned = themes.of(name)
    if not len(votes):
        ends = {f"{figure}{end}": float("nan") for figure in _FIGURES for end in ("", "_low", "_high")}
        return {"n": 0, "n_effective": 0.0, "marked_share": float(mentioned.mean()), **ends}
    found = binary_agreement(
        mentioned[votes[ROW].to_numpy()],
        votes["vote"].to_numpy(),
        weights=votes[WEIGHT].to_numpy(),
        marked_share=float(mentioned.mean()),
        level=level,
        seed=seed,
    )
    line: dict[str, Any] = {
        "n": found.n,
        "n_effective": found.n_effective,
        "marked_share": found.marked_share,
        "labelled_share": found.reference_share,
    }
    for figure in _FIGURES:
        value, low, high = getattr(found, figure)
        line |= {figure: value, f"{figure}_low": low, f"{figure}_high": high}
    return line


def _between(labels: pd.DataFrame, codes: NDArray[np.float64], level: float) -> dict[str, float]:
    """Krippendorff's alpha between people, where texts were labelled by several."""
    names = ("raters_alpha", "raters_alpha_low", "raters_alpha_high")
    if RATER not in labels or labels[RATER].nunique() < 2:
        return {}
    table = pd.DataFrame({ROW: labels[ROW], RATER: labels[RATER], "code": codes})
    wide = table.pivot_table(index=ROW, columns=RATER, values="code", aggfunc="first")
    if (wide.notna().sum(axis=1) >= 2).sum() < 2:
        return dict.fromkeys(names, float("nan"))
    return dict(zip(names, krippendorff_alpha(wide.to_numpy(), level=level), strict=True))
