"""Group columns may have any name: also one that a table, or a metric on its way, uses itself.

No name is listed by hand: those that the package computes with are read from its source, and from the frames
that a function makes while it runs.
"""

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.readers.open_frames import check_columns
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.metrics.base.group_columns import STEM

PACKAGE = Path(cx.__file__).parent
#: The rooms in which a column of the user's travels beside columns of the package's.
ROOMS = ("metrics", "stats", "churn/curves", "data/landmarks", "data/engine.py")


@cache
def tables() -> dict[str, pd.DataFrame]:
    """Answers, tickets, use and revenue of 60 customers in two groups, ``plain``."""
    rng = np.random.default_rng(5)
    ids = [f"c{i:02d}" for i in range(60)]
    start = pd.Timestamp("2024-01-03")
    people = pd.DataFrame({"customer_id": ids, "started_at": start, "plain": ["p", "p", "q"] * 20})
    moments = start + pd.to_timedelta(rng.integers(0, 80, 600), unit="D")
    who = rng.choice(ids, 600)
    answers = pd.DataFrame({"customer_id": who, "score": rng.integers(0, 11, 600), "responded_at": moments})
    tickets = pd.DataFrame({"ticket_id": range(600), "customer_id": who, "created_at": moments})
    tickets["resolved_at"] = moments + pd.to_timedelta(rng.integers(1, 90, 600), unit="h")
    tickets["reopens"] = rng.integers(0, 2, 600)
    usage = pd.DataFrame({"customer_id": who, "used_at": moments, "quantity": 1.0})
    levels = [start + pd.Timedelta(days=20 * k) for k in range(4)]
    money = pd.DataFrame({"customer_id": np.repeat(ids, 4), "effective_at": levels * 60})
    money["mrr"], money["currency"] = rng.choice([0.0, 10.0, 20.0, 30.0], 240), "EUR"
    money["due_at"] = money["effective_at"] + pd.Timedelta(days=15)
    orders = pd.DataFrame({"customer_id": who, "ordered_at": moments, "amount": 1.0}).iloc[:90]
    answers["sent_at"] = moments - pd.Timedelta(hours=5)
    answers.loc[::7, ["score", "responded_at"]] = [np.nan, pd.NaT]
    people["ended_at"] = [start + pd.Timedelta(days=40) if i % 5 == 0 else pd.NaT for i in range(60)]
    usage["feature"] = rng.choice(["search", "export"], 600)
    return {
        "customers": people,
        "responses": answers.assign(instrument="nps"),
        "tickets": tickets.astype({"ticket_id": str}),
        "usage": usage,
        "revenue": money,
        "orders": orders,
    }


def columns_of_source() -> set[str]:
    """Every name that the source spells out, as a text or as a keyword: a superset of its columns."""
    names = set()
    for room in ROOMS:
        path = PACKAGE / room
        for file in [path] if path.suffix else sorted(path.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names.add(node.value)
                elif isinstance(node, ast.keyword) and node.arg:
                    names.add(node.arg)
    return {name for name in names if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_*/]*", name)}


def test_no_column_of_the_package_begins_like_a_neutral_name() -> None:
    names = columns_of_source()
    assert {"period", "n", "wt_", "contraction*contraction/opening"} <= names | {"wt_"}
    assert not {name for name in names if name.startswith(STEM) and name != STEM}


def study(names: Iterable[str], *, of_table: str = "customers") -> cx.Study:
    """Sixty customers in two groups that stand under each of these names."""
    frames = dict(tables())
    people = frames["customers"]
    if of_table == "the ticket of an answer":
        # answers and tickets were drawn side by side: the n-th answer is about the n-th ticket
        frames["responses"] = frames["responses"].assign(ticket_id=frames["tickets"]["ticket_id"])
        of_table = "tickets"
    if of_table == "customers":
        groups = pd.DataFrame(dict.fromkeys(names, people["plain"]))
        frames["customers"] = pd.concat([people.drop(columns="plain"), groups], axis=1)
    else:
        own = frames[of_table]["customer_id"].map(people.set_index("customer_id")["plain"])
        frames[of_table] = pd.concat([frames[of_table], pd.DataFrame(dict.fromkeys(names, own))], axis=1)
        frames["customers"] = people.drop(columns="plain")
    return cx.Study.from_frames(
        frames,
        observed_until="2024-03-31",
        instruments={"nps": cx.NPS},
        segments=list(names) if of_table == "customers" else [],
        currency="EUR",
        revenue_ends="at_zero",
    )


Tables = tuple[pd.DataFrame, ...]


def metric(name: str, **options: Any) -> Callable[[cx.Study, Sequence[str]], Tables]:
    return lambda data, by: (cx.metric_table(data, name, by=by, every="month", options=options or None),)


def card_tables(data: cx.Study, by: Sequence[str]) -> Tables:
    card = cx.scorecard(data, by=by, metrics=["nps", "mrr"])
    changes = card.changes[~card.changes["whole"].astype(bool)].reset_index(drop=True)
    # Two hold the user's names in words; how many are judged together depends on the columns crossed.
    words = ["group", "column", "p_adjusted", "adjustment"]
    return card.table, changes.drop(columns=words), card.groups


def costs(data: cx.Study, by: Sequence[str]) -> Tables:
    bridge = cx.revenue.mrr_bridge(data, by=by)
    spend = bridge.table[[*bridge.by, "period"]].assign(spend=100.0)
    return (cx.revenue.acquisition_costs(bridge, spend),)


def mix(data: cx.Study, by: Sequence[str]) -> Tables:
    return (cx.survey.score_breakdown(data, "nps", by=by).table.drop(columns="group"),)


#: One column at a time: crossed copies have no rest.
SINGLE = ("rest",)
#: Every public function that takes group columns.
FUNCTIONS: dict[str, Callable[[cx.Study, Sequence[str]], Tables]] = {
    "nps": metric("nps"),
    "nps_response_rate": metric("nps_response_rate"),
    "reopen_rate": metric("reopen_rate"),
    "sla_attainment": metric("sla_attainment"),
    "active_customers": metric("active_customers"),
    "adoption_rate": metric("adoption_rate"),
    "feature_breadth": metric("feature_breadth"),
    "net_revenue_retention": metric("net_revenue_retention"),
    "customer_churn": metric("customer_churn"),
    "win_back_rate": metric("win_back_rate", win_back_days=15),
    "renewal_rate_by_value": metric("renewal_rate_by_value"),
    "repeat_purchase_rate": metric("repeat_purchase_rate", repeat_days=30),
    "previous": lambda data, by: (
        cx.metric_contrasts(data, "nps", by=by, every="month", against="previous"),
    ),
    "rest": lambda data, by: (cx.metric_contrasts(data, "reopen_rate", by=by, against="rest"),),
    "nonresponse": lambda data, by: (cx.survey.nonresponse_table(data, "nps", by=by, every="month"),),
    "breakdown": mix,
    "scorecard": card_tables,
    "active": lambda data, by: (cx.usage.active_customers(data, by=by),),
    "volume": lambda data, by: (cx.support.ticket_volume(data, every="month", by=by),),
    "resolved": lambda data, by: (cx.support.resolution_rate(data, by=by),),
    "times": lambda data, by: (cx.support.ticket_times(data, "resolution", by=by),),
    "ageing": lambda data, by: (cx.support.ticket_ageing(data, by=by).table,),
    "bridge": lambda data, by: (cx.revenue.mrr_bridge(data, by=by).table,),
    "rates": lambda data, by: (cx.revenue.revenue_rates(data, by=by),),
    "costs": costs,
}


@cache
def plain(function: str, of_table: str = "customers") -> Tables:
    return FUNCTIONS[function](study(["plain"], of_table=of_table), ["plain"])


def same_tables(function: str, names: Sequence[str], *, of_table: str = "customers") -> None:
    """Compare each table with that of one column called plain: its cells, and the group of each."""
    data = study(names, of_table=of_table)
    for table, wanted in zip(FUNCTIONS[function](data, list(names)), plain(function, of_table), strict=True):
        groups = [f"{name}_group" if f"{name}_group" in table else name for name in names]
        computed = [column for column in wanted if column != "plain"]
        assert set(table) == {*computed, *(groups if "plain" in wanted else ())}
        for name in groups if "plain" in wanted else ():
            assert table[name].tolist() == wanted["plain"].tolist(), name
        pd.testing.assert_frame_equal(table[computed], wanted[computed], check_dtype=False)


@cache
def refused(name: str) -> bool:
    """Whether a study refuses customers with a column of this name, or has it in another meaning."""
    if name in LAYOUTS["customers"].columns or any(name in frame for frame in tables().values()):
        return True
    try:
        check_columns("customers", [*tables()["customers"], name])
    except cx.errors.StudyError:
        return True
    return False


def admitted(function: str, names: Iterable[str]) -> list[str]:
    """Names that a column of the user's can have, those that differ in case alone once."""
    taken = {"spend"} if function == "costs" else set()  # the amounts are called so
    spelled = {name.casefold(): name for name in set(names) - taken if not refused(name)}
    return sorted(spelled.values())


def chunks(names: list[str], size: int = 30) -> list[list[str]]:
    """Several names at once, each a copy of the same groups: crossed they are the same cells."""
    return [names[start : start + size] for start in range(0, len(names), size)]


@pytest.fixture
def totals_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Totals over all copies of a column at once: over some of them a line is one cell and hides nothing."""
    over_all = lambda keys, size: [tuple(keys)] if size == len(keys) else []  # noqa: E731
    monkeypatch.setattr("cxresearch.metrics.tables.suppression.combinations", over_all)


def columns_at_run_time(function: str) -> set[str]:
    """Names of the columns of every frame that a function makes on its way."""
    monkeypatch = pytest.MonkeyPatch()
    seen: set[str] = set()

    def watch(kind: type, method: str, columns: Callable[[Any], Iterable[str]]) -> None:
        inner = getattr(kind, method)

        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            seen.update(columns(self))
            seen.update(kwargs if method in ("assign", "with_columns", "select") else ())
            return inner(self, *args, **kwargs)

        monkeypatch.setattr(kind, method, watched)

    for method in ("assign", "groupby", "merge", "rename", "sort_values", "astype"):
        watch(pd.DataFrame, method, lambda frame: frame.columns)
    for method in ("with_columns", "select", "group_by", "filter"):
        watch(nw.LazyFrame, method, lambda frame: frame.collect_schema().names())
    tables_made = FUNCTIONS[function](study(["plain"]), ["plain"])
    monkeypatch.undo()
    names = {name for name in seen if isinstance(name, str)} | {name for made in tables_made for name in made}
    return {name for name in names if not name.startswith(STEM) and name != "plain"}


@pytest.mark.usefixtures("totals_over_all")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_group_column_may_have_the_name_of_any_column_made_on_the_way(
    function: str,
) -> None:
    names = admitted(function, columns_at_run_time(function))
    assert len(names) > 3
    for some in chunks(names, 1 if function in SINGLE else 30):
        same_tables(function, some)


@pytest.mark.slow
@pytest.mark.usefixtures("totals_over_all")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_group_column_may_have_any_name_in_the_source(function: str) -> None:
    for some in chunks(admitted(function, columns_of_source()), 1 if function in SINGLE else 30):
        same_tables(function, some)


@pytest.mark.parametrize("name", ["silent", "total", "level", "period", "by_0", "BY_1", "N", "Score", "a b"])
def test_names_that_once_gave_wrong_groups(name: str) -> None:
    for function in ("nonresponse", "nps", "bridge", "active"):
        same_tables(function, [name])


@pytest.mark.parametrize(
    ("function", "table"),
    [("nonresponse", "responses"), ("nps", "responses"), ("times", "tickets"), ("active", "usage")],
)
def test_columns_of_the_metrics_own_table_are_as_free(function: str, table: str) -> None:
    names = ["silent", "total", "period", "minutes", "day", "from_day", "n", "value", "by_0"]
    for some in chunks(names, 3):
        same_tables(function, some, of_table=table)


def admitted_in_tickets(names: Iterable[str]) -> list[str]:
    """Names that a column of tickets can have that answers and customers have not."""
    known = {column for table in ("customers", "responses", "tickets") for column in LAYOUTS[table].columns}
    free = []
    for name in sorted(names):
        try:
            check_columns("tickets", [*tables()["tickets"], name])
        except cx.errors.StudyError:
            continue
        if name.casefold() not in known:
            free.append(name)
    return sorted({name.casefold(): name for name in free}.values())


@pytest.mark.usefixtures("totals_over_all")
@pytest.mark.parametrize("function", ["nps", "nps_response_rate", "nonresponse", "breakdown", "previous"])
def test_open_columns_of_the_ticket_of_an_answer_may_have_any_name_too(function: str) -> None:
    names = admitted_in_tickets(columns_at_run_time(function))
    assert len(names) > 3
    for some in chunks(names):
        same_tables(function, some, of_table="the ticket of an answer")


def test_the_groups_of_tickets_are_those_of_their_customers_here() -> None:
    linked, of_people = plain("nps", "the ticket of an answer"), plain("nps")
    pd.testing.assert_frame_equal(linked[0], of_people[0])


def test_the_column_that_the_metric_reads_itself_comes_before_that_of_customers() -> None:
    data = study(["instrument"])
    table = cx.metric_table(data, "nps", by="instrument")
    assert table["instrument"].tolist() == ["nps"]
    assert table["value"].item() == pytest.approx(cx.metric_table(data, "nps")["value"].item())


@pytest.mark.parametrize(
    "metric", ["active_customers", "adoption_rate", "win_back_rate", "renewal_rate", "repeat_purchase_rate"]
)
def test_customers_are_no_groups_of_themselves(metric: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="cannot be grouped by customer_id"):
        cx.metric_table(study(["plain"]), metric, by="customer_id")


@pytest.mark.parametrize(
    ("name", "shown"), [("level", "level_group"), ("group", "group_group"), ("who", "who")]
)
def test_scorecard_and_pictures_call_a_group_alike(name: str, shown: str) -> None:
    import matplotlib.pyplot as plt

    chosen: dict[str, Any] = {"every": "month", "metrics": ["nps", "mrr", "tickets"]}
    card = cx.scorecard(study([name]), by=name, **chosen)
    same = cx.scorecard(study(["plain"]), by="plain", **chosen)
    assert card.by == (shown,)
    assert str(card).replace(shown, "plain") == str(same)
    plt.close(cx.plot(card, kind="groups").figure)


def test_a_name_in_another_case_is_understood_and_a_mistyped_one_is_guessed() -> None:
    data = study(["Plan"])
    assert cx.metric_table(data, "nps", by="plan")["Plan"].tolist() == ["p", "q"]
    with pytest.raises(cx.errors.ArgumentError, match="perhaps you meant 'Plan'"):
        cx.metric_table(data, "nps", by="plann")
    with pytest.raises(cx.errors.ArgumentError, match=r"plann.*perhaps you meant 'Plan'"):
        cx.metric_table(data, "mrr", by="plann")


def test_a_column_and_the_name_its_neighbour_would_be_given() -> None:
    frame = pd.DataFrame({"score": [9] * 20, "level": ["a"] * 20, "level_group": ["b"] * 20})
    table = cx.metric_table(frame, "nps", by=["level", "level_group"])
    assert table["level_group"].tolist() == ["b"]
    assert table["level_group_group"].tolist() == ["a"]
    assert list(table)[1:3] == ["level_group_group", "level_group"]
    cell = cx.metric_table(frame.rename(columns={"level": "_cell"}), "nps", by="_cell")
    assert cell["_cell"].tolist() == ["a"] and cell["n"].tolist() == [20]
