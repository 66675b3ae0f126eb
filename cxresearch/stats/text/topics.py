"""Themes that nobody named beforehand: what stays of NMF over many resamples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from cxresearch.errors import DataError
from cxresearch.stats.text.word_space import Meaning, WordSpace, count_words, word_space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Texts that the themes are learnt from, drawn with the seed where there are more.
MOST_TEXTS = 20_000
#: NMF runs of an ensemble, and texts of each.
RUNS, RUN_TEXTS = 8, 2_500
#: Runs of the ensemble that is kept, once the number of themes is chosen.
FINAL_RUNS = 16
#: Numbers of themes that are tried.
SIZES = (3, 4, 5, 6, 8, 10, 12, 15)
#: A theme whose best match in the runs is less alike than this, on average, is not shown.
STABLE = 0.7
#: The largest number of themes with this mean stability is kept; where none has it, the most stable one.
STEADY = 0.95
#: Two themes more alike than this are one.
SAME = 0.9
#: Least number of different texts to learn from.
LEAST = 50
BLOCK = 50_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Topics:
    """Themes found in texts.

    Attributes
    ----------
    names : tuple of str, length k
        The word that tells each theme best.
    top_words : tuple of tuple of str
        The words that tell each theme, best first, no two spelt alike.
    stability : ndarray, shape (k,)
        Mean cosine of a theme with its match in the runs on resamples, 0 to 1.
    words : tuple of str, length p
        Words that are read.
    weights : ndarray, shape (p, k)
        What each word counts for each theme.
    idf : ndarray, shape (p,)
        See `word_space.WordSpace`.
    cuts : ndarray, shape (k,)
        Score from which on a text mentions the theme.
    tried : tuple of (int, float)
        Numbers of themes tried and the mean stability of each.
    unstable : int
        Themes left out for want of stability.
    n_texts : int
        Texts learnt from.
    """

    names: tuple[str, ...]
    top_words: tuple[tuple[str, ...], ...]
    stability: NDArray[np.float64]
    words: tuple[str, ...]
    weights: Floats
    idf: Floats
    cuts: NDArray[np.float64]
    tried: tuple[tuple[int, float], ...]
    unstable: int
    n_texts: int

    def score(self, texts: Sequence[str]) -> Floats:
        """Return how much each text speaks of each theme, shape (texts, k); 0 without a word that is read."""
        parts = [np.empty((0, len(self.names)), dtype=np.float32)]
        for first in range(0, len(texts), BLOCK):
            counts, _ = count_words(texts[first : first + BLOCK], self.words)
            parts.append(_scores(counts, self.idf, self.weights))
        return np.concatenate(parts)

    def words_of(self, theme: int) -> tuple[str, ...]:
        """Return the words that tell a theme, best first."""
        return self.top_words[theme]

    def match(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which themes each text mentions, shape (texts, k)."""
        return np.asarray(self.score(texts) >= self.cuts)


def discover_topics(
    texts: Sequence[str],
    *,
    size: int | None = None,
    stop_words: Sequence[str] = (),
    meaning: Meaning | None = None,
    seed: int = 0,
) -> Topics:
    """Find themes in texts.

    Parameters
    ----------
    texts : sequence of str, length n
        Empty ones are passed over. Of more than 20,000 different ones so many are drawn.
    size : int, optional
        Number of themes to look for; by default the largest stable one of 3 to 15.
    stop_words : sequence of str
        Words to leave out, besides those in more than a quarter of the texts.
    meaning : callable, optional
        Words to vectors, shape (words, d), from a model of the caller's: words that mean alike then count
        for each other, whatever their spelling, company or language.
    seed : int
        Of the resamples.

    Returns
    -------
    Topics
        Only themes that come back on resamples; none, if none does.

    Raises
    ------
    DataError
        If there are fewer than 50 different texts, or too few words come back.

    Notes
    -----
    Each text is a TF-IDF vector of words, in which words that are spelt alike (letter sequences of 3 to 5) or
    keep like company count for each other. NMF runs on resamples of the texts; the components of all runs are
    factored once more, and what that gives are the themes (Belford, Mac Namee and Greene 2018,
    doi:10.1016/j.eswa.2017.08.047). A theme's stability is the mean cosine with its partner in each run
    (Greene, O'Callaghan and Cunningham 2014, doi:10.1007/978-3-662-44848-9_32); the number of themes is the
    largest whose mean stability is .95, or the most stable where none has it. A text mentions a theme from
    the score that divides its scores best into two groups (Otsu 1979, doi:10.1109/TSMC.1979.4310076).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> groups = [
    ...     "price expensive cost cheap fee",
    ...     "slow crash error bug freeze",
    ...     "rude staff kind agent call",
    ... ]
    >>> said = [" ".join(rng.choice(groups[at % 3].split(), 3)) for at in range(600)]
    >>> topics = discover_topics(said, size=3)
    >>> mentions = topics.match(said)
    >>> mentions.sum(axis=0), bool((mentions.argmax(axis=1)[3:] == mentions.argmax(axis=1)[:-3]).all())
    (array([200, 200, 200]), True)
    """
    rng = np.random.default_rng(seed)
    different = list(dict.fromkeys(text for text in texts if text))
    if len(different) > MOST_TEXTS:
        different = [different[at] for at in np.sort(rng.choice(len(different), MOST_TEXTS, replace=False))]
    if len(different) < LEAST:
        raise DataError(
            f"there are {len(different)} different texts",
            wanted=f"at least {LEAST} to discover themes in",
            next_step="give a codebook: it needs no number of texts",
        )
    space, table = word_space(different, stop_words=stop_words, meaning=meaning)
    vectors = _vectors(table, space)
    table, vectors = _with_words(table, vectors)
    sizes = _sizes(size, vectors)
    tried = []
    chosen = sizes[0]
    if len(sizes) > 1:
        tried = [(k, _ensemble(vectors, k, RUNS, rng)[1]) for k in sizes]
        chosen = _chosen(tried)
    themes, stability = _ensemble(vectors, chosen, FINAL_RUNS, rng)
    shown = _distinct(themes, stability)
    weights = (space.blend @ themes[shown].T).astype(np.float32)
    return Topics(
        **_named(themes[shown], space),
        stability=stability[shown],
        words=space.words,
        weights=weights,
        idf=space.idf,
        cuts=_cuts(_scores(table, space.idf, weights)),
        tried=tuple((k, float(steady.mean())) for k, steady in tried),
        unstable=len(themes) - len(shown),
        n_texts=len(different),
    )


def _sizes(size: int | None, vectors: Floats) -> tuple[int, ...]:
    most = max(2, min(vectors.shape) // 4)
    if size is not None:
        return (min(size, most),)
    return tuple(k for k in SIZES if k <= most) or (most,)


def _vectors(table: sparse.csr_matrix, space: WordSpace) -> Floats:
    vectors = (table @ sparse.diags(space.idf)) @ space.blend
    return np.asarray(vectors, dtype=np.float32)


def _with_words(table: sparse.csr_matrix, vectors: Floats) -> tuple[sparse.csr_matrix, Floats]:
    """Texts that have a word that is read; their vectors at unit length."""
    length = np.linalg.norm(vectors, axis=1)
    there = length > 0
    return table[np.flatnonzero(there)], vectors[there] / length[there, None]


def _scores(table: sparse.csr_matrix, idf: Floats, weights: Floats) -> Floats:
    """Weights of a text's words over the length of its own vector: long texts do not mention everything."""
    values = sparse.csr_matrix(table @ sparse.diags(idf))
    length = np.sqrt(np.asarray(values.multiply(values).sum(axis=1)).ravel())
    scores = values @ weights
    return np.asarray(scores / np.where(length > 0, length, 1.0)[:, None], dtype=np.float32)


def _ensemble(
    vectors: Floats, size: int, runs: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.float64]]:
    """Themes, shape (k, p), of unit length, and the stability of each.

    Resamples are cut from shuffled texts laid end to end, so that each text is drawn as often as any other.
    """
    n = len(vectors)
    draw = min(RUN_TEXTS, int(np.ceil(0.7 * n)))
    shuffles = int(np.ceil(runs * draw / n))
    order = np.concatenate([rng.permutation(n) for _ in range(shuffles)])
    resamples = [vectors[order[run * draw : (run + 1) * draw]] for run in range(runs)]
    with _one_thread_each():
        parts = _side_by_side(resamples, size)
        themes = _nmf(np.vstack(parts), size, 400)
    matches = np.stack([_matched(themes, part) for part in parts])
    return themes, matches.mean(axis=0)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """One thread of BLAS a run, and no warning of runs that stop before they converge.

    At this size the threads of one product wait for each other longer than they work, on a busy machine many
    times as long. An ensemble averages what is left of a run that stopped early. Filters of warnings belong
    to the process, so they are set outside the threads.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _side_by_side(resamples: list[Floats], size: int) -> list[Floats]:
    """Components of each resample, shape (k, p), computed in as many threads as there are cores."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=-1, prefer="threads")(delayed(_nmf)(rows, size, 100) for rows in resamples))


def _nmf(rows: Floats, size: int, iterations: int) -> Floats:
    from sklearn.decomposition import NMF

    model = NMF(size, init="nndsvda", max_iter=iterations, tol=1e-3, random_state=0)
    parts = model.fit(rows).components_
    length = np.linalg.norm(parts, axis=1)
    return np.asarray(parts / np.where(length > 0, length, 1.0)[:, None], dtype=np.float32)


def _matched(themes: Floats, run: Floats) -> NDArray[np.float64]:
    """Cosine of each theme with its partner, partners chosen for the largest sum (Hungarian method)."""
    alike = (themes @ run.T).astype(np.float64)
    rows, columns = linear_sum_assignment(-alike)
    return np.asarray(alike[rows, columns])


def _chosen(tried: list[tuple[int, NDArray[np.float64]]]) -> int:
    """The largest number of themes that is steady, or the steadiest."""
    means = np.array([stability.mean() for _, stability in tried])
    steady = np.flatnonzero(means >= STEADY)
    if len(steady):
        return tried[int(steady[-1])][0]
    return tried[int(np.argmax(means))][0]


def _distinct(themes: Floats, stability: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the themes to show, most stable first among those alike, in their own order."""
    shown: list[int] = []
    for at in np.argsort(-stability, kind="stable"):
        alike = any(float(themes[at] @ themes[other]) > SAME for other in shown)
        if stability[at] >= STABLE and not alike:
            shown.append(int(at))
    return np.array(sorted(shown), dtype=np.intp)


def _named(themes: Floats, space: WordSpace) -> dict[str, Any]:
    """Names and words of themes: heavy in the theme, and more than elsewhere."""
    total = themes.sum(axis=0)
    telling = themes * themes / np.where(total > 0, total, 1.0)
    top: list[tuple[str, ...]] = []
    names: list[str] = []
    for row in telling:
        chosen: list[int] = []
        for at in np.argsort(-row, kind="stable")[:60]:
            if row[at] > 0 and not any(space.spelling[at, other] for other in chosen):
                chosen.append(int(at))
        words = tuple(space.words[at] for at in chosen[:8])
        top.append(words)
        free = [word for word in words if word not in names]
        names.append([*free, f"theme {len(names) + 1}"][0])
    return {"names": tuple(names), "top_words": tuple(top)}


def _cuts(scores: Floats) -> NDArray[np.float64]:
    return np.array([_otsu(column) for column in scores.T], dtype=np.float64)


def _otsu(values: Floats) -> float:
    """The cut with the greatest variance between the two groups it makes."""
    ordered = np.sort(values.astype(np.float64))
    below = np.arange(1, len(ordered))
    above = len(ordered) - below
    sums = np.cumsum(ordered)
    means_below, means_above = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    # Otsu's criterion: n_below n_above (mean_above - mean_below)^2
    between = below * above * (means_above - means_below) ** 2
    if not len(between):
        return float("inf")
    at = int(np.argmax(between))
    return float((ordered[at] + ordered[at + 1]) / 2)
