"""What in a text is private by its form: found, counted, and put behind marks such as [e-mail].

Names, postal addresses and what somebody tells of themselves have no form, and are not found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.text import private_numbers as numbers
from workbench.text import private_secrets as secrets

Span = tuple[int, int]


class _Kind(NamedTuple):
    """A kind of private thing: what its mark says, RE2 that texts without one rarely match, and where it stands in a text."""

    name: str
    screen: str
    find: Callable[[str], Iterator[Span]]


# ---------------------------------------------------------------- e-mail addresses

_AT: Final = re.compile(r"(?<=[\w.+%'\- ])@(?=[\w ])")
_LOCAL: Final = re.compile(r" ?[\w.+%'\-]{1,64}")  # read backwards, from the @ on
_HOST: Final = re.compile(r" ?(?:[\w\-]{1,63}[.,]){1,6}[\w\-]{2,63}")  # a comma for a point is a common slip
_LETTER: Final = re.compile(r"[^\W\d_]")
_SURE_HOST: Final = re.compile(r"[\w.\-]+\.[^\W\d_]{2,8}$")
_SPELT: Final = re.compile(  # bob [at] corp [dot] example, bob at corp dot com; but not "look at some point"
    r"(?i)(?<![\w.+\-])[\w.+\-']{1,64}(?: ?[\[({<] ?(?:at|ät|arroba|arobase|@) ?[\])}>] ?[\w\-]{1,63}"
    r"(?: ?[\[({<] ?(?:dot|punkt|punto|point|\.) ?[\])}>] ?[\w\-]{2,24}|\.[\w\-]{2,24}){1,4}"
    r"| (?:at|ät|arroba|arobase) [\w\-]{1,63}(?: (?:dot|punkt|punto|point) [\w\-]{1,24}){0,3}"
    r" (?:dot|punkt|punto|point) (?:com|net|org|io|info|edu|example|eu|uk|de|es|fr|ch|mx)(?!\w))"
)
_SPELT_HINT: Final = re.compile(r"(?i)[\[({<] ?(?:at|ät|arroba|arobase|@)|[tae] [\w\-]+ (?:dot|punkt|punto|point) ")


def _emails(text: str) -> Iterator[Span]:
    for found in _AT.finditer(text):
        at = found.start()
        local, host = _LOCAL.match(text[max(0, at - 65) : at][::-1]), _HOST.match(text, at + 1)
        if local and host and _LETTER.search(local[0]) and _LETTER.search(host[0]):
            apart = " " in (local[0][0], host[0][0])  # "bob @ corp.example" is one, "dinner @ eight" is none
            if not apart or _SURE_HOST.match(host[0].strip()):
                yield at - len(local[0].rstrip(".'-")), host.end()
    if _SPELT_HINT.search(text):
        yield from (found.span() for found in _SPELT.finditer(text))


# ---------------------------------------------------------------- links

_LINK: Final = re.compile(r"(?<![\w])[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^\s<>\"']+")
_WITH_SECRET: Final = re.compile(
    r"(?i)[?&;#](?:\w*token|\w*key|sig|signature|x-amz-signature|\w*secret|password|passwd|pwd|pass|code|auth|otp|session(?:_?id)?|sid"
    r"|jwt|invite|ticket)=[^&#\s]{4}|/(?:reset|verify|confirm|invite|invitation|magic|activate|unsubscribe|login)[\w\-]{0,20}/[\w\-]{16}"
)


def _links(text: str) -> Iterator[Span]:
    for found in _LINK.finditer(text):
        link = found[0].rstrip(".,;:!?)]}")
        host = re.split(r"[/?#]", link.partition("://")[2], maxsplit=1)[0]
        if "@" in host or _WITH_SECRET.search(link):
            yield found.start(), found.start() + len(link)


# ---------------------------------------------------------------- addresses of machines

_IPV4: Final = re.compile(r"(?<![\w.\-])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d|-\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:])")
_VERSION: Final = re.compile(r"(?i)(?:\bv|versi[oó]n\w*|\bver\.?|release|build|firmware|driver|treiber|update|rev\.?)\W{0,3}$")


def _machines(text: str) -> Iterator[Span]:
    """Yield addresses that name somebody's machine: not the own one (127.0.0.1), nor versions of four numbers."""
    for found in _IPV4.finditer(text):
        if _is_address(IPv4Address, found[0]) and not _VERSION.search(text, max(0, found.start() - 16), found.start()):
            yield found.span()
    for found in _IPV6.finditer(text) if "::" in text or text.count(":") > 6 else ():
        if (
            len(found[0]) > 4
            and ("::" in found[0] or found[0].count(":") == 7)
            and _is_address(IPv6Address, found[0].rstrip(":"))
        ):
            yield found.start(), found.start() + len(found[0].rstrip(":"))


def _is_address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> bool:
    try:
        address = kind(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


# ---------------------------------------------------------------- all of them

#: In the order in which they win where two claim the same place.
_KINDS: Final = (
    _Kind("link", "://", _links),
    _Kind("key", secrets.KEY_SCREEN, secrets.keys),
    _Kind("e-mail", r"@|(?i)[\[({<] ?(?:at|ät|arroba|arobase) ?[\])}>]| (?:dot|punkt|punto|point) ", _emails),
    _Kind("IBAN", numbers.IBAN_SCREEN, numbers.ibans),
    _Kind("card number", numbers.CARD_SCREEN, numbers.cards),
    _Kind("IP address", r"\d\.\d{1,3}\.\d{1,3}\.\d|::|(?:[0-9A-Fa-f]{1,4}:){5}", _machines),
    _Kind("phone number", numbers.PHONE_SCREEN, numbers.phones),
    _Kind("password", secrets.PASSWORD_SCREEN, secrets.passwords),
)
KINDS: Final = tuple(kind.name for kind in _KINDS)


def find_private(texts: Sequence[str]) -> pd.DataFrame:
    """Return one line for each private thing: row (place of its text), start, end (characters) and kind, of KINDS.

    Things that overlap are one, of the kind that stands first in KINDS. In order of row and start.
    """
    # Half a surrogate pair has no place in UTF-8; a question mark is as long.
    sound = [text if text.isascii() or _is_utf8(text) else text.encode("utf-8", "replace").decode() for text in texts]
    column = pa.array(sound, pa.large_string())
    found: dict[int, list[tuple[int, int, int]]] = {}
    for rank, kind in enumerate(_KINDS):
        for row in np.flatnonzero(pc.match_substring_regex(column, kind.screen).to_numpy(zero_copy_only=False)).tolist():
            spans = [(start, end, rank) for start, end in kind.find(sound[row])]
            if spans:
                found.setdefault(row, []).extend(spans)
    lines = [(row, *span) for row in sorted(found) for span in _apart(found[row])]
    table = pd.DataFrame(lines, columns=["row", "start", "end", "kind"]).astype("int64")
    return table.assign(kind=pd.Categorical.from_codes(table["kind"].to_numpy(np.intp), pd.Index(KINDS)))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _apart(spans: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return spans that do not overlap: those that do are joined, and the lowest rank names them."""
    joined: list[tuple[int, int, int]] = []
    for start, end, rank in sorted(spans):
        if joined and start < joined[-1][1]:
            first, last, best = joined[-1]
            joined[-1] = first, max(last, end), min(best, rank)
        else:
            joined.append((start, end, rank))
    return joined


def masked(texts: Sequence[str], found: pd.DataFrame) -> list[str]:
    """Return the texts with a mark such as [e-mail] for each thing of `find_private`.

    In one text the second address is [e-mail 2], the third [e-mail 3], and what comes again has the mark that it had.
    """
    out = list(texts)
    rows, starts, ends, kinds = (found[name].tolist() for name in ("row", "start", "end", "kind"))
    at = 0
    while at < len(rows):
        row, done, pieces = rows[at], 0, list[str]()
        known: dict[str, dict[str, int]] = {}
        while at < len(rows) and rows[at] == row:
            thing, kind = texts[row][starts[at] : ends[at]], kinds[at]
            number = known.setdefault(kind, {}).setdefault(_same(thing), len(known[kind]) + 1)
            pieces += [texts[row][done : starts[at]], f"[{kind}]" if number == 1 else f"[{kind} {number}]"]
            done, at = ends[at], at + 1
        out[row] = "".join([*pieces, texts[row][done:]])
    return out


def _same(thing: str) -> str:
    """Return what two ways to write one thing have in common: +49 30 123 and +49-30-123 are one number."""
    return re.sub(r"[\W_]+", "", thing).casefold() or thing


def redact(texts: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """Return the texts with marks in place of what is private, and how many of each kind there were.

    >>> redact(["Write to ann@corp.example or bob@corp.example, not ANN@corp.example."])
    (['Write to [e-mail] or [e-mail 2], not [e-mail].'], {'e-mail': 3})
    """
    found = find_private(texts)
    return masked(texts, found), counts(found["kind"])


def counts(kinds: Iterable[str]) -> dict[str, int]:
    """Return how many there are of each kind that occurs, in the order of KINDS."""
    n = Counter(kinds)
    return {kind: n[kind] for kind in KINDS if n[kind]}


def in_words(found: Mapping[str, int]) -> str:
    """Return counts by kind as a user reads them.

    >>> in_words({"e-mail": 2, "IBAN": 1})
    '2 e-mail addresses, 1 IBAN'
    """
    plural = {"e-mail": "e-mail addresses", "IP address": "IP addresses", "link": "links with a secret"}
    single = {"e-mail": "e-mail address", "link": "link with a secret"}
    return ", ".join(f"{n:,} {single.get(kind, kind) if n == 1 else plural.get(kind, f'{kind}s')}" for kind, n in found.items())
