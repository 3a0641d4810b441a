"""A pretrained encoder that soft labels tune, as one more view of a text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.examples import Examples, History, Progress, Recipe
from workbench.end_model.inputs import Arrays, Inputs, State
from workbench.end_model.tuning import tune
from workbench.end_model.words import LENGTH
from workbench.tables import Dataset
from workbench.text.pretrained import Pretrained

PREFIX: Final = "transformer:"


class Transformer:
    """The vector that a pretrained encoder gives a text, at half its length; `tune` fits the encoder to labels."""

    def __init__(self, encoder: str, network: Pretrained) -> None:
        self.encoder, self._network = encoder, network

    @classmethod
    def fit(cls, encoder: str) -> Self:
        """Load the encoder as it is; raises WorkbenchError where it is not on this machine."""
        return cls(encoder, Pretrained.load(encoder))

    def tune(
        self, texts: list[str], examples: Examples, recipe: Recipe, report: Progress, kept: Checkpoint, stage: str
    ) -> History:
        """Fit the encoder, in place, to the labels and weights of texts; the examples need no inputs."""

        def told(done: int, total: int, text: str) -> None:
            report(done, total, f"tuning {Path(self.encoder).name}, {text}")

        return tune(self._network, texts, examples, recipe, told, kept, stage)

    def transform(self, dataset: Dataset) -> Inputs:
        """Return one dense column a dimension."""
        return Inputs.of(len(dataset), dense=self._network.encode(dataset.texts()) * np.float32(LENGTH))

    def state(self) -> tuple[State, Arrays]:
        """Return the encoder's name, configuration and tokenizer, and its weights."""
        state, weights = self._network.state()
        return {"block": "transformer", "encoder": self.encoder, **state}, weights

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from what `state` gave."""
        return cls(state["encoder"], Pretrained.from_state(state, arrays))
