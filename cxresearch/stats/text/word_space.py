"""Which words tell, and which of them go together: by frequency, by spelling, by the company they keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.text.tokens import WordNumbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Words to vectors, one row a word; a row of zeros for a word that is not known.
Meaning = Callable[[Sequence[str]], Any]

#: A word in more than this share of the texts is a stop word, in whatever language; one in fewer texts than
#: `LEAST_TEXTS` could name a person; of the rest the most frequent are read.
STOP_SHARE, LEAST_TEXTS, MOST_WORDS = 0.25, 5, 1_500
#: How telling a word's company is gets drawn towards the median by so many words of company.
PRIOR_COMPANY = 200
#: Characters of one text that are read.
LONGEST_TEXT = 5_000
#: Two words are spelt alike from this cosine of their letter sequences on: delay, delays, delayed.
ALIKE_SPELLING = 0.45
#: Two words mean alike from this cosine of their vectors on, and count for each other with this weight.
ALIKE_MEANING, MEANING_WEIGHT = 0.6, 0.5
#: Two words keep like company from this cosine on, and count for each other with this weight.
ALIKE_COMPANY, COMPANY_WEIGHT, COMPANY_DIMENSIONS = 0.5, 0.2, 50


@dataclass(frozen=True, kw_only=True, eq=False)
class WordSpace:
    """Words that tell and how they stand for each other.

    Attributes
    ----------
    words : tuple of str, length p
        Most frequent first.
    idf : ndarray, shape (p,)
        What a word counts: the logarithm of texts over texts with the word, times how much its company tells.
    spelling : csr_matrix, shape (p, p)
        Cosines of letter sequences of 3 to 5, zero below `ALIKE_SPELLING` and on the diagonal.
    blend : ndarray, shape (p, p)
        What a word counts for each word: itself, those spelt alike, those in like company.
    stop_words : tuple of str
        Words left out for their frequency, most frequent first.
    """

    words: tuple[str, ...]
    idf: Floats
    spelling: sparse.csr_matrix
    blend: Floats
    stop_words: tuple[str, ...]


def count_words(
    texts: Sequence[str], words: Sequence[str] | None = None
) -> tuple[sparse.csr_matrix, list[str]]:
    """Return which words each text has, shape (n, words), and the words; a word counts once a text.

    Parameters
    ----------
    texts : sequence of str, length n
    words : sequence of str, optional
        Words to look for; all words by default.
    """
    numbers = WordNumbers(words, longest=LONGEST_TEXT)
    blocks = [(first + rows, columns) for first, rows, columns in numbers.blocks(texts)]
    nothing = np.empty(0, dtype=np.int64)
    rows = np.concatenate([nothing, *(block[0] for block in blocks)])
    columns = np.concatenate([nothing, *(block[1] for block in blocks)])
    ones = np.ones(len(rows), dtype=np.float32)
    counts = sparse.csr_matrix((ones, (rows, columns)), shape=(len(texts), len(numbers.numbers)))
    counts.data[:] = 1.0
    return counts, list(numbers.numbers)


def word_space(
    texts: Sequence[str], *, stop_words: Sequence[str] = (), meaning: Meaning | None = None
) -> tuple[WordSpace, sparse.csr_matrix]:
    """Return the words that tell, and which of them each text has, shape (n, p).

    Parameters
    ----------
    texts : sequence of str, length n
    stop_words : sequence of str
        Words left out besides the frequent ones.
    meaning : callable, optional
        Words to vectors, shape (words, d); see `_meant_alike`.

    Raises
    ------
    DataError
        If fewer than five words stand in several texts.

    Notes
    -----
    A word whose company is that of all words (don't, that, know) is a stop word in any language, however
    rare: its weight falls with the relative entropy of its company from everybody's (Harter 1975,
    doi:10.1002/asi.4630260402, for the idea that words that tell cluster). Company is measured by positive
    pointwise mutual information of two words in one text, discounted for rare pairs (Turney and Pantel 2010,
    doi:10.1613/jair.2934), and compared after a singular value decomposition.
    """
    counts, words = count_words(texts)
    frequency = np.asarray(counts.sum(axis=0)).ravel()
    barred = set(stop_words)
    plain = np.array([word not in barred and _tells(word) for word in words], dtype=bool)
    frequent = frequency > STOP_SHARE * len(texts)
    rows = np.flatnonzero(plain & ~frequent & (frequency >= LEAST_TEXTS))
    rows = rows[np.lexsort((rows, -frequency[rows]))][:MOST_WORDS]
    if len(rows) < 5:
        raise DataError(
            f"only {len(rows)} words stand in {LEAST_TEXTS} or more of the {len(texts):,} texts",
            wanted="texts in which words come back",
            next_step="give a codebook, or more texts",
        )
    chosen = [words[row] for row in rows]
    table = sparse.csr_matrix(counts[:, rows])
    spelling = _spelling(chosen)
    near = np.eye(len(rows), dtype=np.float32) + spelling.toarray()
    company = COMPANY_WEIGHT * _company(table)
    if meaning is not None:
        company = np.maximum(company, MEANING_WEIGHT * _meant_alike(chosen, meaning))
    blend = near @ (np.eye(len(rows), dtype=np.float32) + company)
    stops = np.flatnonzero(frequent)
    space = WordSpace(
        words=tuple(chosen),
        idf=(np.log(len(texts) / frequency[rows]) * _telling(table)).astype(np.float32),
        spelling=spelling,
        blend=blend.astype(np.float32),
        stop_words=tuple(words[row] for row in stops[np.argsort(-frequency[stops])]),
    )
    return space, table


def _tells(word: str) -> bool:
    """Whether a word has letters, and more than one where an alphabet is used."""
    return not word.isascii() or (len(word) > 1 and not word.isdigit())


def _spelling(words: list[str]) -> sparse.csr_matrix:
    from sklearn.feature_extraction.text import TfidfVectorizer

    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), lowercase=False, dtype=np.float32)
    try:
        sequences = letters.fit_transform(words)
    except ValueError:  # every word is shorter than any sequence
        return sparse.csr_matrix(np.zeros((len(words), len(words)), dtype=np.float32))
    alike = sparse.csr_matrix(sequences @ sequences.T)
    alike.setdiag(0)
    alike.data[alike.data < ALIKE_SPELLING] = 0
    alike.eliminate_zeros()
    return alike


def _telling(table: sparse.csr_matrix) -> NDArray[np.float64]:
    """How much the company of each word differs from that of all, 0 to 1: half of the words have 1."""
    together = np.asarray((table.T @ table).toarray(), dtype=np.float64)
    np.fill_diagonal(together, 0)
    total = together.sum(axis=1)
    everybody = total / max(total.sum(), 1.0)
    entropy = np.array([_divergence(row, everybody) for row in together])
    rng = np.random.default_rng(0)
    # what chance alone gives a word with as much company: relative entropies of small samples are biased
    # upwards
    chance = np.array([_divergence(rng.multinomial(int(size), everybody), everybody) for size in total])
    excess = np.maximum(entropy - chance, 0)
    middle = float(np.median(excess))
    shrunk = (total * excess + PRIOR_COMPANY * middle) / (total + PRIOR_COMPANY)
    half = float(np.median(shrunk))
    if half <= 0:
        return np.ones(len(total))
    return np.asarray(np.minimum(shrunk / half, 1.0))


def _divergence(counts: NDArray[Any], everybody: NDArray[np.float64]) -> float:
    """Relative entropy of shares from everybody's, sum p log(p / q)."""
    there = counts > 0
    share = counts[there] / max(counts.sum(), 1)
    return float((share * np.log(share / everybody[there])).sum())


def _company(table: sparse.csr_matrix) -> Floats:
    """Cosines of the company that words keep, shape (p, p); zero if below `ALIKE_COMPANY`."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    information = _information(table)
    size = min(COMPANY_DIMENSIONS, information.shape[0] - 1)
    reduction = TruncatedSVD(size, random_state=0)
    places = reduction.fit_transform(information)
    scale = np.sqrt(np.maximum(reduction.singular_values_, 1e-9))
    places = normalize(places / scale).astype(np.float32)
    alike = places @ places.T
    alike[alike < ALIKE_COMPANY] = 0
    np.fill_diagonal(alike, 0)
    return np.asarray(alike, dtype=np.float32)


def _meant_alike(words: Sequence[str], meaning: Meaning) -> Floats:
    """Cosines of the vectors of words, shape (p, p); zero if below `ALIKE_MEANING`.

    Raises
    ------
    ArgumentError
        If the vectors are not one finite row a word.
    """
    vectors = np.asarray(meaning(list(words)), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(words) or not np.isfinite(vectors).all():
        raise ArgumentError(
            f"the model gave an array of shape {vectors.shape} for {len(words):,} words",
            wanted="one vector of finite numbers a word",
        )
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    places = vectors / np.maximum(length, 1e-12)
    # cos(a, b) = a.b / |a||b|
    alike = places @ places.T
    alike[alike < ALIKE_MEANING] = 0
    np.fill_diagonal(alike, 0)
    return np.asarray(alike, dtype=np.float32)


def _information(table: sparse.csr_matrix) -> sparse.csr_matrix:
    together = sparse.coo_matrix(table.T @ table)
    frequency = np.asarray(table.sum(axis=0)).ravel()
    first, second = frequency[together.row], frequency[together.col]
    # PMI = log(n n_ab / (n_a n_b)), times n_ab / (n_ab + 1) x min(n_a, n_b) / (min(n_a, n_b) + 1)
    value = np.log(together.data * table.shape[0] / (first * second))
    fewer = np.minimum(first, second)
    value = value * (together.data / (together.data + 1)) * (fewer / (fewer + 1))
    kept = (value > 0) & (together.row != together.col) & (together.data >= 2)
    cells = (value[kept].astype(np.float64), (together.row[kept], together.col[kept]))
    return sparse.csr_matrix(cells, shape=together.shape)
