"""Variations of the kinds of input that once gave a wrong number: right, asked about or refused.

Other names, languages, zones, statuses and notations than in the cases beside the project. For each the study
file is written, the data cut filled in and nothing else decided.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cxresearch as cx
from cxresearch.cli import main
from tests.data.test_contradictions import bridge_table

Files = dict[str, str]


def lines(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


def many(head: str, n: int, row: Callable[[int], str]) -> str:
    return lines(head, [row(i) for i in range(n)])


def ended(i: int, day: str = "2024-05-01") -> str:
    return {0: day}.get(i % 4, "")


CUSTOMERS = many("customer_id,started_at,ended_at", 24, lambda i: f"c{i:02d},2023-01-{i + 1:02d},{ended(i)}")
PEOPLE = many("customer_id,signup_date", 12, lambda i: f"c{i:02d},2024-01-01")
SCORES = [10, 9, 0, 8, 7, 6, 10]


def answers(head: str, cell: Callable[[int], str], day: str = "2024-02-{:02d}") -> str:
    return many(head, 24, lambda i: f"c{i:02d},{day.format(i + 1)},{cell(i)}")


GERMAN = many(
    "Kundennummer;Kunde seit;Kündigungsdatum",
    21,
    lambda i: f"K{i:02d};{i + 1:02d}.01.2023;{ended(i, '15.05.2024')}",
)
FRENCH = GERMAN.replace(
    "Kundennummer;Kunde seit;Kündigungsdatum", "Identifiant client;Date de début;Date de fin"
)
LABELS = {10: "Sehr wahrscheinlich - 10", 0: "Unwahrscheinlich - 0"}

#: What is right without any decision: files, data cut, how to compute, the value by hand.
RIGHT: dict[str, tuple[Files, str, Callable[[cx.Study], Any], Any]] = {
    "labels in German": (
        {
            "kunden": GERMAN,
            "umfrage": many(
                "Kundennummer;Datum;Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?",
                21,
                lambda i: f"K{i:02d};{13 + i % 15}.02.2024;{LABELS.get(SCORES[i % 7], SCORES[i % 7])}",
            ),
        },
        "2024-12-31",
        lambda study: round(float(cx.metric(study, "nps")), 1),
        14.3,
    ),
    "French headers, day first": (
        {
            "clients": FRENCH,
            "enquete": many(
                "Identifiant client;Date de réponse;Note NPS",
                21,
                lambda i: f"K{i:02d};{13 + i % 15}.02.2024;{SCORES[i % 7]}",
            ),
        },
        "2024-12-31",
        lambda study: round(float(cx.metric(study, "nps")), 1),
        14.3,
    ),
    "a category and a round beside the score": (
        {
            "customers": CUSTOMERS,
            "survey": answers(
                "customer_id,response_date,nps_category,nps_score,nps_survey_round",
                lambda i: f"Promoter,{SCORES[i % 7]},{1 + i % 3}",
            ),
        },
        "2024-12-31",
        lambda study: study.table("responses").collect()["score"].max(),
        10,
    ),
    "ISO and American dates in one column": (
        {
            "customers": CUSTOMERS,
            "nps": many(
                "customer_id,date,nps",
                24,
                lambda i: f"c{i:02d},{[f'2024-03-{i + 1:02d}', f'03/{i + 1:02d}/2024'][i % 2]},{i % 11}",
            ),
        },
        "2024-12-31",
        lambda study: {str(day)[:7] for day in study.table("responses").collect()["responded_at"].to_list()},
        {"2024-03"},
    ),
    "years of two digits": (
        {
            "customers": many(
                "customer_id,started_at,ended_at",
                9,
                lambda i: f"c{i},{i + 14}/02/23,{['', '15/06/24'][i < 3]}",
            )
        },
        "2024-12-31",
        lambda study: round(float(cx.metric(study, "customer_churn", period="2024-06")), 3),
        0.333,
    ),
    "tickets in words of another system": (
        {
            "tickets": many(
                "Issue key,Created,Resolved,Status",
                21,
                lambda i: (
                    f"T-{i},2024-03-{i + 1:02d} 09:00,{['', '2024-03-25 12:00'][i % 3 > 0]},"
                    f"{['To Do', 'Done', 'In Progress'][i % 3]}"
                ),
            )
        },
        "2024-12-31",
        lambda study: sum(
            day is not None for day in study.table("tickets").collect()["resolved_at"].to_list()
        ),
        7,
    ),
    "weekly lists of who pays": (
        {
            "customers": many("user_id,signup_date", 10, lambda i: f"u{i},2024-01-01"),
            "billing_weekly": lines(
                "user_id,week_ending,mrr",
                [
                    f"u{i},{day},{10 + i}"
                    for week, day in enumerate(
                        ["2024-10-06", "2024-10-13", "2024-10-20", "2024-10-27", "2024-11-30"]
                    )
                    for i in range(10)
                    if not (i > 6 and week > 2)
                ],
            ),
        },
        "2024-11-30",
        lambda study: float(
            bridge_table(cx.revenue.mrr_bridge(study)).set_index("period").loc["2024-10-01", "closing"]
        ),
        sum(range(10, 17)),
    ),
    "gains and losses as amounts": (
        {
            "customers": many("customer_id,signup", 10, lambda i: f"c{i},2024-01-01"),
            "mrr_movements": lines(
                "customer_id,date,movement_type,mrr_change",
                [
                    *(f"c{i},2024-01-01,new,10" for i in range(10)),
                    *(f"c{i},2024-06-01,churn,-10" for i in range(3)),
                ],
            ),
        },
        "2024-12-31",
        lambda study: float(
            bridge_table(cx.revenue.mrr_bridge(study)).set_index("period").loc["2024-06-01", "closing"]
        ),
        70,
    ),
    "an export given twice": (
        {
            "customers": CUSTOMERS,
            "nps": answers("customer_id,date,nps", lambda i: str(i % 11)),
            "nps (1)": answers("customer_id,date,nps", lambda i: str(i % 11)),
        },
        "2024-12-31",
        lambda study: cx.metric(study, "nps").n,
        24,
    ),
    "the day of the load beside the day of the answer": (
        {
            "customers": CUSTOMERS,
            "csat": many(
                "customer_id,created_at,answered_on,csat",
                24,
                lambda i: f"c{i:02d},2024-12-01,2024-{1 + i % 10:02d}-10,{1 + i % 5}",
            ),
        },
        "2024-12-31",
        lambda study: study.summary("responses").first.month,  # type: ignore[union-attr]
        1,
    ),
    "ends far in the future": (
        {
            "customers": many(
                "customer_id,started_at,ended_at",
                24,
                lambda i: f"c{i},2023-01-01,{ended(i) or '2099-12-31'}",
            )
        },
        "2024-12-31",
        lambda study: float(cx.metric(study, "customer_churn", period="2024-05")),
        0.25,
    ),
    "good, bad, offered": (
        {
            "customers": CUSTOMERS,
            "tickets": many(
                "ticket_id,customer_id,created_at,resolved_at,satisfaction",
                20,
                lambda i: (
                    f"t{i},c{i:02d},2024-03-{i + 1:02d},2024-03-{i + 2:02d},"
                    f"{['Good', 'Bad', 'Offered', 'Unoffered', 'Good'][i % 5]}"
                ),
            ),
        },
        "2024-12-31",
        lambda study: round(float(cx.metric(study, "csat")), 3),
        3.667,  # 8 of 12 at 5, 4 at 1
    ),
    "a list with a status and the last login": (
        {
            "customers": many(
                "customer_id,last_login,status,seats",
                60,
                lambda i: f"{i},2024-11-{1 + i % 28:02d},{['cancelled', 'active'][i % 5 > 0]},{i % 9}",
            )
        },
        "2024-12-31",
        lambda study: cx.study.who_left(study).leavers,
        12,
    ),
    "a Spanish list with a flag": (
        {
            "clientes": many(
                "id_cliente,antiguedad_meses,plan,baja,quejas",
                60,
                lambda i: f"{i},{i % 36},{'AB'[i % 2]},{['sí', 'no'][i % 5 > 0]},{i % 4}",
            )
        },
        "2024-12-31",
        lambda study: cx.study.who_left(study).leavers,
        12,
    ),
}

#: What only the owner can know: files, and the question that the study file asks.
ASKED: dict[str, tuple[Files, str]] = {
    "stars called NPS": (
        {"customers": CUSTOMERS, "nps": answers("customer_id,answered_at,nps", lambda i: str(1 + i % 5))},
        "nobody at the ends of 0 to 10: another scale?",
    ),
    "every date reads two ways": (
        {
            "customers": many(
                "customer_id,started_at,ended_at",
                9,
                lambda i: f"c{i},0{i + 1}/02/2023,{['', '05/06/2024'][i < 3]}",
            )
        },
        "is 2023-02-01 or 2023-01-02: declare its date_format",
    ),
    "CST and EST": (
        {
            "customers": CUSTOMERS,
            "nps": many(
                "customer_id,Submitted,NPS",
                20,
                lambda i: f"c{i:02d},2024-06-01 0{i % 9}:30:00 {['EST', 'CST'][i % 2]},{i % 11}",
            ),
        },
        "which zones are meant? CST is -06:00",
    ),
    "IST": (
        {
            "customers": CUSTOMERS,
            "nps": many(
                "customer_id,Submitted,NPS", 20, lambda i: f"c{i:02d},2024-06-{i + 1:02d} 08:30 IST,{i % 11}"
            ),
        },
        "IST is +05:30 (India) or",
    ),
    "I don't know among numbers": (
        {
            "customers": CUSTOMERS,
            "nps": answers(
                "customer_id,answered_at,recommend", lambda i: ["10", "I don't know", "k.A.", "6"][i % 4]
            ),
        },
        "read as no answer",
    ),
    "half points": (
        {
            "customers": CUSTOMERS,
            "csat": answers("customer_id,answered_at,csat", lambda i: str([4, 4.5, 5, 3, 2][i % 5])),
        },
        "'4.5' are no whole answers",
    ),
    "prices of a year in cents": (
        {
            "customers": CUSTOMERS,
            "subscriptions": many(
                "id,customer,start,ended_at,price_cents,billing_period,state",
                24,
                lambda i: (
                    f"s{i},c{i:02d},2023-02-01,{ended(i)},{[10000, 120000][i % 2]},"
                    f"{['monthly', 'annual'][i % 2]},active"
                ),
            ),
        },
        "# TODO required: mrr",
    ),
    "asked to cancel, not ended": (
        {
            "customers": PEOPLE,
            "subscriptions": many(
                "id,customer_id,status,created,canceled_at,cancel_at_period_end,current_period_end,amount,interval",
                12,
                lambda i: (
                    f"s{i},c{i:02d},{['canceled', 'active'][i < 9]},2024-01-01,"
                    f"{['', '2024-11-15'][i > 6]},{['false', 'true'][i > 6]},2025-01-01,10,month"
                ),
            ),
        },
        "# TODO required: ends_at",
    ),
    "who ended goes on paying": (
        {
            "customers": many(
                "customer_id,signup_date,cancelled_on",
                12,
                lambda i: f"c{i},2024-01-01,{['', '2024-06-30'][i % 3 == 0]}",
            ),
            "mrr_history": many("customer_id,valid_from,mrr", 12, lambda i: f"c{i},2024-01-01,{10 + i}"),
        },
        "customers who ended go on paying",
    ),
    "a list of months whose amounts may be of a year": (
        {
            "customers": many("account_id,created_at", 10, lambda i: f"u{i},2024-01-01"),
            "accounts_by_month": lines(
                "account_id,month,plan_amount",
                [
                    f"u{i},2024-{m:02d}-01,{10 + i}"
                    for m in range(5, 11)
                    for i in range(10)
                    if not (i > 6 and m > 8)
                ],
            ),
        },
        "# TODO is 'plan_amount' the amount of one month?",
    ),
    "unfinished questionnaires without a mark": (
        {
            "customers": CUSTOMERS,
            "survey": many(
                "id,submitdate,lastpage,startlanguage,token,startdate,nps",
                24,
                lambda i: (
                    f"{i},{['', f'2024-02-{i + 1:02d} 10:00:00'][i % 3 > 0]},{[2, 5][i % 3 > 0]},en,"
                    f"c{i:02d},2024-02-{i + 1:02d} 09:58:00,{['', i % 11][i % 3 > 0]}"
                ),
            ),
        },
        'TODO "not_asked" if an empty cell means nobody was asked',
    ),
    "a flag in letters": (
        {"list": many("id,churn,seats", 40, lambda i: f"{i},{'AB'[i % 2]},{i}")},
        "which values of 'churn' say that a customer left?",
    ),
}


def begun(files: Files, folder: Path, cut: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    assert main(["init", str(folder)]) == 0
    path = folder / "study.toml"
    asked = path.read_text(encoding="utf-8").splitlines()
    filled = [
        {True: f"observed_until = {cut}"}.get(line.startswith("# observed_until"), line) for line in asked
    ]
    path.write_text("\n".join(filled), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", RIGHT)
def test_it_is_right_as_init_writes_it(kind: str, tmp_path: Path) -> None:
    files, cut, compute, wanted = RIGHT[kind]
    path = begun(files, tmp_path, cut)
    assert main(["check", str(tmp_path)]) == 0
    assert compute(cx.read_study(path)) == wanted


@pytest.mark.parametrize("kind", ASKED)
def test_it_is_asked_and_refused_until_it_is_answered(kind: str, tmp_path: Path) -> None:
    files, question = ASKED[kind]
    path = begun(files, tmp_path, "2024-12-31")
    assert question in path.read_text(encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1


def test_a_german_status_and_a_reason_are_no_segments(tmp_path: Path) -> None:
    people = many(
        "Kundennummer,Kunde seit,Kündigungsdatum,Kundenstatus,Tarif,Kündigungsgrund",
        24,
        lambda i: (
            f"K{i:02d},2023-01-01,{ended(i)},{['gekündigt', 'aktiv'][i % 4 > 0]},{'AB'[i % 2]},"
            f"{['Preis', ''][i % 4 > 0]}"
        ),
    )
    study = cx.read_study(begun({"kunden": people}, tmp_path, "2024-12-31"))
    assert study.segments == ("tarif",)
    assert study.outcomes == ("kundenstatus",)
