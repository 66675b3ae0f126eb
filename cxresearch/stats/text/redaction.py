"""Taking out of a text what names a person or an account, and making the rest harmless in print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from cxresearch.stats.text.tokens import UNSPACED, normal_form, word_characters

#: So many digits, near each other, are taken out whatever they are: an order, a contract, an account, a
#: phone.
LONG_DIGITS = 6
#: From this many digits on, points and commas between groups of three do not make them an amount that may
#: stay.
_NO_AMOUNT_DIGITS = 9
#: A word of letters and digits with so many digits is a code: a licence plate, a serial or order number.
_CODE_DIGITS = 4
_LONGEST_UNSPACED_NAME = 8
#: Of a longer text only so many characters are read and given back.
LONGEST_READ = 20_000
#: Country and length of an IBAN (registry of SWIFT, ISO 13616).
_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 "
    "QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTH = {code[:2]: int(code[2:]) for code in re.findall(r"\w+", _IBANS)}
_ENDINGS = (
    "com|org|net|info|biz|edu|gov|io|co|app|dev|ai|eu|uk|de|fr|es|it|nl|be|at|ch|pl|se|no|dk|fi|pt|ie|us|ca|au|nz|in|"
    "jp|cn|kr|br|mx|ru|ua|tr|gr|cz|hu|ro|za|sg|hk|tw|me|ly|gg|shop|store|online|site|xyz"
)
# Every repetition is bounded or of one class of characters, so that no text takes longer than its length
# asks.
_LINK = re.compile(
    r"(?:(?<![a-z0-9])[a-z][a-z0-9+.-]{1,15}://|(?<![a-z0-9])www\d{0,2}\.|(?<![a-z])(?:mailto|javascript|vbscript|file|tel):"
    r"|(?<![a-z])data:[a-z]{1,15}/)[^\s<>\"']*"
    rf"|(?<![\w@.-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_ENDINGS})(?![\w-])(?:[/?#:][^\s<>\"']*)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%'-]{1,64}\s{0,2}(?:@|[(\[{]\s?(?:at|@)\s?[)\]}])\s{0,2}"
    r"(?:[\w-]{1,63}\s{0,2}(?:[.。]|[(\[{]\s?(?:dot|\.)\s?[)\]}])\s{0,2}){1,5}[^\W\d_]{2,24}"
    r"|(?<![\w.+-])[\w.+%-]{1,64}\s+at\s+[\w-]{1,63}(?:\s+dot\s+[^\W\d_]{2,24}){1,3}",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@])@\w{2,30}(?!\w)")
_IBAN_START = re.compile(r"(?<![^\W_])[a-z]{2}\d{2}(?=[ \-]?[a-z0-9])", re.IGNORECASE | re.ASCII)
_DIGITS = re.compile(r"(?<![^\W_])\+?\(?\d[\d\s./()+\-\u2010-\u2015]*(?<=\d)(?![^\W_])")
_CODE = re.compile(r"(?<![\w-])[\w-]+(?![\w-])")
_AMOUNT = re.compile(r"\d{1,3}(?:[.']\d{3})+")
_DAY = re.compile(
    r"\d{4}\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,2}|\d{1,2}\s?[-./]\s?\d{1,2}\s?[-./]\s?(?:\d{4}|\d{2})"
)
_MARKS_OUT_OF = re.compile(r"(?:\d{1,3}\s?/\s?\d{1,3}\s*)+")
_YEARS = re.compile(r"(?:19|20)\d\d\s?[-/\u2010-\u2015]\s?(?:19|20)\d\d")
_KEPT = (_DAY, _YEARS, _MARKS_OUT_OF)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
#: Signs with which a cell of a spreadsheet begins a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\u2212", "|", "%")
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "`": "'", "\\": "/"})


def passes_luhn(digits: str) -> bool:
    """Return whether a card number's check digit fits (Luhn 1960, ISO/IEC 7812-1).

    Examples
    --------
    >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
    (True, False)
    """
    values = [unicodedata.digit(digit) for digit in reversed(digits)]
    # every second digit from the right is doubled, its own digits summed
    return sum(values[0::2] + [sum(divmod(2 * value, 10)) for value in values[1::2]]) % 10 == 0


def passes_iban(text: str) -> bool:
    """Return whether an IBAN without blanks has its country's length and remainder 1 (ISO 13616, ISO 7064).

    Examples
    --------
    >>> passes_iban("GB82WEST12345698765432"), passes_iban("GB82WEST12345698765431")
    (True, False)
    """
    iban = text.upper()
    if len(iban) != _IBAN_LENGTH.get(iban[:2], 0):
        return False
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


class Redactor:
    """Takes out e-mail addresses, links, IBANs, cards, phones, long numbers, codes, handles and given names.

    Parameters
    ----------
    names : iterable of str
        Names of people and firms, for example the name columns of the customers. A full name is taken out
        however it is written; a single part of one where it stands with a capital, or in a script that has
        none.

    Notes
    -----
    What identifies somebody without being any of these (a town and a job) stays. Numbers of fewer than six
    digits, days and amounts stay.

    Examples
    --------
    >>> Redactor(["Ada Lovelace"]).redact("Ask ada lovelace or Lovelace, ada@example.org, +44 20 7946 0958")
    'Ask [name] or [name], [e-mail], [phone]'
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._parts: set[str] = set()
        self._unspaced: set[str] = set()
        word = _word()
        for name in names:
            normal = normal_form(str(name))
            self._unspaced.update(run for run in _UNSPACED_RUN.findall(normal) if len(run) > 1)
            parts = word.findall(_without_accents(normal))
            self._parts.update(part for part in parts if not part.isdigit() and len(part) > 1)

    def redact(self, text: str) -> str:
        """Return a text without what names somebody; a placeholder in brackets says what stood there."""
        plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", _shortened(text)))
        plain = _EMAIL.sub("[e-mail]", plain)
        plain = _LINK.sub("[link]", plain)
        plain = _without_ibans(plain)
        plain = _CODE.sub(_code, plain)
        plain = _DIGITS.sub(_number, plain)
        plain = _HANDLE.sub("[handle]", plain)
        return self._without_names(plain)

    def _without_names(self, text: str) -> str:
        if self._unspaced:
            text = _UNSPACED_RUN.sub(lambda match: self._unspaced_names(match.group(0)), text)
        if not self._parts:
            return text
        pieces: list[str] = []
        end = 0
        for match in _names(text, self._parts):
            pieces += [text[end : match[0]], "[name]"]
            end = match[1]
        return "".join([*pieces, text[end:]])

    def _unspaced_names(self, run: str) -> str:
        at = 0
        pieces: list[str] = []
        while at < len(run):
            lengths = range(min(_LONGEST_UNSPACED_NAME, len(run) - at), 1, -1)
            length = next((size for size in lengths if run[at : at + size] in self._unspaced), 0)
            if length:
                pieces.append("[name]")
                at += length
                continue
            pieces.append(run[at])
            at += 1
        return "".join(pieces)


def inert(text: str, *, longest: int = 300) -> str:
    """Return a text that nothing runs: one line, no markup, no formula, no control or invisible characters.

    Examples
    --------
    >>> print(inert("=HYPERLINK(1)"), inert("<script>x</script> there"))
    '=HYPERLINK(1) ‹script›x‹/script› there
    """
    line = _CONTROL.sub(" ", _UNSEEN.sub("", text[: 4 * longest])).translate(_HARMLESS).strip()
    if len(line) > longest:
        line = line[: longest - 1].rstrip() + "…"
    if line.startswith(_FORMULA):
        line = f"'{line}"
    return line


def _shortened(text: str) -> str:
    """The first part of a very long text, without the word that the cut goes through."""
    if len(text) <= LONGEST_READ:
        return text
    return text[:LONGEST_READ].rsplit(maxsplit=1)[0] + " …"


def _without_accents(word: str) -> str:
    apart = unicodedata.normalize("NFD", normal_form(word))
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    return re.compile(f"[{word_characters()}]+")


def _names(text: str, parts: set[str]) -> list[tuple[int, int]]:
    """Spans of names: runs of known parts, or one part with a capital or without case."""
    spans: list[tuple[int, int]] = []
    run: list[re.Match[str]] = []
    for match in [*_word().finditer(text), None]:
        adjoins = bool(
            match and run and re.fullmatch(r"[\s.,'\u2019-]{1,3}", text[run[-1].end() : match.start()])
        )
        if run and not (adjoins and match and _without_accents(match.group(0)) in parts):
            if len(run) > 1 or _stands_as_name(run[0].group(0)):
                spans.append((run[0].start(), run[-1].end()))
            run = []
        if match and _without_accents(match.group(0)) in parts and not _in_brackets(text, match):
            run.append(match)
    return spans


def _in_brackets(text: str, match: re.Match[str]) -> bool:
    """Whether a word is part of a placeholder, such as ``[name]``."""
    return text[match.start() - 1 : match.start()] == "[" and text[match.end() : match.end() + 1] in (
        "]",
        "-",
    )


def _stands_as_name(word: str) -> bool:
    return word[0].isupper() or word[0].lower() == word[0].upper()


def _without_ibans(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in _IBAN_START.finditer(text):
        stop = _iban_end(text, match.start())
        if match.start() >= end and stop:
            pieces += [text[end : match.start()], "[IBAN]"]
            end = stop
    return "".join([*pieces, text[end:]])


def _iban_end(text: str, start: int) -> int:
    """Where an IBAN that starts here ends; 0 where there is none."""
    wanted = _IBAN_LENGTH.get(text[start : start + 2].upper(), 0)
    letters = ""
    at = start
    while at < len(text) and len(letters) < wanted:
        if text[at].isascii() and text[at].isalnum():
            letters += text[at]
        elif text[at] not in " -":
            return 0
        at += 1
    if not wanted or not passes_iban(letters):
        return 0
    return at


def _number(match: re.Match[str]) -> str:
    """What stands for digits near each other: themselves, where they are few, a day, years or an amount."""
    text = match.group(0)
    digits = "".join(letter for letter in text if letter.isdigit())
    if len(digits) < LONG_DIGITS or any(kept.fullmatch(text) for kept in _KEPT):
        return text
    if len(digits) < _NO_AMOUNT_DIGITS and _AMOUNT.fullmatch(text):
        return text
    if 13 <= len(digits) <= 19 and passes_luhn(digits):
        return "[card]"
    whole = text.strip("+()") == digits
    international = text.startswith(("+", "(", "00"))
    looks_like_phone = 7 <= len(digits) <= 15 and (international or not whole or text.startswith("0"))
    # E.164: at most 15 digits
    if looks_like_phone:
        return "[phone]"
    return "[number]"


def _code(match: re.Match[str]) -> str:
    text = match.group(0)
    digits = sum(letter.isdigit() for letter in text)
    lettered = any(letter.isalpha() for letter in text)
    if lettered and digits >= _CODE_DIGITS and not re.fullmatch(r"\d{4}\w{0,2}|\w?(?:19|20)\d\d\w?", text):
        return "[number]"
    return text
