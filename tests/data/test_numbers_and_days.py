"""Numbers in groups of three and days counted by a spreadsheet: read as declared, else refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import cxresearch as cx

HEAD = (
    '[study]\nobserved_until = 2024-12-31\n%s[[sources]]\ntable = "orders"\nfile = "o.csv"\ndelimiter = ";"\n'
)
COLUMNS = 'columns = { customer_id = "c", ordered_at = "day", amount = %s }\n'


def read(
    folder: Path, amounts: list[str], column: str, *, day: str = "2024-01-05", head: str = ""
) -> cx.Study:
    rows = "".join(f'c{i};{day};"{amount}"\n' for i, amount in enumerate(amounts))
    (folder / "o.csv").write_text("c;day;amount\n" + rows, encoding="utf-8")
    (folder / "study.toml").write_text(HEAD % "" + head + COLUMNS % column, encoding="utf-8")
    return cx.read_study(folder, on_reject="set_aside", max_reject_share=1)


def outcome(study: cx.Study) -> list[float | str]:
    """Each amount read, or the text that was set aside, by row."""
    checked = study.checked.valid("orders").collect("pandas").to_native()
    valid = dict(zip(checked["customer_id"], checked["amount"], strict=True))
    rejects = study.rejects()
    assert set(rejects["rule"]) <= {"not_a_number"}
    odd = {f"c{row - 1}": value for row, value in zip(rejects["row"], rejects["value"], strict=True)}
    assert len(valid) + len(odd) == int(study.counts()["rows"].iloc[0])
    return [{**valid, **odd}[f"c{i}"] for i in range(len(valid) + len(odd))]


@pytest.mark.parametrize(
    ("options", "texts", "read_as"),
    [
        (
            'thousands = ","',
            ["1,234.50", "1234.5", "12,345,678", "-1,000", "12,34", "1,2345", "1,234,5", "7"],
            [1234.5, 1234.5, 12345678.0, -1000.0, "12,34", "1,2345", "1,234,5", 7.0],
        ),
        (
            'decimal = ",", thousands = "."',
            ["1.234,56", "1234,56", "1.234", "12.34", "1.234.5", "1.234,5,6", "0,5"],
            [1234.56, 1234.56, 1234.0, "12.34", "1.234.5", "1.234,5,6", 0.5],
        ),
        ('decimal = ",", thousands = " "', ["1 234,5", "1\u202f234,5", "1 23"], [1234.5, 1234.5, "1 23"]),
        ('thousands = "\'"', ["1'234.5", "1'23"], [1234.5, "1'23"]),
        ("", ["1,234.50", "1234.5"], ["1,234.50", 1234.5]),
    ],
)
def test_groups_of_three(tmp_path: Path, options: str, texts: list[str], read_as: list[float | str]) -> None:
    column = f'{{ column = "amount"{", " + options if options else ""} }}'
    assert outcome(read(tmp_path, texts, column)) == read_as


def test_marks_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(cx.errors.StudyError, match=r"cannot be both.*declare both"):
        read(tmp_path, ["1"], '{ column = "amount", thousands = "." }')
    with pytest.raises(cx.errors.StudyError, match="thousands is '_'"):
        read(tmp_path, ["1"], '{ column = "amount", thousands = "_" }')


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [  # =DATEVALUE("2024-01-01") is 45292 in a spreadsheet
        ("45292", "UTC", "2024-01-01 00:00:00"),
        ("45292.5", "UTC", "2024-01-01 12:00:00"),
        ("45292.75", "Europe/Berlin", "2024-01-01 17:00:00"),
        ("2024", "UTC", None),
        ("1704067200", "UTC", None),
    ],
)
def test_days_of_a_spreadsheet(tmp_path: Path, day: str, zone: str, moment: str | None) -> None:
    head = f'date_format = "excel_days"\ntimezone = "{zone}"\n'
    study = read(tmp_path, ["5"], '"amount"', day=day, head=head)
    valid = study.checked.valid("orders").collect("pandas").to_native()
    assert list(valid["ordered_at"].astype(str)) == (
        [moment[:10] if moment.endswith("00:00:00") else moment] if moment else []
    )
    assert list(study.rejects()["rule"]) == ([] if moment else ["not_a_time"])


def test_day_first_and_month_first_exclude_each_other(tmp_path: Path) -> None:
    """03/04/2024 would be read by whichever comes first in the list."""
    both = 'date_format = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y"]\n'
    with pytest.raises(cx.errors.StudyError, match=r"day first and the month first.*fits both"):
        read(tmp_path, ["1"], '"amount"', head=both)
    assert (
        read(tmp_path, ["1"], '"amount"', head='date_format = ["%Y-%m-%d", "%d/%m/%Y"]\n').counts()["valid"][
            0
        ]
        == 1
    )
