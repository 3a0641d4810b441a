"""The plain student: what scikit-learn's logistic regression on TF-IDF makes of the same soft labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from workbench.review.second_opinion import soft_regression
from workbench.tables import Dataset, SoftLabels

# One word and pairs of words that two rows share; of more than 50,000 terms the most frequent.
_WORDS: Final[dict[str, Any]] = {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2, "max_features": 50_000}
_SLIGHT: Final = 0.02  # a class of less probability teaches nothing: it only costs time


def logistic_answers(rows: Dataset, soft: SoftLabels, asked: Dataset) -> SoftLabels | str:
    """Return its probabilities on the rows asked about, or in words why there are none.

    rows: what it learns words from; soft: their labels, of which covered ones teach. A class that nobody taught it gets 0.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not rows.text:
        return "it reads text, and the rows have none"
    probs = np.where(soft.probs > _SLIGHT, soft.probs, 0.0)[soft.covered]
    if (probs > 0).any(axis=0).sum() < 2:
        return "the labels of the covered training rows are all of one class" if len(probs) else "no training row is covered"
    counted = TfidfVectorizer(**_WORDS, dtype=np.float32)
    try:
        words = counted.fit_transform(rows.texts())
    except ValueError:  # how scikit-learn says that no term is left
        return "no two training rows share a word"
    model = soft_regression(words[soft.covered], probs)
    answer = np.zeros((len(asked), len(soft.labels)))
    answer[:, model.classes_] = model.predict_proba(counted.transform(asked.texts()))
    return SoftLabels(asked.ids, soft.labels, answer, np.ones(len(asked), bool))
