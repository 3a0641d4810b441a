"""How a p-value stands in a sentence or a table."""

from __future__ import annotations


def p_in_words(p: float) -> str:
    """Return a p-value behind its sign: none is 0, as rounding would have it.

    >>> p_in_words(0.0312), p_in_words(0.0)
    ('= 0.031', '< 0.0001')
    """
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"
