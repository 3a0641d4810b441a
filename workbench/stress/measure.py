"""What the end model makes of a suite: how often it is right, what it answers by itself, and how often both go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stats import wilson_interval
from workbench.stats.paired import worst_drop
from workbench.stress.contract import LABEL, REVIEW, SAME, Ask, Asked, Expected, NotLower, Suite
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

_WORST: Final = 10  # rows that are shown of a suite
#: What every suite tells, None where it does not apply.
FIGURES: Final = (
    "n", "accuracy", "interval", "answered", "wrong_confident", "wrong_confident_interval", "of", "change", "broken",
    "broken_interval", "reason", "rows",
)  # fmt: skip
_SHARES: Final = ("accuracy", "interval", "answered", "wrong_confident", "wrong_confident_interval")
UNCHANGED: Final = "the same rows unchanged"


@dataclass(frozen=True, eq=False)
class Held:
    """Held-out rows of one split, all with gold or all without, and what the model says of them as they are."""

    rows: Dataset
    asked: Asked

    @property
    def split(self) -> str:
        return str(self.rows.split.iloc[0])


@dataclass(frozen=True, eq=False)
class Looked:
    """The rows of a suite that count, what the model says of them, and before: of the same rows where these changed."""

    rows: Dataset
    asked: Asked
    before: Asked | None
    changed: bool
    expect: Expected


def look(suite: Suite, held: Held, ask: Ask) -> Looked:
    """Make a suite's rows of held-out ones, and ask about those that differ from what the model was asked about already.

    Raises WorkbenchError where the suite gives back rows with other labels, or expects what cannot be told of new rows.
    """
    given = suite.make(held.rows)
    made, expect = given if isinstance(given, tuple) else (given, suite.expect)
    if made.labels != held.rows.labels or made.text != held.rows.text:
        raise WorkbenchError(f"suite {suite.name!r} returns rows with other labels or text columns; change cells, gold or rows")
    at = held.rows.ids.get_indexer(made.ids)
    known = at >= 0
    same = known & (made.row_hashes == held.rows.row_hashes[at])
    if same.all():
        return Looked(made, held.asked.take(at), None, changed=False, expect=expect)
    made, at, known = made.take(~same), at[~same], known[~same]
    if expect not in (LABEL, REVIEW) and not known.all():
        strange = made.ids[~known][0]
        raise WorkbenchError(
            f"suite {suite.name!r} compares each row with itself before, and returns the new id {strange!r}; keep ids"
        )
    return Looked(made, ask(made), held.asked.take(at) if known.all() else None, changed=True, expect=expect)


def not_run(name: str, kind: str, reason: str) -> dict[str, Any]:
    """Return what stands in the place of what a suite finds where it was not run, and why."""
    empty: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "about": "",
        "expects": LABEL,
        **dict.fromkeys(FIGURES),
        "worst": [],
        "changed": {},
    }
    return empty | {"n": 0, "reason": reason}


def figures(asked: Asked, right: NDArray[np.float64] | None, scored: bool = True) -> dict[str, Any]:
    """Return n, accuracy, answered, wrong_confident (answered and wrong, of all rows) and the 95 % Wilson intervals.

    right: 1 or 0 a row, None where nobody knows. scored: whether accuracy says something.
    """
    n = len(asked.answered)
    found: dict[str, Any] = {"n": n, **dict.fromkeys(_SHARES)}
    if not n:
        return found
    found["answered"] = float(asked.answered.mean())
    if right is not None:
        wrong = asked.answered & (right < 1)
        found |= {"wrong_confident": float(wrong.mean()), "wrong_confident_interval": share_interval(int(wrong.sum()), n)}
        if scored:
            found |= {"accuracy": float(right.mean()), "interval": share_interval(float(right.sum()), n)}
    return found


def share_interval(hits: float, n: int) -> list[float]:
    """Return the 95 % Wilson interval of a share."""
    low, high = wilson_interval(hits, n)
    return [float(low), float(high)]


def measured(suite: Suite, held: Held, shown: Held | None, ask: Ask) -> dict[str, Any]:
    """Return what a suite finds: name, kind, about, expects, rows, figures, of, change, broken, worst, changed and reason.

    shown: the rows of valid, of which people may see the worst. of: the figures of the same rows unchanged, or of all held-out
    rows, and in words which (`what`). change: how much accuracy, and its 95 % interval, paired by row, where rows were changed.
    broken: the share of rows that are not as expected, where that is something else than gold. reason: why there is nothing.
    rows: the fingerprint of those that were asked about.
    """
    looked = look(suite, held, ask)
    found: dict[str, Any] = {"name": suite.name, "kind": suite.kind, "about": suite.about, "expects": _in_words(looked.expect)}
    right = _right(looked)
    scored = looked.expect != REVIEW
    found |= figures(looked.asked, right, scored)
    found = {**dict.fromkeys(FIGURES), **found, "rows": looked.rows.fingerprint, "worst": [], "changed": {}}
    if not found["n"]:
        return not_run(suite.name, suite.kind, f"it has no row in {held.split}")
    before = None if looked.before is None or right is None else _right(looked, looked.before)
    if looked.before is not None:
        found["of"] = {"what": UNCHANGED, **figures(looked.before, before)}
    else:
        found["of"] = {"what": f"all rows of {held.split}", **figures(held.asked, right_by_gold(held.rows, held.asked))}
    if right is not None and before is not None and scored:
        found["change"] = paired_change(right, before)
    broken = _broken(looked)
    if broken is not None:
        found |= {"broken": float(broken.mean()), "broken_interval": share_interval(int(broken.sum()), found["n"])}
    if shown is not None:
        found |= _worst(looked if shown is held else look(suite, shown, ask))
    return found


def _in_words(expect: Expected) -> str:
    return f"{expect.label} not lower by more than {expect.by:g}" if isinstance(expect, NotLower) else expect


def right_by_gold(rows: Dataset, asked: Asked) -> NDArray[np.float64] | None:
    """float64[n]: which answers are the gold, None where a row has none."""
    if rows.gold is None or not len(rows) or (rows.gold == ABSTAIN).any():
        return None
    return np.asarray(asked.soft.probs.argmax(axis=1) == rows.gold.to_numpy(), np.float64)


def _right(looked: Looked, asked: Asked | None = None) -> NDArray[np.float64] | None:
    """float64[n]: which answers are right, None where nobody can say: a sentence of a class may have changed the class."""
    if looked.expect == REVIEW:
        return np.zeros(len(looked.rows))
    return None if isinstance(looked.expect, NotLower) else right_by_gold(looked.rows, asked or looked.asked)


def _broken(looked: Looked) -> NDArray[np.bool_] | None:
    """bool[n]: rows on which the model does not do what is expected of it, None where that is its gold."""
    if looked.expect == REVIEW:
        return looked.asked.answered
    if looked.expect == LABEL or looked.before is None:
        return None
    if looked.expect == SAME:
        return np.asarray(looked.asked.soft.probs.argmax(axis=1) != looked.before.soft.probs.argmax(axis=1))
    fell = _fall(looked)
    return None if fell is None else np.asarray(fell > getattr(looked.expect, "by", 0.0))


def _fall(looked: Looked) -> NDArray[np.float64] | None:
    """float64[n]: how far the probability of the class fell that was spoken for."""
    if not isinstance(looked.expect, NotLower) or looked.before is None:
        return None
    place = looked.rows.labels.index(looked.expect.label)
    return np.asarray(looked.before.soft.probs[:, place] - looked.asked.soft.probs[:, place])


def paired_change(right: NDArray[np.float64], before: NDArray[np.float64]) -> dict[str, Any]:
    """Return how much more often rows are right than before, and Tango's 95 % interval, paired by row."""
    lost, won, n = int((before > right).sum()), int((right > before).sum()), len(right)
    return {"accuracy": (won - lost) / n, "interval": [-worst_drop(lost, won, n), worst_drop(won, lost, n)]}


def _worst(looked: Looked) -> dict[str, Any]:
    """Return the ids of the worst rows, the surest first, and their texts where the suite has made these.

    Wrong answers that were right before the change come first; where an expectation is broken, that is what is wrong.
    """
    right, broken = _right(looked), _broken(looked)
    wrong = broken if broken is not None else None if right is None else right < 1
    if wrong is None or not len(looked.rows):
        return {}
    before = None if looked.before is None else _right(looked, looked.before)
    fell = _fall(looked)
    table = pd.DataFrame({"sure": looked.asked.soft.probs.max(axis=1) if fell is None else fell}, index=looked.rows.ids)
    table["newly"] = 0.0 if before is None else before
    table["answered"] = looked.asked.answered
    worst = table[wrong].sort_values(["answered", "newly", "sure"], ascending=False, kind="stable").index[:_WORST]
    texts = pd.Series(looked.rows.texts(), index=looked.rows.ids)
    return {"worst": worst.tolist(), "changed": texts[worst].to_dict() if looked.changed else {}}
