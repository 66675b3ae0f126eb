"""A codebook matches what it says, in any script, in time that grows with the text and no faster."""

import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError
from cxresearch.stats.text.codebook import Codebook, CodebookTheme, read_codebook
from cxresearch.stats.text.tokens import BLOCK_TEXTS, normal_form, words_of


def hits(words: list[str], text: str, unless: tuple[str, ...] = ()) -> bool:
    return bool(
        Codebook(themes=(CodebookTheme(name="t", words=tuple(words), unless=unless),)).match([text])[0, 0]
    )


@pytest.mark.parametrize(
    ("word", "text", "wanted"),
    [
        ("expensive", "Too EXPENSIVE!", True),
        ("expensive", "inexpensive", False),
        ("pric*", "the prices", True),
        ("pric*", "caprice", False),
        ("*teuer*", "überteuert", True),
        ("too much", "too,  much", True),
        ("too much", "much too", False),
        ("too much", "too very much", False),
        ("too ~1 much", "too very much", True),
        ("pay ~2 more|extra", "I pay a lot extra", True),
        ("pay ~2 more|extra", "pay for a lot of more", False),
        ("straße", "STRASSE gesperrt", True),
        ("don't", "I don’t know", True),
        ("ﬁx", "please fix", True),
        ("expensive", "ex\u00adpen\u200bsive", True),
        ("高い", "値段が高いです", True),
        ("가격", "가격이 비싸요", True),
        ("แพง", "ราคาแพงมาก", True),
        ("مرتفع", "السعر مرتفع جدا", True),
        ("महंगा", "यह बहुत महंगा है", True),
        ("महंगा", "महंगाई", False),
        ("дорог*", "Очень ДОРОГО", True),
        ("😡", "no 😡 way", True),
        ("👍", "👍🏽", True),
        ("高い 値段", "高い値段", True),
        ("e-mail", "no e mail came", True),
        ("naïve", "naive", False),
    ],
)
def test_terms_match_what_they_say(word: str, text: str, wanted: bool) -> None:
    assert hits([word], text) is wanted


def test_a_passage_that_does_not_count_leaves_the_rest() -> None:
    assert not hits(["price*"], "see the price list", unless=("price list",))
    assert hits(["price*"], "the price list shows high prices", unless=("price list",))


@given(
    st.lists(st.sampled_from(["price", "prices", "staff", "too", "much", "pay", "more", "x"]), max_size=12)
)
def test_matching_equals_a_plain_search(words: list[str]) -> None:
    text = " ".join(words)
    assert hits(["pric*"], text) == bool(re.search(r"\bpric\w*\b", text))
    assert hits(["too much"], text) == bool(re.search(r"\btoo much\b", text))
    assert hits(["pay ~2 more"], text) == bool(re.search(r"\bpay(?: \w+){0,2} more\b", text))


@given(st.text(max_size=80))
def test_no_text_breaks_the_words_or_the_match(text: str) -> None:
    assert all(words_of(text))
    book = read_codebook({"a": ["pric*", "too ~2 much", "高い", "😡"]})
    assert book.match([text, ""]).shape == (2, 1)
    assert bool(book.match([text])[0, 0]) == bool(book.passages(text))


def test_every_text_is_matched_whatever_block_it_falls_in() -> None:
    texts = ["nothing"] * (2 * BLOCK_TEXTS + 5)
    for at in (0, BLOCK_TEXTS - 1, BLOCK_TEXTS, 2 * BLOCK_TEXTS, 2 * BLOCK_TEXTS + 4):
        texts[at] = "so expensive 😡"
    found = read_codebook({"price": ["expensive"], "anger": ["😡"]}).match(texts)
    assert np.flatnonzero(found[:, 0]).tolist() == np.flatnonzero(found[:, 1]).tolist()
    assert found.sum(axis=0).tolist() == [5, 5]


@pytest.mark.parametrize(
    "term", ["", "  ", "*", "a*", "pr*ce", "~2 more", "pay ~9 more", "pay ~2", "a|", "x y|z-w v", 7]
)
def test_a_term_that_cannot_be_read_is_refused(term: str) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be read|words"):
        read_codebook({"t": [term]})


@pytest.mark.parametrize(
    "themes", [{}, {"t": []}, {"t": "price"}, {"t": {"word": ["a"]}}, {"=x": ["price"]}, {"t": None}]
)
def test_a_codebook_that_says_nothing_is_refused(themes: dict) -> None:
    with pytest.raises(ArgumentError):
        read_codebook(themes)


def test_a_theme_named_twice_is_refused() -> None:
    theme = CodebookTheme(name="a", words=("price",))
    with pytest.raises(ArgumentError, match="different"):
        Codebook(themes=(theme, theme))


@pytest.mark.parametrize(
    "unit", ["a", "pay ", "pay pay more ", "pay !", "é", "高", "too much much ", "pay\n\n\n\n\n"]
)
def test_a_megabyte_takes_seconds_not_hours(unit: str) -> None:
    book = read_codebook({"t": ["*aaab*", "pay ~5 pay ~5 cheap", "too ~5 little", "高い ~3 安い"]})
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    book.match([text])
    assert time.process_time() - start < 20


def test_normal_form_is_stable() -> None:
    for text in ("Ｓtraße", "ﬁn", "İstanbul", "Ǆ", "e\u0301"):
        assert normal_form(normal_form(text)) == normal_form(text)
