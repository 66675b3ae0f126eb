"""Numbers that prose names: filled in by name and filter, and never markup or code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxresearch.reporting.page.report_page import prose
from cxresearch.reporting.writing.facts_in_prose import fill_facts


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ level | percent }}", "95 %"),
        ("{{level|percent}}", "95 %"),
        ("{{ days | number }}", "180"),
        ("{{ rows | count }}", "12,345"),
        ("{{ level | share }}", "95.0 %"),
        ("{{ metrics }}", "nps, ces"),
        ("{{ missing }}", "{{ missing }}"),
        ("{{ level | nonsense }}", "{{ level | nonsense }}"),
        ("{{ 7*7 }} {% raw %} {{ level.__class__ }}", "{{ 7*7 }} {% raw %} {{ level.__class__ }}"),
    ],
)
def test_a_name_and_a_filter(source: str, text: str) -> None:
    facts = {"level": 0.95, "days": 180.0, "rows": 12345, "metrics": ["nps", "ces"]}
    assert fill_facts(source, facts) == text


@given(st.text(alphabet="ab*_`[]()<>!#|~$\\{}\n &;:/", max_size=40))
def test_a_fact_is_shown_letter_by_letter(value: str) -> None:
    page = prose(fill_facts("x{{ fact }}x", {"fact": value}))
    shown = page.striptags()
    assert page.count("<") == 2, page  # a paragraph, nothing else
    assert shown == f"x{' '.join(value.split())}x"
