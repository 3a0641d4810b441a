"""Votes by example: a text goes to the class whose example texts it is most alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache as once_a_process
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from workbench.lfs.chunk import Chunk
from workbench.lfs.function import About, LabelingFunction
from workbench.lfs.models import Label, Model, check_share
from workbench.tables import WorkbenchError


def prototypes(
    examples: Mapping[Label, Sequence[str]],
    *,
    encoder: str = "static",
    threshold: float = 0.5,
    margin: float = 0.0,
    nearest: bool = False,
    column: str | None = None,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote the class whose examples a text is most alike by the cosine of their embeddings, from -1 to 1.

    Alike to the mean of a class's examples or, with `nearest`, to the nearest of them. Abstains below the threshold, or where
    the second class is nearer than `margin`. encoder: `static` (offline), `minilm`, or any that `workbench.text` knows.

    >>> vote = prototypes({0: ["refund my money"], 1: ["the app crashes on start"]}, threshold=0.4)
    >>> vote({"text": "I want my money back, a refund"}), vote({"text": "how is the weather?"})
    (0, -1)
    """
    named = {label: [texts] if isinstance(texts, str) else list(texts) for label, texts in examples.items()}
    owner: dict[str, Label] = {}
    for label, texts in named.items():
        for text in texts:
            if not isinstance(text, str) or not text.strip():
                raise WorkbenchError(f"the examples of {label!r} hold {text!r}; give non-empty texts")
            if owner.setdefault(text, label) != label:
                raise WorkbenchError(f"the example {text!r} stands under {owner[text]!r} and under {label!r}; keep it in one")
    if not named or not all(named.values()):
        raise WorkbenchError("a class of prototypes has no example; give at least one text a class")
    from workbench.text.encoders import encoder_version

    settings = {
        "examples": named,
        "encoder": (encoder, encoder_version(encoder)),
        "threshold": check_share(threshold, "threshold"),
        "margin": check_share(margin, "margin"),
        "nearest": nearest,
        "column": column,
    }

    told = tuple(map(tuple, named.values()))

    def score(chunk: Chunk) -> NDArray[Any]:
        embedded = chunk.embeddings(encoder, column)
        cosines = np.stack([(embedded @ matrix.T).max(axis=1) for matrix in _matrices(told, encoder, nearest)], axis=1)
        return np.where(embedded.any(axis=1, keepdims=True), cosines, -1.0)  # a blank text is like none

    return Model("prototypes", score, list(named), settings, **about).sharing(("embeddings", encoder, column))


@once_a_process
def _matrices(examples: tuple[tuple[str, ...], ...], encoder: str, nearest: bool) -> list[NDArray[np.float32]]:
    """Return one matrix of unit vectors a class: its examples, or their mean alone."""
    from workbench.text.encoders import encode

    every = [encode(texts, encoder) for texts in examples]
    return every if nearest else [_unit(matrix.mean(axis=0, keepdims=True)) for matrix in every]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector
