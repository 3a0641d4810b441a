"""Votes by example texts."""

import numpy as np
import pytest

from workbench.lfs import prototypes
from workbench.lfs.chunk import Chunk
from workbench.tables import WorkbenchError
from workbench.text.encoders import encode

EXAMPLES = {"ham": ["see you at lunch", "dinner tomorrow?"], "spam": ["win a cash prize", "claim your free money"]}
TEXTS = ["you have won free cash", "lunch or dinner?", "the parliament of Norway", ""]


def test_a_text_goes_to_the_class_whose_examples_it_is_like(votes_of):
    assert votes_of(prototypes(EXAMPLES, threshold=0.3), TEXTS) == [1, 0, -1, -1]


def test_the_cosine_to_the_mean_decides(votes_of):
    text = TEXTS[0]
    mean = encode(EXAMPLES["spam"]).mean(axis=0)
    cosine = float(encode([text])[0] @ mean / np.linalg.norm(mean))
    assert votes_of(prototypes(EXAMPLES, threshold=cosine - 0.01), [text]) == [1]
    assert votes_of(prototypes(EXAMPLES, threshold=cosine + 0.01), [text]) == [-1]


def test_the_nearest_example_may_decide_instead(votes_of):
    texts = [EXAMPLES["ham"][0], EXAMPLES["spam"][1]]
    assert votes_of(prototypes(EXAMPLES, threshold=0.99, nearest=True), texts) == [0, 1]
    assert votes_of(prototypes(EXAMPLES, threshold=0.99), texts) == [-1, -1]


def test_a_margin_to_the_second_class_is_kept(votes_of):
    between = ["free lunch, free dinner, free cash"]
    assert votes_of(prototypes(EXAMPLES, threshold=0.1), between) != [-1]
    assert votes_of(prototypes(EXAMPLES, threshold=0.1, margin=0.9), between) == [-1]


def test_blank_texts_abstain_whatever_the_threshold(votes_of):
    assert votes_of(prototypes({"spam": ["cash"]}, threshold=0), ["", "  ", "cash"]) == [-1, -1, 1]


def test_one_column_or_all_text_is_read(votes_of):
    function = prototypes(EXAMPLES, threshold=0.3, column="body")
    assert votes_of(function, ["lunch", "lunch"], body=["win a cash prize", ""]) == [1, -1]


def test_functions_share_the_embeddings_of_a_chunk(monkeypatch):
    import pandas as pd

    import workbench.text.encoders as encoders

    calls = []
    monkeypatch.setattr(encoders, "encode", lambda texts, encoder: calls.append(len(texts)) or encode(texts, encoder))
    chunk = Chunk(pd.DataFrame({"text": TEXTS}, index=list("abcd")), ("text",), ("ham", "spam"))
    for threshold in (0.2, 0.3, 0.4):
        prototypes({"spam": ["cash"]}, threshold=threshold).votes(chunk)
    assert calls.count(len(TEXTS)) == 1


@pytest.mark.parametrize(
    ("examples", "options", "said"),
    [
        ({}, {}, "has no example"),
        ({"ham": []}, {}, "has no example"),
        ({"ham": ["a", " "]}, {}, "the examples of 'ham' hold ' '"),
        ({"ham": ["a"], "spam": ["a"]}, {}, "the example 'a' stands under 'ham' and under 'spam'"),
        ({"ham": ["a"]}, {"threshold": 2}, "threshold is 2"),
        ({"ham": ["a"]}, {"margin": -1}, "margin is -1"),
    ],
    ids=["none", "empty class", "blank", "in two classes", "threshold", "margin"],
)
def test_wrong_examples_are_refused(examples, options, said):
    with pytest.raises(WorkbenchError, match=said):
        prototypes(examples, **options)


def test_an_encoder_that_is_not_there_is_refused_when_the_function_is_made():
    with pytest.raises(WorkbenchError, match="'no_such_encoder' is not on this machine"):
        prototypes({"ham": ["a"]}, encoder="no_such_encoder")


def test_the_fingerprint_follows_examples_and_settings():
    base = prototypes(EXAMPLES).fingerprint
    changed = [
        prototypes({**EXAMPLES, "ham": ["see you at supper", "dinner tomorrow?"]}).fingerprint,
        prototypes(EXAMPLES, threshold=0.51).fingerprint,
        prototypes(EXAMPLES, margin=0.1).fingerprint,
        prototypes(EXAMPLES, encoder="minilm").fingerprint,
        prototypes(EXAMPLES, nearest=True).fingerprint,
        prototypes(EXAMPLES, column="body").fingerprint,
    ]
    assert prototypes(EXAMPLES).fingerprint == base
    assert len({base, *changed}) == 7
