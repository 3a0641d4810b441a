"""Numbers that are private: payment cards, bank accounts (IBAN) and telephones, told from dates, amounts, versions and ids.

Each pattern takes one digit a step, or begins where no other could, so that no text makes it go over the same characters again
and again; checksums and the words before a number do the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]

# What stands between digits: spaces, a point, a dash of any length, a slash.
_GAP: Final = "[ \t\u00a0\u2009\u202f.\\-\u2010-\u2014/]"  # as characters: RE2 writes their numbers otherwise than `re`
_CARD_GAP: Final = _GAP.replace("/", "")
_KEEP_DIGITS: Final = {ord(sign): None for sign in " \t\u00a0\u2009\u202f.-\u2010\u2011\u2012\u2013\u2014/()"}

# ---------------------------------------------------------------- payment cards

#: RE2, for all texts at once: only those with such a place are read by Python.
CARD_SCREEN: Final = rf"[1-6]\d{{3}}(?:{_CARD_GAP}{{0,3}}\d){{9}}"
_DIGITS: Final = re.compile(r"\d+")
_CARD_RUN: Final = re.compile(rf"(?<![\w.,])[0-9](?:{_CARD_GAP}{{0,3}}[0-9]){{12,}}(?!\w)")


def cards(text: str) -> Iterator[Span]:
    """Yield card numbers: a known issuer's first digits, its length, and a right check digit (Luhn, US patent 2950048)."""
    for run in _CARD_RUN.finditer(text):
        groups = [group.span() for group in _DIGITS.finditer(run[0])]
        ends = np.cumsum([end - start for start, end in groups])  # in digits; a card begins and ends with a group
        starts = np.append(0, ends[:-1])
        digits = run[0].translate(_KEEP_DIGITS)
        taken = 0
        for first, n in sorted(_luhn(np.frombuffer(digits.encode(), np.uint8) - 48, starts, ends)):
            if first >= taken and n in _card_lengths(digits[first : first + 4]):
                taken = first + n
                start, end = groups[int(np.searchsorted(starts, first))][0], groups[int(np.searchsorted(ends, taken))][1]
                yield run.start() + start, run.start() + end


def _luhn(digits: NDArray[np.uint8], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Yield place and length of what begins and ends with a group and has a right check digit."""
    doubled = 2 * digits - 9 * (digits > 4)
    odd = np.arange(len(digits)) % 2
    # Every second digit is doubled, from the last one on: so there are sums for an end at an even and at an odd place.
    sums = np.stack([np.append(0, np.where(odd == parity, digits, doubled).cumsum(dtype=np.int64)) for parity in (0, 1)])
    for n in (16, 19, 15, 14):
        first = starts[np.isin(starts + n, ends)]
        total = sums[(first + n - 1) % 2, first + n] - sums[(first + n - 1) % 2, first]
        yield from ((int(place), n) for place in first[total % 10 == 0])


def _card_lengths(first: str) -> tuple[int, ...]:
    """Return how many digits a card has that begins with these four, none where no issuer does."""
    two, four = int(first[:2]), int(first)
    if two in (34, 37) or four in (1800, 2131):
        return (15,)
    if two in (36, 38, 39) or 300 <= four // 10 <= 305:
        return (14, 16)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)
    return (16, 19) if two // 10 in (4, 6) or two in (35, 50, 56, 57, 58) else ()


# ---------------------------------------------------------------- bank accounts

_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
# A bank's code may begin with up to four letters, and then come digits: so no sentence is read as an account.
_BANK: Final = r"(?:[ .\-]{0,2}[A-Za-z]){0,4}(?:[ .\-]{0,2}[0-9]){2}"
IBAN_SCREEN: Final = rf"\b[A-Za-z]{{2}}[ \-]?[0-9]{{2}}{_BANK}(?:[ .\-]{{0,2}}[A-Za-z0-9]){{7}}"
_IBAN: Final = re.compile(rf"(?<![^\W_])(?=([A-Za-z]{{2}}[ \-]?[0-9]{{2}}{_BANK}(?:[ .\-]{{0,2}}[A-Za-z0-9]){{7,30}}))")
_DIGITS_ONLY: Final = {
    "AE", "AT", "BA", "BE", "CZ", "DE", "DK", "EE", "ES", "FI", "FO", "GL", "HR", "HU", "IS", "IL", "LT", "ME", "NO", "PL",
    "PT", "RS", "SE", "SI", "SK",
}  # fmt: skip
_LETTERS: Final = {ord(letter): str(10 + place) for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}


def ibans(text: str) -> Iterator[Span]:
    """Yield bank accounts of a country that has them, of its length and with a right checksum (ISO 13616)."""
    end = 0
    for found in _IBAN.finditer(text):
        account = found[1].translate(_KEEP_DIGITS).upper()
        length = _IBAN_LENGTHS.get(account[:2], 0)
        if not length or len(account) < length or found.start() < end:
            continue
        account = account[:length]
        if account[:2] in _DIGITS_ONLY and not account[4:].isdecimal():
            continue
        if int((account[4:] + account[:4]).translate(_LETTERS)) % 97 == 1:
            at = found.start()
            for _ in range(length):
                while not text[at].isalnum():
                    at += 1
                at += 1
            if not text[at : at + 1].isalnum():
                end = at
                yield found.start(), at


# ---------------------------------------------------------------- telephones

PHONE_SCREEN: Final = rf"[0-9](?:[()]?{_GAP}{{0,4}}[()]?[0-9]){{5}}"
_NOT_BEFORE: Final = r"(?<![\w+#€$£@=])(?<!\d[.,:])(?<!\w[/\-])(?<!\d )"  # inside another number, id, amount, date or address
_RUN: Final = re.compile(rf"[+(]{{0,2}}\d(?:[()\d]|{_GAP}){{4,}}\d")
_EXTENSION: Final = re.compile(r"(?i)[ ,]{0,2}(?:x|ext|extension|poste|dw)[ .]{0,2}\d{1,6}(?!\w)")
_STEP: Final = rf"(?:[()]?{_GAP}{{0,4}}[()]?\d)"
_WORLD: Final = re.compile(rf"(?<![\w+])(?<!\d[ .\-])\(?(?:\+|00){_GAP}?\(?[1-9]{_STEP}{{6,14}}(?!\d)")
_AT_HOME: Final = re.compile(
    rf"{_NOT_BEFORE}(?:"
    rf"\(?0[1-9]{_STEP}{{7,12}}"  # Europe: a 0 before the area
    rf"|(?:1{_GAP})?(?:\([2-9]\d\d\) {{0,2}}|[2-9]\d\d[ .\-]{{1,2}})[2-9]\d\d[ .\-]\d{{4}}"  # North America
    r"|[6789]\d\d(?:[ \-]{1,2}\d{3}){2}|[6789]\d\d(?:[ \-.]{1,2}\d\d){3}|[89]\d[ \-.]{1,2}\d{3}(?:[ \-.]\d\d){2}"  # Spain
    r")(?!\d|[.,:]\d|[^\W\dxe])"
)
_NUMBER: Final = re.compile(rf"(?<![\w#€$£@.,:])\+?\(?\d{_STEP}{{5,14}}(?!\d)")
_SAID_BEFORE: Final = re.compile(
    r"(?i)(?<![^\W_])(?:tel(?:ephone|efon\w*|[eé]fono|\.)?|t[eé]l(?:[eé]phone|\.)?|t|phone|ph|fon|mobile?|m[oó]vil|cell?(?:ular)?"
    r"|handy\w*|portable|call(?:ing|ed)?|ring|reach|text|sms|fax|whats ?app|signal|anruf\w*|(?:zu)?rückruf\w*|ruf\w*|erreich\w*"
    r"|durchwahl|appel\w*|rappel\w*|joindre|joignable|ll[aá]m\w*|dial|hotline|contact)(?![^\W_])[^\d\n]{0,28}$"
)
_NO_PHONE: Final = re.compile(
    r"(?:\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2}|\d{1,2}[.\-/ ]\d{1,2}[.\-/ ](?:19|20)\d\d|\d{1,2}[.\-/]\d{1,2}[.\-/]\d\d"  # a date
    r"|(?:19|20)\d\d[01]\d[0-3]\d|\d\d[.:]\d\d ?[-\u2013] ?\d\d[.:]\d\d"  # a date in one, from when to when
    r"|\d+(?:\.\d+){0,3}\.\d(?:\.\d+){0,3})(?!\d|[.\-/]\d)"  # a version: a single digit between points
)
_OF: Final = (
    r"ticket|order|invoice|case|account|contract|serial|article|part|sku|version|build|error|code|port|pid|request|client|customer"
    r"|bestell\w*|rechnung\w*|auftrag\w*|vertrag\w*|kunden\w*|pedido|factura|contrato|cliente|commande|facture|contrat|dossier"
)
_ID_BEFORE: Final = re.compile(
    rf"(?i)(?:#|\b(?:(?:{_OF})(?: (?:number|no|nr|id|n[uú]mero))?|no|nr|n°|ids?|ref|\w+(?:number|nummer)"
    r"|n[uú]m(?:ero|éro)? (?:de|du) (?!t|m[oó])\w+)\b)[\s.:#°º=]*(?:is |ist |es |est )?$"
)
_OF_PHONE: Final = re.compile(r"(?i)phone|t[eé]l|mobil|handy|m[oó]vil|portable|fax|\bcell|rufn|durchwahl")
_MONEY_AFTER: Final = re.compile(
    r"\s?(?:€|\$|£|%|eur\b|usd\b|gbp\b|chf\b|euros?\b|dollars?\b|ms\b|kb\b|mb\b|gb\b|bytes\b)", re.I
)


def phones(text: str) -> Iterator[Span]:
    """Yield telephone numbers: of the world (+49, 0049), as written in Europe and North America, or any that is called one."""
    for run in _RUN.finditer(text):
        if _NO_PHONE.fullmatch(text, *run.span()):
            continue
        at, to = run.start(), run.end() + 2  # what follows may say that it is none
        for found in _NUMBER.finditer(text, at, to):
            said = _SAID_BEFORE.search(text, max(0, found.start() - 44), found.start())
            if said and not _other_number(said[0]) and _may_be_phone(text, *found.span()):
                yield _with_extension(text, *found.span())
        for found in _WORLD.finditer(text, at, to):
            if not _ID_BEFORE.search(text, max(0, found.start() - 24), found.start()):
                yield _with_extension(text, *found.span())
        for found in _AT_HOME.finditer(text, at, to):
            start, end = found.span()
            digits = sum(map(str.isdigit, found[0]))
            if digits < 9 or digits == end - start == 9 or _ID_BEFORE.search(text, max(0, start - 24), start):
                continue
            if _may_be_phone(text, start, end):
                yield _with_extension(text, start, end)


def _with_extension(text: str, start: int, end: int) -> Span:
    more = _EXTENSION.match(text, end)
    return start, end if more is None else more.end()


def _may_be_phone(text: str, start: int, end: int) -> bool:
    """Whether a number is neither date, time, version nor amount."""
    return not (_NO_PHONE.match(text, start) or _MONEY_AFTER.match(text, end))


def _other_number(words: str) -> bool:
    """Whether the words from `call` to a number say that the number is of something else, such as a ticket."""
    found = _ID_BEFORE.search(words)
    return found is not None and not _OF_PHONE.search(words, max(0, found.start() - 10))
