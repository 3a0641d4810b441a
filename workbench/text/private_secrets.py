"""What opens doors: keys and tokens, and passwords that somebody wrote down.

Keys are known by how their makers begin them, or by looking random behind a word such as `token`; passwords by the word before
them. A pattern begins only where no character before it could belong to the same token, so that each is gone over once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

Span = tuple[int, int]

# ---------------------------------------------------------------- keys and tokens

#: RE2, for all texts at once: only those with such a place are read by Python.
KEY_SCREEN: Final = r"[A-Za-z0-9_+/=.\-]{16}|-----BEGIN|(?i)(?:key|token|secret|clé|jeton|schlüssel|clave|llave)\W{0,3}[:=]"
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s{0,4}[A-Za-z-]{4,20}: [^\n]{0,80}\n){0,3}[A-Za-z0-9+/=\\\s]*"
    r"(?:-----END [A-Z0-9 ]{0,40}-----)?"
)
_KNOWN: Final = re.compile(
    r"(?<![A-Za-z0-9_\-])(?:"
    r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}"  # Stripe
    r"|(?:AKIA|ASIA|AGPA|AROA|AIDA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"  # Slack
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|sk-(?:ant-|proj-)?[\w-]{20,}|hf_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}"  # model providers
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}|(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])"  # SendGrid, Mailgun, Twilio
    r"|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dop_v1_[a-f0-9]{32,}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{24,}|EAA[A-Za-z0-9]{40,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # a JSON web token (RFC 7519)
    r")"
)
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_+/.\-])[A-Za-z0-9_+/.\-]{10,}={0,2}")
_KEY_WORD: Final = re.compile(
    r"(?i)(?<![^\W_])(?:\w*keys?|\w*tokens?|\w*secrets?|bearer|authori[sz]ation|auth|basic|credentials?|signature|webhook|api"
    r"|cl[eé]s?|jetons?|\w*schlüssel|zugangsdaten|clave|llave|credenciales|identifiants)(?![^\W_])"
)
_NEAR: Final = 48  # characters before a token in which a word may say what it is
_READ: Final = 512  # characters of a token, by which it looks random or not
_LONG: Final = 16  # a token; a shorter one needs `:` or `=` before it
_CHANGES: Final = 4  # between small letters, capitals and digits: words and names have fewer
_BITS: Final = 2.8  # a character; 16 random hexadecimal ones have about 3.3, a repeated word about 2.5


def keys(text: str) -> Iterator[Span]:
    """Yield private keys in PEM, tokens that begin as their makers begin them, and random ones behind a word that says so."""
    for found in _PEM.finditer(text):
        start, end = found.span()
        yield start, start + len(text[start:end].rstrip(" \t\r\n.\\"))
    for found in _TOKEN.finditer(text):
        token = found[0].rstrip(".-/")
        start, end = found.start(), found.start() + len(token)
        known = [(start + one.start(), start + one.end()) for one in _KNOWN.finditer(token)]
        yield from known
        if not known and _is_random(token[:_READ]):
            named = [word.end() for word in _KEY_WORD.finditer(text, max(0, start - _NEAR), start)]
            if named and (len(token) >= _LONG or re.fullmatch(r"\W*[:=]\W*", text[named[-1] : start])):
                yield start, end


def _is_random(token: str) -> bool:
    """Whether a token changes between letters, capitals and digits as chance does, in many different characters."""
    kinds = ["0" if sign.isdigit() else "A" if sign.isupper() else "a" for sign in token if sign.isalnum()]
    if "0" not in kinds or set(kinds) == {"0"} or sum(a != b for a, b in pairwise(kinds)) < _CHANGES:
        return False
    counts = Counter(token)
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts.values()) >= _BITS


# ---------------------------------------------------------------- passwords

PASSWORD_SCREEN: Final = (
    r"(?i)pa(?:s+|ß)[ -]?(?:w|code|phrase)|kennw|\bpwd?\b|\bpin\b|\bpuk\b|contrase|\bclave\b|mots? de pass|\bmdp\b"
)
_WORD: Final = (
    r"(?:pa(?:s{1,2}|ß) ?-?w(?:or|ro|r|o)[dt]s?|passwd|passcode|passphrase|pwd?|kennw(?:or|ro)t|contrase(?:ñ|n|nn?i)as?"
    r"|clave|mots? de pass?e?|mdp|pin(?:[ -]?(?:code|nummer))?|puk)"
)
_IS: Final = r"(?:is|was|are|will be|ist|war|heißt|heisst|wäre|es|era|est|était|c'est|serait|to|auf|zu|a|à)"
_PASSWORD: Final = re.compile(
    rf"(?i)(?<![^\W_]){_WORD}(?![^\W_])['\"”»)]{{0,2}}"
    rf"(?:[ ]{{1,2}}[^\s:=.,;!?'\"]{{1,16}}){{0,4}}?"
    rf"(?:(?P<sign>[ \t]{{0,3}}(?:[:=]|->|→|=>)+\s{{0,3}}|[ ]{{1,2}}lautet[ :]{{1,3}})"
    rf"|[ ]{{1,2}}{_IS}(?:[ ]{{1,2}}(?:still|now|jetzt|noch|ahora|just))?[ :]{{1,3}}"
    rf"|(?P<bare>[ ]{{1,2}}(?=['\"“„«]|[^\s]{{0,40}}[\d#$%&*+^~])))"
    r"(?P<open>['\"“„«`*<(]{0,2})(?P<value>(?!\[)[^\s'\"“”„«»`<>]{3,64})"
)
_CLOSES: Final = re.compile(r"['\"”“»`*>)]{0,2}[ \t]*[.,;!?]?[ \t]*(?:$|[\r\n])")
_NO_SECRET: Final = re.compile(
    r"(?i)(?:https?:|www\.|the|der|die|das|el|la|le|les|un|une|ein|eine|not|nicht|no|pas|never|nie|wrong|falsch|incorrect\w*|invalid\w*"
    r"|inv[aá]lid\w*|ung[uü]ltig\w*|expired|abgelaufen|caducad\w*|expir\w*|forgotten|vergessen|olvid\w*|oubli\w*|reset\w*|change\w*"
    r"|[€$£]\d[\d.,]*|\d+[.,]\d\d[€$£]?|required|missing|correct\w*|richtig|accept\w*|reject\w*|help|hilfe|ayuda|aide|please|bitte|unknown|unbekannt|\*+|\.+|x+)\W*$"
)


def passwords(text: str) -> Iterator[Span]:
    """Yield what stands behind a word for a password and `is`, `:` or `=`, where it looks like one or ends its line."""
    for found in _PASSWORD.finditer(text):
        start, end = found.span("value")
        value = found["value"].rstrip(".,;:)?*")
        end = start + len(value)
        if len(value) < 3 or _NO_SECRET.match(value):
            continue
        quoted = bool(found["open"])
        alone = found["sign"] is not None and len(value) > 3 and _CLOSES.match(text, end) is not None
        if found["bare"] and len(value) < (6 if value.isdecimal() else 5):
            continue  # nothing but its place says that it is the password
        if _looks_secret(value) or quoted or alone:
            yield start, end


def _looks_secret(value: str) -> bool:
    """Whether a word has what words have not: digits, a capital behind a small letter, or a sign inside."""
    mixed = any(a.islower() and b.isupper() for a, b in pairwise(value))
    signs = re.search(r"[^\W_][^\w\s'’.,\-/][^\W_]|[!#$%&*+^~]$|^[!#$%&*+^~]", value) is not None
    return any(map(str.isdigit, value)) or mixed or signs
