"""Discovered themes against human labels on public comments, beside plain NMF, LDA and BERTopic.

The sets are read where they are and never copied. ``CX_LABELLED`` names a folder with clones of

- ``AyushDhatwalia/Twitter-Airline-Sentiment`` (Tweets.csv): negative tweets to airlines with the reason that
  people gave (CrowdFlower, CC BY-NC-SA 4.0); rows whose reason is sure to .6, without "Can't Tell".
- ``IndoNLP/indonlu`` (dataset/hoasa_absa-airy): Indonesian hotel reviews with the aspects that people marked
  (Azhar, Khodra and Sutiono 2019, CC BY-SA 4.0).
- ``YaxinCui/ABSADataset``: restaurant reviews, sentences with aspect categories, English (SemEval-2014 task
  4), French and Spanish (SemEval-2016 task 5); for research, licence by their organisers.

Each rival gets as many themes as there are labels. Agreement: adjusted Rand index and normalised mutual
information of the strongest theme with the label, where people gave one; mean F1 of labels and themes paired
one to one. Stability: adjusted Rand index between runs of different seeds, and between halves of the texts.
"""

from __future__ import annotations

import io
import os
import subprocess
import warnings
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

SEEDS = (0, 1, 2)
Labelled = tuple[list[str], np.ndarray, str]


def _file(repository: str, path: str) -> str:
    """Text of a file of a clone, bare or not."""
    folder = Path(os.environ["CX_LABELLED"])
    for clone in (folder / repository.replace("/", "+") / "repo", folder / repository.split("/")[1]):
        if clone.is_dir():
            shown = subprocess.run(
                ["git", "-C", str(clone), "show", f"HEAD:{path}"], capture_output=True, check=True
            )
            return shown.stdout.decode("utf-8")
    raise FileNotFoundError(f"no clone of {repository} in CX_LABELLED")


def airline() -> Labelled:
    """Negative tweets to airlines and their reason."""
    rows = pd.read_csv(io.StringIO(_file("AyushDhatwalia/Twitter-Airline-Sentiment", "Tweets.csv")))
    rows = rows[(rows["airline_sentiment"] == "negative") & rows["negativereason"].notna()]
    rows = rows[(rows["negativereason"] != "Can't Tell") & (rows["negativereason_confidence"] > 0.6)]
    return rows["text"].tolist(), pd.get_dummies(rows["negativereason"]).to_numpy(bool), "en"


def hotels() -> Labelled:
    """Hotel reviews and their aspects."""
    files = (f"dataset/hoasa_absa-airy/{part}_preprocess.csv" for part in ("train", "valid", "test"))
    rows = pd.concat([pd.read_csv(io.StringIO(_file("IndoNLP/indonlu", path))) for path in files])
    labels = (rows.drop(columns=["review", "general"]) != "neut").to_numpy()
    there = labels.any(axis=1)
    return rows["review"][there].tolist(), labels[there], ""


def restaurants() -> Labelled:
    """Sentences of restaurant reviews and their aspects, English."""
    root = ET.fromstring(_file("YaxinCui/ABSADataset", "SemEval2014Task4/train/restaurants_train.xml"))
    names = ("food", "service", "price", "ambience")
    return _sentences(
        [(s.findtext("text"), {a.get("category") for a in s.iter("aspectCategory")}) for s in root],
        names,
        "en",
    )


def _restaurants_2016(language: str) -> Labelled:
    path = f"SemEval2016Task5/train/restaurants_train_{language}.xml"
    root = ET.fromstring(_file("YaxinCui/ABSADataset", path))
    names = ("FOOD", "SERVICE", "AMBIENCE", "PRICE", "DRINKS")
    rows = []
    for sentence in root.iter("sentence"):
        parts = [opinion.get("category", "#").split("#") for opinion in sentence.iter("Opinion")]
        rows.append((sentence.findtext("text"), {"PRICE" if b == "PRICES" else a for a, b in parts}))
    return _sentences(rows, names, "")


def restaurants_french() -> Labelled:
    """Sentences of French reviews."""
    return _restaurants_2016("french")


def restaurants_spanish() -> Labelled:
    """Sentences of Spanish reviews; looked at only once the method was settled."""
    return _restaurants_2016("spanish")


def _sentences(rows: list[Any], names: tuple[str, ...], language: str) -> Labelled:
    labels = np.array([[name in said for name in names] for _, said in rows])
    there = np.flatnonzero(labels.any(axis=1))
    return [rows[at][0] for at in there], labels[there], language


def ours(texts: list[str], size: int, _language: str, seed: int) -> Any:
    """Strength of each discovered theme in each text; no list of stop words is given."""
    from cxresearch.stats.text.topics import discover_topics

    return discover_topics(texts, size=size, seed=seed).score


def plain_nmf(texts: list[str], size: int, language: str, seed: int) -> Any:
    """scikit-learn's example for topics: TF-IDF and NMF."""
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(stop_words="english" if language == "en" else None, min_df=5, max_df=0.5)
    return make_pipeline(words, NMF(size, random_state=seed, max_iter=400)).fit(texts).transform


def plain_lda(texts: list[str], size: int, language: str, seed: int) -> Any:
    """scikit-learn's example for topics: counts and LDA."""
    from sklearn.decomposition import LatentDirichletAllocation
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    words = CountVectorizer(stop_words="english" if language == "en" else None, min_df=5, max_df=0.5)
    model = LatentDirichletAllocation(size, random_state=seed, max_iter=20)
    return make_pipeline(words, model).fit(texts).transform


def bertopic(texts: list[str], size: int, language: str, seed: int) -> Any:
    """BERTopic with UMAP, HDBSCAN and TF-IDF reduced by SVD for embeddings: no model can be downloaded."""
    from bertopic import BERTopic
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from umap import UMAP

    words = TfidfVectorizer(stop_words="english" if language == "en" else None, min_df=5)
    embed = make_pipeline(words, TruncatedSVD(100, random_state=seed))
    reduction = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed)
    places = embed.fit_transform(texts)
    model = BERTopic(nr_topics=size + 1, umap_model=reduction, embedding_model=None)
    codes = np.array(model.fit_transform(texts, places)[0])

    def score(asked: list[str]) -> np.ndarray:
        told = codes if asked is texts else np.array(model.transform(asked, embed.transform(asked))[0])
        return (told[:, None] == np.arange(size)[None, :]).astype(float)

    return score


def strongest(scores: np.ndarray) -> np.ndarray:
    """Number of the strongest theme of each text, the last number for none."""
    return np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), scores.shape[1])


def agreement(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
    """Adjusted Rand, normalised mutual information, and F1 of pairs of label and theme."""
    one = labels.sum(axis=1) == 1
    code = strongest(scores)
    marks = np.eye(scores.shape[1] + 1)[code][:, :-1]
    both = labels.T.astype(float) @ marks
    f1 = 2 * both / np.maximum(labels.sum(axis=0)[:, None] + marks.sum(axis=0)[None, :], 1)
    rows, columns = linear_sum_assignment(-f1)
    truth = labels[one].argmax(axis=1)
    return (
        adjusted_rand_score(truth, code[one]),
        normalized_mutual_info_score(truth, code[one]),
        f1[rows, columns].sum() / labels.shape[1],
    )


def run() -> None:
    """Print a line for each set and rival."""
    warnings.simplefilter("ignore")
    if "CX_LABELLED" not in os.environ:
        print("set CX_LABELLED to a folder with the clones named in the docstring")
        return
    sets = (airline, hotels, restaurants, restaurants_french, restaurants_spanish)
    rivals: list[Any] = [ours, plain_nmf, plain_lda]
    try:
        import bertopic as _  # noqa: F401

        rivals.append(bertopic)
    except ImportError as error:
        print(f"BERTopic is not there: {error}")
    only = os.environ.get("CX_RIVALS", "").split(",") if os.environ.get("CX_RIVALS") else None
    for load in sets:
        texts, labels, language = load()
        print(f"{load.__name__}: {len(texts):,} texts, {labels.shape[1]} labels")
        for rival in rivals:
            if only and rival.__name__ not in only:
                continue
            scores = [rival(texts, labels.shape[1], language, seed)(texts) for seed in SEEDS]
            figures = np.mean([agreement(labels, each) for each in scores], axis=0)
            codes = [strongest(each) for each in scores]
            seeds = np.mean([adjusted_rand_score(a, b) for a, b in combinations(codes, 2)])
            rng = np.random.default_rng(0)
            order = rng.permutation(len(texts))
            halves = [[texts[at] for at in part] for part in (order[::2], order[1::2])]
            learnt = [strongest(rival(half, labels.shape[1], language, 0)(texts)) for half in halves]
            half = adjusted_rand_score(*learnt)
            print(
                f"  {rival.__name__}: Rand {figures[0]:.3f}, information {figures[1]:.3f}, F1 "
                f"{figures[2]:.3f}; seeds {seeds:.2f}, halves {half:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    run()
