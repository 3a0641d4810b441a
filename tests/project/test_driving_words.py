"""Words that drive an answer, on models whose driving word is known."""

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.project import driving_words as driving
from workbench.project.driving_words import driving_words, pieces
from workbench.tables import Dataset, SoftLabels

LABELS = ("ham", "spam")


class Knows:
    """A model that looks for words, and remembers what it was asked."""

    asked = 0

    def predict_proba(self, dataset):
        self.asked += 1
        texts = [" ".join(one) for one in dataset.frame[list(dataset.text)].itertuples(index=False)]
        odds = [1 + 8 * ("win" in text) - 0.5 * ("mum" in text) for text in texts]
        spam = np.array([one / (1 + one) for one in odds])
        return SoftLabels(dataset.ids, LABELS, np.column_stack([1 - spam, spam]), np.ones(len(spam), bool))


def row(*texts, **others):
    names = [f"text{place}" for place in range(len(texts))]
    frame = pd.DataFrame({**dict(zip(names, texts, strict=True)), **others}, index=pd.Index(["typed"], name="id"))
    return Dataset(frame.astype(dict.fromkeys(names, "str")), LABELS, tuple(names))


def test_the_word_that_the_model_looks_for_drives_the_answer():
    model = Knows()
    found = driving_words(model, row("Win, mum!", "you can win now", plan="pro"))
    assert found["label"] == "spam" and found["left"] == 0 and model.asked == 1, "all texts in one question"
    assert list(found["drops"]) == ["win", "mum", "you", "can", "now"]
    with_both, without_win, without_mum = 8.5 / 9.5, 0.5 / 1.5, 9 / 10
    assert found["drops"]["win"] == pytest.approx(np.log(with_both / without_win)), "in both texts, however written"
    assert found["drops"]["mum"] == pytest.approx(np.log(with_both / without_mum)) and found["drops"]["mum"] < 0
    assert found["drops"]["you"] == 0


def test_a_trained_model_is_driven_by_the_word_that_its_labels_follow():
    ids = pd.Index([f"r{i}" for i in range(60)])
    frame = pd.DataFrame({"text": [f"{'win' if i % 2 else 'lunch'} the thing{i % 7}" for i in range(60)]}, index=ids)
    labels = SoftLabels(ids, LABELS, [[0.1, 0.9] if i % 2 else [0.9, 0.1] for i in range(60)], np.ones(60, bool))
    model = EndModel(features=["tfidf"], epochs=5).fit(Dataset(frame, LABELS), labels)
    asked = Dataset(pd.DataFrame({"text": ["you win the thing3"]}, index=pd.Index(["typed"])), LABELS)
    found = driving_words(model, asked)
    assert found["label"] == "spam" and max(found["drops"], key=found["drops"].get) == "win"
    assert found["drops"]["win"] > 5 * abs(found["drops"]["the"])


def test_words_beyond_the_first_are_counted_and_not_tried(monkeypatch):
    monkeypatch.setattr(driving, "MOST", 2)
    found = driving_words(Knows(), row("one two three two four"))
    assert list(found["drops"]) == ["one", "two"] and found["left"] == 2
    assert driving_words(Knows(), row(""))["drops"] == {}


def test_a_text_falls_into_pieces_that_make_it_up_again():
    text = "Win don't <b>win</b> it"
    found = pieces(text, {"win": 0.5, "don't": 0.0})
    assert "".join(piece for piece, _ in found) == text
    assert [one for one in found if one[1] is not None] == [("Win", 0.5), ("don't", 0.0), ("win", 0.5)]
    assert pieces("", {}) == []
