"""A small world of messages that every test here can check by eye."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from workbench.tables import Dataset, SoftLabels

SPAM = ["win a free prize", "free money now", "claim your prize now", "cheap pills, free shipping", "you won cash!"]
HAM = [
    "see you at lunch",
    "are you home yet?",
    "the meeting is at noon",
    "thanks for the lovely evening",
    "call me when you can",
]


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    """Return what builds a dataset of texts, of other columns, and of gold by class index."""

    def make(texts: list[str] | None = None, gold: list[int] | None = None, **columns: list[object]) -> Dataset:
        frame = pd.DataFrame(columns if texts is None else {"text": texts, **columns})
        frame.index = pd.Index([f"r{i}" for i in range(len(frame))])
        labels = None if gold is None else pd.Series(gold, index=frame.index)
        return Dataset(frame, ("ham", "spam"), () if texts is None else ("text",), gold=labels)

    return make


@pytest.fixture(scope="session")
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Return 240 messages: each of the ten 24 times, a number at its end."""
    texts = [f"{text} {copy}" for copy in range(24) for text in (*SPAM, *HAM)]
    return make_dataset(texts, ([1] * len(SPAM) + [0] * len(HAM)) * 24)


@pytest.fixture(scope="session")
def soft(dataset: Dataset) -> SoftLabels:
    """Return soft labels that lean towards gold at .8, every seventh row uncovered."""
    probs = np.full((len(dataset), 2), 0.2)
    probs[np.arange(len(dataset)), dataset.gold] = 0.8
    return SoftLabels(dataset.ids, dataset.labels, probs, np.arange(len(dataset)) % 7 != 6)
