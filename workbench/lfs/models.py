"""What model functions share: scores by class, and a threshold below which they abstain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.lfs.chunk import Chunk
from workbench.lfs.function import About, LabelingFunction, caller_place
from workbench.lfs.votes import Fault, Outputs, resolve_label
from workbench.tables import ABSTAIN, WorkbenchError, tied_classes

Label = str | int
Score = Callable[[Chunk], NDArray[Any]]  # one row a row of the chunk, one column a class


class Model(LabelingFunction):
    """Votes the class with the highest score; abstains below a threshold and where the best classes tie.

    classes: the task's class (name, index, or ABSTAIN) that each column of the scores stands for; columns of one class are
    added up. settings: `threshold`, optionally `margin` (how far the best must lie above the second), and all else that decides
    the scores.
    """

    def __init__(
        self, kind: str, score: Score, classes: Sequence[Label], settings: Mapping[str, Any], **about: Unpack[About]
    ) -> None:
        about.setdefault("labels", tuple(dict.fromkeys(label for label in classes if label != ABSTAIN)))
        super().__init__(caller_place(2), kind, **about)
        self.kind, self.score, self.targets, self.settings = kind, score, tuple(classes), dict(settings)

    @property
    def content(self) -> tuple[Any, ...]:
        """Classes and settings."""
        return self.targets, self.settings

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Score all rows at once and choose."""
        targets = [label if label == ABSTAIN else resolve_label(label, chunk.labels) for label in self.targets]
        scores = self.score(chunk)
        if scores.shape != (len(chunk), len(targets)):
            raise WorkbenchError(f"the scores have shape {scores.shape} for {len(chunk)} rows and {len(targets)} classes")
        return likeliest(scores, targets, self.settings["threshold"], self.settings.get("margin", 0.0)), []


def likeliest(scores: NDArray[Any], targets: Sequence[int], threshold: float, margin: float = 0.0) -> NDArray[np.int64]:
    """int64[n]: the class with the highest score, -1 below the threshold, below the margin to the second, or in a tie.

    targets: the class index, or -1, of each column; columns of one class are added up.

    >>> likeliest(np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]), [0, 1], threshold=0.5, margin=0.3).tolist()
    [0, -1, -1]
    """
    classes = sorted(set(targets))
    sums = np.stack([scores[:, np.equal(targets, c)].sum(axis=1) for c in classes], axis=1).astype(float)
    best = sums.max(axis=1)
    second = np.sort(sums, axis=1)[:, -2] if len(classes) > 1 else np.full(len(sums), -np.inf)
    # 1e-9: a sum such as 0.1 + 0.6 falls a little short of a threshold of 0.7
    sure = (best >= threshold - 1e-9) & (best - second >= margin - 1e-9) & (tied_classes(sums).sum(axis=1) == 1)
    return np.where(sure, np.array(classes)[sums.argmax(axis=1)], ABSTAIN)


def map_classes(own: Sequence[Any], classes: Mapping[Any, Label] | Sequence[Label] | None, what: str) -> list[Label]:
    """Return the task's class of each of a model's own classes, as a map or a list in the model's order tells.

    Without either the model's classes are the task's names or indexes.
    """
    if classes is None:
        mapped = list(own)
    elif isinstance(classes, Mapping):
        for name in classes:
            if name not in own:
                near = did_you_mean(name, [str(c) for c in own])
                raise WorkbenchError(f"classes names {name!r}, which {what} does not know; its classes are {listed(own)}{near}")
        mapped = [classes.get(name, name) for name in own]
    elif len(classes) != len(own):
        raise WorkbenchError(f"classes has {len(classes)} entries, and {what} has {len(own)} classes: {listed(own)}")
    else:
        mapped = list(classes)
    for name, label in zip(own, mapped, strict=True):
        if isinstance(label, bool) or not isinstance(label, (str, int)):
            raise WorkbenchError(
                f"{what} has the class {name!r}, which is neither a class name nor a class index; pass "
                f"classes={{{name!r}: 'the label it stands for', ...}}, or ABSTAIN where the task has none"
            )
    return mapped


def check_share(value: Any, name: str) -> float:
    """Return a threshold or margin; it lies from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise WorkbenchError(f"{name} is {value!r}; give a number from 0 to 1")
    return float(value)
