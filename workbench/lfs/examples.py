"""Unit examples: the rows a function says it fires on, and those it says it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.io.names import shortened
from workbench.lfs.chunk import Chunk
from workbench.lfs.function import LabelingFunction
from workbench.lfs.votes import resolve_label
from workbench.tables import ABSTAIN, WorkbenchError


def failed_examples(function: LabelingFunction, columns: Sequence[str]) -> list[str]:
    """Run a function's unit examples and return in words those that do not hold.

    columns: the task's columns; an example that is a text stands in the function's first text column, and what an example does
    not give is missing ('' in a text column).
    """
    cases = cases_of(function)
    if not cases:
        return []
    frame = pd.DataFrame([_row(example, function, columns) for example, _, _ in cases], columns=list(columns), dtype=object)
    frame.index = pd.Index([f"example {i}" for i in range(1, len(cases) + 1)])
    votes, faults = function.votes(Chunk(frame, function.text, function.classes))
    broken = {fault.position: fault.error for fault in faults}
    labels = function.classes or ()
    found = []
    for i, (example, label, fires) in enumerate(cases):
        vote = int(votes[i])
        said = "abstained" if vote == ABSTAIN else f"voted {labels[vote] if labels else vote!r}"
        if i in broken:
            found.append(f"{function.name} failed on its example {example!r}: {shortened(broken[i])}")
        elif fires and (vote == ABSTAIN or (label is not None and vote != resolve_label(label, labels))):
            found.append(f"{function.name} {said} on {example!r}, which it says it fires on{f' with {label}' if label else ''}")
        elif not fires and vote != ABSTAIN:
            found.append(f"{function.name} {said} on {example!r}, which it says it leaves alone")
    return found


def cases_of(function: LabelingFunction) -> list[tuple[Any, str | None, bool]]:
    """Return the unit examples of a function: the example, the class it should get (None: any), and whether it fires."""
    grouped = function.fires if isinstance(function.fires, Mapping) else {None: function.fires}
    fires = [(example, label, True) for label, examples in grouped.items() for example in _listed(examples)]
    return [*fires, *((example, None, False) for example in function.abstains)]


def _listed(examples: Any) -> list[Any]:
    return [examples] if isinstance(examples, (str, Mapping)) else list(examples)


def _row(example: Any, function: LabelingFunction, columns: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: "" if name in function.text else None for name in columns}
    given = example if isinstance(example, Mapping) else {next(iter(function.text), "text"): example}
    for name in given:
        if name not in row:
            raise WorkbenchError(
                f"{function.name}: its example {example!r} names the column {name!r}; the task has {list(columns)}"
            )
    return row | dict(given)
