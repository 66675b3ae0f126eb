"""Discovery by itself: what is a stop word, what is spelt alike, how many themes, and which are shown."""

import numpy as np
import pytest

from cxresearch.errors import DataError
from cxresearch.stats.text.topics import discover_topics
from cxresearch.stats.text.word_space import word_space

GROUPS = [
    ["price", "expensive", "cost", "fee", "cheaper", "pricing"],
    ["slow", "crash", "crashes", "freeze", "error", "loading"],
    ["staff", "agent", "rude", "friendly", "support", "answer"],
    ["delivery", "parcel", "late", "courier", "shipping", "box"],
    ["menu", "button", "screen", "colour", "layout", "font"],
]
FILLER = ["the", "a", "it", "was", "and", "very", "really", "we", "had", "with", "so", "than"]


def texts(groups: int, n: int = 1_200, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, groups, n)
    return [" ".join(rng.permutation([*rng.choice(GROUPS[at], 3), *rng.choice(FILLER, 5)])) for at in topic]


def test_frequent_words_and_words_of_any_company_count_little() -> None:
    space, _ = word_space(texts(5))
    weight = dict(zip(space.words, space.idf, strict=True))
    for word in FILLER:
        assert word in space.stop_words or weight[word] < 0.5 * weight["parcel"]


def test_words_spelt_alike_count_for_each_other() -> None:
    space, _ = word_space(texts(5))
    at = [space.words.index(word) for word in ("crash", "crashes", "parcel")]
    assert space.blend[at[0], at[1]] > 0.4
    assert space.blend[at[0], at[2]] < 0.1


@pytest.mark.parametrize("groups", [3, 4, 5])
def test_the_number_of_planted_themes_is_reached(groups: int) -> None:
    found = discover_topics(texts(groups))
    kinds = {next(at for at, words in enumerate(GROUPS) if top[0] in words) for top in found.top_words}
    assert kinds == set(range(groups))
    assert len(found.names) >= groups


def test_a_text_may_mention_two_themes_or_none() -> None:
    found = discover_topics(texts(4), size=4)
    marks = found.match(["expensive price parcel courier", "the a it was", "", "zebra"])
    assert marks.sum(axis=1).tolist() == [2, 0, 0, 0]


def test_scores_do_not_depend_on_the_order_of_words_or_of_texts() -> None:
    said = texts(4)
    found = discover_topics(said, size=4)
    order = np.random.default_rng(1).permutation(len(said))
    assert np.allclose(found.score([said[at] for at in order]), found.score(said)[order])
    assert np.allclose(found.score([" ".join(text.split()[::-1]) for text in said]), found.score(said))


def test_stop_words_given_are_left_out() -> None:
    found = discover_topics(texts(4), size=4, stop_words=["price", "expensive"])
    assert not {"price", "expensive"} & set(found.words)


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(DataError, match="different texts"):
        discover_topics(texts(3)[:40])
