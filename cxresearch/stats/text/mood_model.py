"""Is a text unhappy, learnt from texts that came with a score, judged on customers not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cxresearch.checks import check_same_length
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS = 5
#: Texts of each kind that are needed, and texts that are learnt from at most.
LEAST_OF_A_KIND, MOST_TEXTS = 50, 50_000
LONGEST_TEXT = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class MoodModel:
    """What tells unhappy texts from others.

    Attributes
    ----------
    auc, auc_low, auc_high : float
        Chance that an unhappy text gets the higher risk, on customers not learnt from; linked within
        customers.
    risk : ndarray, shape (n,)
        Cross-fitted probability of each text learnt from.
    n, unhappy : int
        Texts learnt from, and unhappy ones among them.
    """

    auc: float
    auc_low: float
    auc_high: float
    risk: Floats
    n: int
    unhappy: int
    pipeline: Any

    def predict(self, texts: Sequence[str]) -> Floats:
        """Return the probability that each text is unhappy, shape (m,)."""
        if not len(texts):
            return np.empty(0)
        return np.asarray(self.pipeline.predict_proba([text[:LONGEST_TEXT] for text in texts])[:, 1])


def fit_mood(
    texts: Sequence[str],
    unhappy: NDArray[np.bool_],
    cluster: NDArray[np.int64],
    *,
    level: float = 0.95,
    seed: int = 0,
) -> MoodModel:
    """Learn which words go with an unhappy score.

    Parameters
    ----------
    texts : sequence of str, length n
    unhappy : ndarray of bool, shape (n,)
    cluster : ndarray of int, shape (n,)
        Customers; all texts of one are learnt from together, or judged together.
    level : float
        Of the interval of the AUC.
    seed : int
        Of the folds, and of the texts drawn where there are more than 50,000.

    Returns
    -------
    MoodModel

    Raises
    ------
    DataError
        If there are fewer than 50 texts of a kind, or they come from fewer than five customers.

    Notes
    -----
    Logistic regression with a ridge on TF-IDF of words, pairs of words and sequences of 2 to 4 letters: no
    list of words, so any language will do. The AUC pools cross-fitted risks; its interval is DeLong's with
    influence summed within customers, on the logit.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595.

    Examples
    --------
    >>> said = ["love it, great", "terrible and slow"] * 60
    >>> model = fit_mood(said, np.array([False, True] * 60), np.arange(120))
    >>> model.auc, bool(np.diff(model.predict(["great love", "slow terrible"]))[0] > 0)
    (1.0, True)
    """
    from sklearn.model_selection import StratifiedGroupKFold

    check_same_length(texts=texts, unhappy=unhappy, cluster=cluster)
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(texts))
    if len(texts) > MOST_TEXTS:
        chosen = np.sort(rng.choice(len(texts), MOST_TEXTS, replace=False))
    said = [texts[at][:LONGEST_TEXT] for at in chosen.tolist()]
    kind, people = np.asarray(unhappy, dtype=bool)[chosen], np.asarray(cluster)[chosen]
    fewest = int(min(kind.sum(), (~kind).sum()))
    if fewest < LEAST_OF_A_KIND or len(np.unique(people)) < FOLDS:
        raise DataError(
            f"{int(kind.sum()):,} unhappy and {int((~kind).sum()):,} other texts have a score",
            wanted=f"{LEAST_OF_A_KIND} of each, from {FOLDS} customers or more",
            next_step="use a codebook, or wait for more comments",
        )
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    risk = np.empty(len(said))
    for learn, judge in folds.split(said, kind, people):
        model = _pipeline().fit([said[at] for at in learn], kind[learn])
        risk[judge] = model.predict_proba([said[at] for at in judge])[:, 1]
    auc, low, high = _auc(risk, kind, people, level)
    return MoodModel(
        auc=auc,
        auc_low=low,
        auc_high=high,
        risk=risk,
        n=len(said),
        unhappy=int(kind.sum()),
        pipeline=_pipeline().fit(said, kind),
    )


def _pipeline() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    from cxresearch.stats.text.tokens import normal_form, words_of

    words = TfidfVectorizer(
        tokenizer=words_of,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        min_df=2,
        sublinear_tf=True,
    )
    letters = TfidfVectorizer(
        preprocessor=normal_form, analyzer="char_wb", ngram_range=(2, 4), min_df=2, max_features=50_000
    )
    return make_pipeline(make_union(words, letters), LogisticRegression(C=3.0, solver="liblinear"))


def _auc(
    risk: Floats, unhappy: NDArray[np.bool_], cluster: NDArray[np.int64], level: float
) -> tuple[float, float, float]:
    """Area under the curve with DeLong's interval, influence summed within customers, on the logit."""
    order = stats.rankdata(risk)
    cases, controls = int(unhappy.sum()), int((~unhappy).sum())
    within = np.empty(len(risk))
    within[unhappy] = stats.rankdata(risk[unhappy])
    within[~unhappy] = stats.rankdata(risk[~unhappy])
    # placement values: share of the other kind below (ties count half)
    below = (order - within) / np.where(unhappy, controls, cases)
    area = float(below[unhappy].mean())
    placement = np.where(unhappy, below, 1 - below)
    influence = np.where(unhappy, (placement - area) / cases, (placement - area) / controls)
    code = np.unique(cluster, return_inverse=True)[1].ravel()
    summed = np.bincount(code, weights=influence)
    error = float(np.sqrt((summed**2).sum()))
    if area in (0.0, 1.0) or error == 0:
        return area, area, area
    spread = stats.norm.ppf(0.5 + level / 2) * error / (area * (1 - area))
    logit = np.log(area / (1 - area))
    low, high = 1 / (1 + np.exp(-(logit - spread))), 1 / (1 + np.exp(-(logit + spread)))
    return area, float(low), float(high)
