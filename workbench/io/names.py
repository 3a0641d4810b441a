"""Names and texts of the user's, as sentences to the user show them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the known name nearest to `name`, or nothing where none is near.

    >>> did_you_mean("Lable", ["text", "label"])
    "; did you mean 'label'?"
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[near[0]]!r}?" if near else ""


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Return names in quotes, joined by commas, the tail of a long list as a count.

    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    every = [repr(name) for name in names]
    rest = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + rest


def shortened(text: str, length: int = 200) -> str:
    """Return a text of at most so many characters, cut where it is longer.

    >>> shortened("a long story", 9)
    'a long...'
    """
    return text if len(text) <= length else f"{text[: length - 3]}..."


def capitalised(text: str) -> str:
    """Return a text as a sentence begins: only its first letter changes.

    >>> capitalised("no PIN, no door"), capitalised("")
    ('No PIN, no door', '')
    """
    return text[:1].upper() + text[1:]


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Return distinct names, whole numbers by value and then the others by spelling.

    >>> in_natural_order(["10", "spam", "9", "ham"])
    ['9', '10', 'ham', 'spam']
    """
    return sorted(set(names), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
