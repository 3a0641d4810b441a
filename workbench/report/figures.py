"""How figures and times stand in a report."""

from __future__ import annotations

from datetime import datetime

_NARROW = "\N{NO-BREAK SPACE}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as it is read.

    >>> percent(0.1953).replace("\N{NO-BREAK SPACE}", " ")
    '19.5 %'
    """
    return f"{100 * share:.{digits}f}{_NARROW}%".replace("-", "\N{MINUS SIGN}")


def thousandth(share: float) -> str:
    """Return a share as rows in 1,000, with one digit behind the point where they are few.

    >>> thousandth(0.2114), thousandth(0.0042), thousandth(0.00009), thousandth(0)
    ('211', '4.2', 'under 0.1', '0')
    """
    rows = 1000 * share
    if rows == 0:
        return "0"
    if 0 < rows < 0.1:
        return "under 0.1"
    return f"{rows:,.0f}" if rows >= 9.95 else f"{rows:.1f}".removesuffix(".0")


def points_moved(change: float) -> str:
    """Return a change of a share in points.

    >>> points_moved(-0.0123) == "\N{MINUS SIGN}1.2"
    True
    """
    return f"{100 * change:+.1f}".replace("-", "\N{MINUS SIGN}")


def day(moment: str) -> str:
    """Return the day of an ISO time.

    >>> day("2026-11-03T06:36:55+00:00")
    '3 November 2026'
    """
    then = datetime.fromisoformat(moment)
    return f"{then.day} {then:%B} {then.year}"


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def magnitude(n: int) -> str:
    """Return of which size a number is, where its digits would say more than is known.

    >>> magnitude(60), magnitude(480), magnitude(4900)
    ('tens of', 'hundreds of', 'thousands of')
    """
    return "tens of" if n < 100 else "hundreds of" if n < 1000 else "thousands of"
