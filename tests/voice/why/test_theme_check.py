"""A sample to label is drawn fairly, and its labels tell the truth about all texts."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, DataError
from cxresearch.voice.why.theme_check import theme_agreement, theme_sample
from cxresearch.voice.why.themes import themes


@pytest.fixture
def marked(make_study, book):
    return themes(make_study(n=4_000), codebook=book)


def labelled(marked, n=300, *, errs=0.0, seed=0) -> pd.DataFrame:
    sample = theme_sample(marked, n, seed=seed)
    rng = np.random.default_rng(seed)
    for name in marked.names:
        right = marked.of(name)[sample["row"]]
        sample[name] = np.where(rng.random(len(sample)) < errs, ~right, right).astype(int)
    return sample


def test_each_theme_and_none_is_seen_and_weights_add_up(marked) -> None:
    sample = theme_sample(marked, 200)
    assert len(sample) == 200 and sample["row"].is_unique
    assert sample["weight"].sum() == pytest.approx(marked.n)
    for name in marked.names:
        assert marked.of(name)[sample["row"]].sum() >= 40
    assert sample[list(marked.names)].isna().all().all()


def test_the_same_seed_draws_the_same_texts(marked) -> None:
    assert theme_sample(marked, 50, seed=3).equals(theme_sample(marked, 50, seed=3))
    assert not theme_sample(marked, 50, seed=3)["row"].equals(theme_sample(marked, 50, seed=4)["row"])


def test_no_more_texts_are_drawn_than_there_are(make_study, book) -> None:
    few = themes(make_study(n=30), codebook=book)
    assert len(theme_sample(few, 500)) == few.n


def test_weights_undo_that_rare_themes_were_drawn_more_often(marked) -> None:
    found = theme_agreement(labelled(marked, 600), marked).table.set_index("theme")
    for name in marked.names:
        assert found.loc[name, "labelled_share"] == pytest.approx(marked.of(name).mean(), abs=1e-9)
        assert found.loc[name, "kappa"] == pytest.approx(1)
        assert found.loc[name, "kappa_low"] < 1


def test_people_who_err_lower_the_agreement(marked) -> None:
    right, wrong = (theme_agreement(labelled(marked, errs=errs), marked).table for errs in (0.0, 0.3))
    assert (wrong["kappa"] < right["kappa"] - 0.3).all()
    assert "read the others with care" in theme_agreement(labelled(marked, errs=0.3), marked).finding


def test_two_raters_have_an_agreement_of_their_own(marked) -> None:
    first, second = labelled(marked, errs=0.05), labelled(marked, errs=0.05)
    second["price"] = np.where(np.arange(len(second)) % 10 == 0, 1 - second["price"], second["price"])
    both = pd.concat([first.assign(rater="ann"), second.assign(rater="bob")])
    found = theme_agreement(both, marked)
    table = found.table.set_index("theme")
    assert found.raters == 2 and found.n == len(first)
    assert table.loc["speed", "raters_alpha"] == 1
    assert table.loc["price", "raters_alpha_low"] < table.loc["price", "raters_alpha"] < 0.95


def test_labels_survive_a_spreadsheet(marked, tmp_path) -> None:
    sample = labelled(marked)
    sample["price"] = np.where(sample["price"] == 1, "x", "no")
    sample.loc[:5, "price"] = ""
    sample.to_csv(tmp_path / "labels.csv", index=False)
    found = theme_agreement(pd.read_csv(tmp_path / "labels.csv"), marked).table.set_index("theme")
    assert found.loc["price", "n"] == len(sample) - 6
    assert found.loc["price", "kappa"] == pytest.approx(1)


def test_what_cannot_be_read_is_said(marked) -> None:
    sample = labelled(marked)
    with pytest.raises(ArgumentError, match="neither yes nor no"):
        theme_agreement(sample.assign(price="perhaps"), marked)
    with pytest.raises(ArgumentError, match="row and weight"):
        theme_agreement(sample.drop(columns="row"), marked)
    with pytest.raises(ArgumentError, match="no column of a theme"):
        theme_agreement(sample[["row", "weight"]], marked)
    with pytest.raises(ArgumentError, match="rows that the themes do not have"):
        theme_agreement(sample.assign(row=10**9), marked)
    with pytest.raises(DataError, match="nothing is labelled"):
        theme_agreement(theme_sample(marked, 50), marked)
