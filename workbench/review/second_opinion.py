"""What a quick model that reads the rows says of their labels: never of a row that taught it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.tables import SoftLabels

_FEATURES: Final = 10_000
_SLIGHT: Final = 0.02  # a class of less probability teaches nothing: it only costs time
_LEAST: Final = 20  # rows with labels, from which on a model is worth asking


def second_opinion(texts: Sequence[str], soft: SoftLabels, seed: int = 0) -> NDArray[np.float64] | None:
    """Return float64[n, k]: a logistic regression on words and pairs of words, taught by the other half of the covered rows.

    None where too few rows have labels, or only one class does, or the texts hold no word twice.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    fold = np.random.default_rng(seed).permutation(len(soft)) % 2
    probs = np.where((soft.probs > _SLIGHT) & soft.covered[:, None], soft.probs, 0.0)
    halves = [np.flatnonzero(soft.covered & (fold != half)) for half in (0, 1)]
    if min(map(len, halves)) < _LEAST // 2 or any((probs[half] > 0).any(axis=0).sum() < 2 for half in halves):
        return None
    counted = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=_FEATURES, dtype=np.float32)
    try:
        words = counted.fit_transform(texts)
    except ValueError:  # how scikit-learn says that no term is left
        return None
    answer = np.zeros(probs.shape)
    for half, taught in enumerate(halves):
        rows = fold == half
        if rows.any():
            model = soft_regression(words[taught], probs[taught])
            answer[np.ix_(rows, model.classes_)] = model.predict_proba(words[rows])
    return answer


def soft_regression(words: Any, probs: NDArray[np.float64]) -> Any:
    """Return scikit-learn's logistic regression, taught by rows that count for every class that they may be."""
    from sklearn.linear_model import LogisticRegression

    row, label = np.nonzero(probs)
    return LogisticRegression(C=10, tol=1e-3, max_iter=200).fit(words[row], label, probs[row, label])
