"""What names somebody is taken out of a text, what does not stays, and nothing that is left runs anywhere."""

import time

import pytest

from cxresearch.stats.text.redaction import LONGEST_READ, Redactor, inert, passes_iban, passes_luhn

NAMES = [
    "Ada Lovelace",
    "José Núñez",
    "李小龙",
    "Will Price",
    "O'Brien GmbH",
    "Jürgen Müller",
    "Анна Каренина",
    "김민수",
]
TAKEN_OUT = [
    # e-mail
    ("write to john.doe@example.com please", "john.doe@example.com"),
    ("JOHN.DOE+shop@EXAMPLE.CO.UK", "EXAMPLE"),
    ("first_last@sub.domain.example.org, thanks", "first_last"),
    ("john (at) example [dot] com", "example"),
    ("mail me: john at example dot com", "example"),
    ("o'neil@example.ie is mine", "neil"),
    ("用户@example.cn 联系", "example"),
    ("müller@exämple.de", "exämple"),
    ("john@\u200bexample.com", "example"),
    ("ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "john"),
    # links
    ("see https://shop.example/x?id=77&t=abc now", "shop.example"),
    ("HTTP://EVIL.EXAMPLE/", "EVIL"),
    ("www.example.de/konto", "example"),
    ("go to example.com/profile/me", "profile"),
    ("javascript:alert(document.cookie)", "alert"),
    ("data:text/html;base64,PHNjcmlwdD4=", "PHNjcmlwdD4"),
    ("ftp://user:secret@host.example/f", "secret"),
    ("mailto:me@example.com?subject=x", "me@"),
    ("file:///etc/passwd", "passwd"),
    ("my page example.io", "example.io"),
    # cards
    ("card 4111 1111 1111 1111 exp 12/26", "1111"),
    ("4111-1111-1111-1111", "4111"),
    ("378282246310005", "378282246310005"),
    ("5555.5555.5555.4444", "4444"),
    ("4111111111111112 (typo)", "4111"),
    # IBAN
    ("DE89 3704 0044 0532 0130 00 thanks", "0532"),
    ("iban gb82west12345698765432", "west"),
    ("FR14 2004 1010 0505 0001 3M02 606", "3M02"),
    ("NL91ABNA0417164300.", "ABNA0417164300"),
    ("CH93-0076-2011-6238-5295-7", "6238"),
    ("AE07 0331 2345 6789 0123 456", "6789"),
    ("DE89 3704 0044 0532 0130 01 has a wrong digit", "0532"),
    # phones
    ("call +44 20 7946 0958", "7946"),
    ("+1 (555) 123-4567", "4567"),
    ("0171/2345678", "2345678"),
    ("(030) 123 45 67 after six", "123"),
    ("01 23 45 67 89", "45"),
    ("00491712345678", "171"),
    ("555-123-4567 ext", "123"),
    ("phone: 0８0-1234-5678", "5678"),
    ("٠٥٠١٢٣٤٥٦٧", "٠٥٠"),
    # long numbers and codes
    ("order 12345678 is late", "12345678"),
    ("contract 123456", "123456"),
    ("order AB-2024-1234", "1234"),
    ("ticket #998877", "998877"),
    ("CPF 123.456.789-09", "789"),
    ("server 192.168.10.25", "192.168"),
    ("key 9f86d081884c7d659a2feaa0", "9f86"),
    ("123\u200b456\u200b789", "456"),
    ("serial SN0012345X", "0012345"),
    # handles
    ("@ada_l rude reply", "ada_l"),
    ("thanks @AcmeSupport", "Acme"),
    # names
    ("ada lovelace was rude", "lovelace"),
    ("Lovelace was rude", "Lovelace"),
    ("ask ADA LOVELACE.", "LOVELACE"),
    ("Jose Nunez helped", "Nunez"),
    ("José helped", "José"),
    ("Herr MÜLLER rief an", "MÜLLER"),
    ("李小龙说太贵了", "李小龙"),
    ("김민수 씨", "김민수"),
    ("Анна Каренина звонила", "Каренина"),
    ("O’Brien said no", "Brien"),
    ("Will said so", "Will"),
]
STAYS = [
    "will you price it",
    "in 2024 it took 3 days and 12 hours",
    "2019-2024",
    "since 2024-03-15 or 15.03.2024 or 3/15/24",
    "I paid 1.234.567 or 1,234.50 EUR or 99.99",
    "10/10 would buy, open 24/7",
    "5 stars!!!",
    "room 1204 on the 3rd floor",
    "the iPhone 15 Pro in 4K",
    "zip 10115",
    "e.g. this, i.e. that",
    "50% off & more",
    "太贵了",
    "عرض سيئ جدا",
    "😡😡😡",
]


def test_the_corpus_is_large_enough() -> None:
    assert len(TAKEN_OUT) >= 60


@pytest.mark.parametrize(("text", "secret"), TAKEN_OUT)
def test_what_names_somebody_is_taken_out(text: str, secret: str) -> None:
    redacted = Redactor(NAMES).redact(text)
    assert secret not in redacted
    assert "[" in redacted


@pytest.mark.parametrize("text", STAYS)
def test_what_names_nobody_stays(text: str) -> None:
    assert Redactor(NAMES).redact(text) == text


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor(NAMES)
    for text, _ in TAKEN_OUT:
        once = redactor.redact(text)
        assert redactor.redact(once) == once


def test_check_digits_are_those_of_the_standards() -> None:
    # ISO 13616's own examples, and test numbers that card schemes publish
    for iban in (
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ):
        assert passes_iban(iban)
        assert not passes_iban(iban[:-1] + ("0" if iban[-1] != "0" else "1"))
    for card in (
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
    ):
        assert passes_luhn(card)
        assert not passes_luhn(card[:-1] + str((int(card[-1]) + 1) % 10))


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", "|x", "%0a"]
)
def test_no_quote_starts_a_formula(text: str) -> None:
    assert inert(text)[0] not in "=+-@|%\t\r"


def test_nothing_in_a_quote_is_markup_or_a_second_line() -> None:
    quote = inert("<img src=x onerror=alert(1)>\r\nBcc: all@example.com\u2028`x` \\href{a}{b}\u202e\x00")
    assert not set("<>`\\\r\n\x00\u2028\u202e") & set(quote)


def test_a_quote_is_no_longer_than_asked() -> None:
    assert len(inert("word " * 1_000, longest=80)) <= 81


@pytest.mark.parametrize(
    "unit", ["a", "@", "1 ", "a.b-", "GB82 ", "www.", "a@", "+", "(", "é", "a@b.", "[name] "]
)
def test_a_megabyte_is_read_in_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    redacted = Redactor(NAMES).redact(text)
    assert time.process_time() - start < 5
    assert len(redacted) <= 4 * LONGEST_READ
