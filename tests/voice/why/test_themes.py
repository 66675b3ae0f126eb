"""Planted themes are found by name, counted as they stand, and no text leaves without being asked for."""

import csv
import json
import re
from email.message import EmailMessage

import numpy as np
import pandas as pd
import polars as pl
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxError, DataError, StudyError
from cxresearch.scales import CSAT, NPS
from cxresearch.voice.why.quotes import theme_quotes
from cxresearch.voice.why.themes import themes


def study_of(texts, *, instruments=None, **columns) -> Study:
    n = len(texts)
    frame = {
        "customer_id": [f"c{at:05d}" for at in range(n)],
        "instrument": "nps",
        "score": [float(at % 11) for at in range(n)],
        "responded_at": pd.Timestamp("2024-03-01"),
        "comment": texts,
    }
    answers = pd.DataFrame(frame | columns)
    return Study.from_frames(
        {"responses": answers}, observed_until="2024-12-31", instruments=instruments or {"nps": NPS}
    )


def test_counts_are_those_of_a_hand_count(make_study, book) -> None:
    study = make_study()
    texts = study.table("responses").collect("pandas").to_native()["comment"]
    found = themes(study, codebook=book).table.set_index("theme")
    assert found.loc["price", "texts"] == texts.str.contains("expensive").sum()
    assert found.loc["speed", "texts"] == texts.str.contains("slow").sum()
    assert found.loc["price", "value"] == pytest.approx(texts.str.contains("expensive").mean())
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


def test_a_theme_is_a_metric_by_group_and_period(make_study, book) -> None:
    study = make_study()
    found = themes(study, codebook=book)
    table = cx.metric_table(found, "theme:price", by="segment", every="quarter")
    counts = cx.metric_table(found, "theme_count:price", by="segment", every="quarter")
    rows = study.table("responses").collect("pandas").to_native()
    people = study.table("customers").collect("pandas").to_native()
    rows = rows.merge(people[["customer_id", "segment"]], on="customer_id")
    rows["period"] = rows["responded_at"].dt.to_period("Q").dt.start_time
    rows["hit"] = rows["comment"].str.contains("expensive")
    plain = rows.groupby(["segment", "period"])["hit"].agg(["mean", "size", "sum"]).reset_index()
    assert table["value"].to_numpy() == pytest.approx(plain["mean"].to_numpy())
    assert table["n"].tolist() == plain["size"].tolist()
    assert counts["value"].tolist() == plain["sum"].tolist()


def test_the_rise_of_a_theme_has_its_date(make_study, book) -> None:
    changes = cx.metric_contrasts(
        themes(make_study(n=6_000), codebook=book), "theme:price", every="month", against="previous"
    )
    sure = changes[changes["p_adjusted"] < 0.05]
    assert sure["period"].min() in (pd.Timestamp("2023-11-01"), pd.Timestamp("2023-12-01"))


def test_a_group_against_the_rest(make_study, book) -> None:
    found = cx.metric_contrasts(
        themes(make_study(), codebook=book), "theme:price", by="channel", against="rest"
    )
    assert found["difference"].sum() == pytest.approx(0, abs=1e-9)


def test_repeat_writers_are_linked() -> None:
    texts = (["too expensive"] * 5 + ["fine"] * 5) * 20
    ids = [f"c{at // 5:05d}" for at in range(200)]
    moments = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(200), unit="h")
    linked = themes(study_of(texts, customer_id=ids, responded_at=moments), codebook={"price": ["expensive"]})
    single = themes(study_of(texts), codebook={"price": ["expensive"]})
    assert linked.table["value"].iloc[0] == single.table["value"].iloc[0]
    widths = [(each.table["high"] - each.table["low"]).iloc[0] for each in (linked, single)]
    assert widths[0] == pytest.approx(widths[1] * np.sqrt(5), rel=0.1)


def test_a_comment_under_two_questions_counts_once() -> None:
    twice = {
        "customer_id": ["a", "a", "b", "b"],
        "instrument": ["nps", "csat"] * 2,
        "score": [9.0, 4.0, 3.0, 2.0],
    }
    study = study_of(["slow", "slow", "dear", "dear"], instruments={"nps": NPS, "csat": CSAT}, **twice)
    found = themes(study, codebook={"price": ["dear"], "speed": ["slow"]})
    assert found.n == 2
    assert found.table["texts"].tolist() == [1, 1]
    assert cx.metric_table(found, "theme:price")["n"].tolist() == [2]


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow", "duckdb"])
def test_every_engine_counts_alike(engine: str, make_study, book) -> None:
    import duckdb

    rows = make_study().table("responses").collect("pandas").to_native()
    relation = duckdb.connect()
    relation.register("rows", rows)
    frames = {
        "pandas": lambda: rows,
        "polars": lambda: pl.from_pandas(rows),
        "pyarrow": lambda: pl.from_pandas(rows).to_arrow(),
        "duckdb": lambda: relation.sql("SELECT * FROM rows"),
    }
    study = Study.from_frames(
        {"responses": frames[engine]()}, observed_until="2024-12-31", instruments={"nps": NPS}
    )
    found = themes(study, codebook=book)
    assert found.table["texts"].tolist() == themes(make_study(), codebook=book).table["texts"].tolist()
    assert len(cx.metric_table(found, "theme:price", every="month")) == 17


def planted(seed: int = 0, n: int = 900) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    topics = [
        "price expensive cost cheaper fee pricing",
        "slow crash freeze error bug loading",
        "staff agent rude friendly support answer",
        "delivery parcel late courier box shipping",
    ]
    filler = ["the", "a", "it", "was", "and", "very", "really", "i", "we", "had", "with", "so"]
    topic = rng.integers(0, len(topics), n)
    texts = [
        " ".join(rng.permutation([*rng.choice(topics[at].split(), 3), *rng.choice(filler, 4)]))
        for at in topic
    ]
    return texts, topic


def test_planted_themes_are_discovered_by_name() -> None:
    texts, topic = planted()
    found = themes(study_of(texts), size=4)
    assert len(found.table) == 4
    marks = found.mentions(texts)
    for at, word in enumerate(("expensive", "crash", "staff", "parcel")):
        name = next(row["theme"] for row in found.table.to_dict("records") if word in row["words"])
        assert (marks[name].to_numpy() == (topic == at)).mean() > 0.97
    assert (found.table["stability"] > 0.9).all()


def test_discovery_does_not_depend_on_the_seed() -> None:
    from sklearn.metrics import adjusted_rand_score

    texts, _ = planted()
    marks = [themes(study_of(texts), size=4, seed=seed).mentions(texts) for seed in (1, 2)]
    assert adjusted_rand_score(marks[0].idxmax(axis=1), marks[1].idxmax(axis=1)) > 0.95


def test_texts_of_random_words_show_no_theme_as_stable_as_a_planted_one() -> None:
    rng = np.random.default_rng(5)
    words = [f"w{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(120)]
    found = themes(study_of([" ".join(rng.choice(words, 6)) for _ in range(600)]), size=4)
    assert not (found.table["stability"] > 0.9).any()


def test_discovery_goes_on_where_the_codebook_stops() -> None:
    texts, _ = planted()
    found = themes(
        study_of(texts),
        codebook={"money": ["price", "expensive", "cost", "cheap*", "fee", "pricing"]},
        discover=True,
        size=3,
    )
    table = found.table.set_index("theme")
    assert table.loc["money", "source"] == "codebook"
    assert not table[table["source"] == "discovered"]["words"].str.contains("expensive").any()


def test_each_language_has_themes_of_its_own() -> None:
    english, _ = planted()
    german = [
        text.replace("expensive", "teuer")
        .replace("slow", "langsam")
        .replace("the", "das")
        .replace("staff", "personal")
        for text in planted(1)[0]
    ]
    study = study_of(english + german, language=["en"] * len(english) + ["de"] * len(german))
    found = themes(study, size=4, language="language")
    assert {name.rpartition("(")[2] for name in found.names} == {"en)", "de)"}
    by_language = cx.metric_table(found, f"theme:{found.names[0]}", by="language")
    assert by_language["value"].min() == 0


def test_names_of_customers_name_no_theme() -> None:
    texts, _ = planted()
    texts = [f"{text} zwettler" if at % 3 == 0 else text for at, text in enumerate(texts)]
    answers = study_of(texts).table("responses").collect("pandas").to_native()
    customers = pd.DataFrame(
        {
            "customer_id": answers["customer_id"],
            "started_at": pd.Timestamp("2023-01-01"),
            "name": "Quirin Zwettler",
        }
    )
    study = Study.from_frames(
        {"responses": answers, "customers": customers}, observed_until="2024-12-31", instruments={"nps": NPS}
    )
    found = themes(study, size=4)
    assert not found.table["words"].str.contains("zwettler").any()


def test_no_text_is_shown_unless_asked_for(make_study) -> None:
    secret = "call me on +49 171 2345678, Quirin Zwettler1, far too expensive"
    rows = make_study().table("responses").collect("pandas").to_native()
    rows.loc[rows["comment"].str.contains("expensive"), "comment"] = secret
    customers = make_study().table("customers").collect("pandas").to_native()
    study = Study.from_frames(
        {"responses": rows, "customers": customers}, observed_until="2024-12-31", instruments={"nps": NPS}
    )
    found = themes(study, codebook={"price": ["expensive"]})
    for shown in (json.dumps(found.to_dict()), str(found), found._repr_html_()):
        assert "Zwettler" not in shown and "2345678" not in shown and "far too" not in shown
    quotes = theme_quotes(found, "price", n=3)
    assert set(quotes.columns) == {"theme", "label", "quote"}
    assert quotes["quote"].unique().tolist() == ["call me on [phone], [name], far too expensive"]


def test_a_label_with_markup_is_escaped(make_study) -> None:
    found = themes(make_study(), codebook={"price": {"words": ["expensive"], "label": "<script>x</script>"}})
    assert "<script>" not in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"text": "subject"}, ArgumentError),
        ({"text": "responses.nothing"}, ArgumentError),
        ({"codebook": "no/such/themes.toml"}, StudyError),
        ({"codebook": 7}, ArgumentError),
        ({"codebook": {"price": ["*"]}}, ArgumentError),
        ({"language": "nothing_here"}, ArgumentError),
        ({"level": 95}, ArgumentError),
    ],
)
def test_what_cannot_be_done_is_said(options: dict, error: type[CxError], make_study) -> None:
    with pytest.raises(error):
        themes(make_study(n=100), **options)


def test_a_broken_file_names_itself(tmp_path, make_study) -> None:
    (tmp_path / "themes.toml").write_text("[price\nwords = 3")
    with pytest.raises(StudyError, match=r"themes\.toml"):
        themes(make_study(n=100), codebook=tmp_path)
    (tmp_path / "themes.toml").write_text('[price]\nwords = ["ok", "a*"]')
    with pytest.raises(StudyError, match=r"'a\*'.*price.*themes\.toml"):
        themes(make_study(n=100), codebook=tmp_path)


def test_no_comment_at_all_is_said() -> None:
    with pytest.raises(DataError, match="no row of responses has a comment"):
        themes(study_of([None] * 20), codebook={"price": ["expensive"]})


def test_tickets_have_themes_too() -> None:
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{at}" for at in range(40)],
            "customer_id": [f"c{at % 7}" for at in range(40)],
            "created_at": pd.Timestamp("2024-02-01"),
            "subject": ["invoice wrong", "login fails"] * 20,
        }
    )
    study = Study.from_frames({"tickets": tickets}, observed_until="2024-12-31", instruments={})
    found = themes(study, text="subject", codebook={"billing": ["invoice*"], "login": ["login"]})
    assert found.table["texts"].tolist() == [20, 20]
    assert cx.metric_table(found, "theme_count:billing", every="month")["value"].tolist() == [20]


HOSTILE = [
    "",
    " ",
    "a",
    "😡😡😡",
    "价格太贵了,服务很慢",
    "السعر مرتفع جدا والخدمة بطيئة",
    "מחיר יקר מדי",
    "x" * 1_000_000,
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://evil.example","x")',
    "'; DROP TABLE responses; --",
    "{{ 7*7 }} {% for x in y %}",
    "$(rm -rf /) `id` ${jndi:ldap://x}",
    "\x00\x01\u202e\ufeff",
    "NaN",
    "a\n" * 1_000,
]


def test_hostile_texts_break_nothing_and_run_nothing() -> None:
    study = study_of(HOSTILE * 3)
    found = themes(study, codebook={"price": ["expensive", "贵", "مرتفع", "יקר", "😡"], "markup": ["script"]})
    counts = found.table.set_index("theme")["texts"]
    assert counts["price"] == 12
    assert counts["markup"] == 3
    quotes = theme_quotes(found, n=20)
    for quote in quotes["quote"]:
        assert not set("<>`\n\x00\u202e") & set(quote)
        assert quote[:1] not in ("=", "+", "-", "@")
    assert "<script" not in found._repr_html_()


def test_quotes_are_inert_on_a_page_in_a_table_and_in_a_mail(tmp_path) -> None:
    found = themes(study_of(HOSTILE * 3), codebook={"any": ["script", "evil", "drop", "贵", "x", "rf", "id"]})
    quotes = theme_quotes(found, n=50)
    assert len(quotes) >= 5
    # a page that forgot to escape: not one tag, no event handler within one
    page = quotes.to_html(escape=False)
    assert set(re.findall(r"</?([a-zA-Z]+)", page)) <= {"table", "thead", "tbody", "tr", "th", "td"}
    # a spreadsheet that runs what begins with these
    path = tmp_path / "quotes.csv"
    quotes.to_csv(path, index=False)
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "|", "%", "\t", "\r"))]
    for quote in quotes["quote"]:
        mail = EmailMessage()
        mail["Subject"] = quote  # a second line would be refused, or be a header of its own
        mail.set_content(quote)
        # the content brings headers of its own; the quote brought none but its own
        assert {key.lower() for key in mail} <= {"subject", "content-type", "mime-version"} | {
            "content-transfer-encoding"
        }


def test_what_is_hostile_does_not_stop_what_builds_on_themes() -> None:
    rng = np.random.default_rng(4)
    said = [*(HOSTILE * 8), *rng.choice(["too expensive", "slow app", "fine thanks"], 300)]
    marked = themes(study_of(said), codebook={"price": ["expensive", "贵"], "speed": ["slow"]})
    why = cx.voice.why_unhappy(marked)
    assert why.n > 300
    assert "<script" not in why._repr_html_() and "HYPERLINK" not in json.dumps(why.to_dict())
    assert cx.key_drivers(marked, "nps", runs=20).n > 300


@pytest.mark.parametrize(
    "texts",
    [
        ["same words here"] * 200,
        ["ok"] * 200,
        [str(at) for at in range(200)],
        ["😡" * (at % 7 + 1) for at in range(200)],
    ],
)
def test_texts_that_hold_no_themes_are_refused_with_a_reason(texts: list[str]) -> None:
    with pytest.raises(DataError, match=r"different texts|words stand"):
        themes(study_of(texts))


def test_a_language_never_seen_is_discovered_in() -> None:
    rng = np.random.default_rng(2)
    groups = ["ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏴᏫᏯ ᎤᏃᎮᏢ", "ꦱꦠꦸ ꦢꦸꦮ ꦠꦶꦒ ꦥꦥꦠ", "价格 太贵 便宜 费用"]
    texts = [" ".join(rng.choice(groups[at % 3].split(), 3)) for at in range(600)]
    found = themes(study_of(texts), size=3)
    assert len(found.table) == 3
