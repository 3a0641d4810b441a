"""Which words of a text drive the end model's answer: how much less likely it gets when one is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.tables import Dataset

MOST: Final = 200  # different words of a row that are left out in turn
_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")
_LEAST: Final = 1e-12  # probability, for its logarithm


def driving_words(model: Any, row: Dataset) -> dict[str, Any]:
    """Return what each word of a row does for the class that the model answers: {label, drops, left}.

    Occlusion: drops has by word, in small letters, the log probability of the class less that without the word, wherever it
    stands in the text; above 0 it speaks for the class, below against it. The model is asked once about all texts. left: how
    many words are not tried, as only the first 200 are. Two words that say the same each seem to do little.
    """
    words = list(dict.fromkeys(word for name in row.text for word in _words(row.frame[name].iloc[0])))
    tried = words[:MOST]
    copies = row.frame.iloc[np.zeros(len(tried) + 1, np.intp)]
    columns = {
        name: [row.frame[name].iloc[0], *(_without(row.frame[name].iloc[0], word) for word in tried)] for name in row.text
    }
    copies = copies.set_axis(pd.RangeIndex(len(copies)).astype("str"), axis=0).assign(**columns)
    soft = model.predict_proba(Dataset(copies, row.labels, row.text))
    best = int(soft.probs[0].argmax())
    logs = np.log(np.maximum(soft.probs[:, best], _LEAST))
    return {
        "label": soft.labels[best],
        "drops": dict(zip(tried, (logs[0] - logs[1:]).tolist(), strict=True)),
        "left": len(words) - len(tried),
    }


def pieces(text: str, drops: Mapping[str, float]) -> list[tuple[str, float | None]]:
    """Return a text in pieces, in order: each word that was left out with its drop, what stands between with None."""
    found: list[tuple[str, float | None]] = []
    end = 0
    for match in _WORD.finditer(text):
        if match.group().casefold() in drops:
            found += [(text[end : match.start()], None), (match.group(), drops[match.group().casefold()])]
            end = match.end()
    return [piece for piece in [*found, (text[end:], None)] if piece[0]]


def _words(text: str) -> list[str]:
    return [match.group().casefold() for match in _WORD.finditer(text)]


def _without(text: str, word: str) -> str:
    left = _WORD.sub(lambda match: "" if match.group().casefold() == word else match.group(), text)
    return re.sub(r"[ \t]{2,}", " ", left).strip()
