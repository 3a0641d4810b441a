"""Text as features: its words and characters counted, and its embedding."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.inputs import Arrays, Inputs, State
from workbench.tables import Dataset, WorkbenchError
from workbench.text.encoders import encode

# a mark of punctuation is a word: "?", "!" and "£" tell much in short texts
_WORD: Final = re.compile(r"\w+|[^\w\s]")


def _words(text: str) -> list[str]:
    """Return words and pairs of words."""
    words = _WORD.findall(text.lower())
    return words + [f"{one} {next_one}" for one, next_one in pairwise(words)]


def _characters(text: str) -> list[str]:
    """Return 3 to 5 characters inside a word, whose ends are spaces."""
    padded = [f" {word} " for word in text.lower().split()]
    return [word[at : at + n] for word in padded for n in (3, 4, 5) for at in range(len(word) - n + 1)]


KINDS: Final[dict[str, dict[str, Any]]] = {"word": {"analyzer": _words}, "character": {"analyzer": _characters, "min_df": 2}}
_WORDS: Final = 50_000  # whose terms are kept, some 20 MB;
_LONG: Final = 30  # but for those of more characters, as sentences are in scripts without spaces
# Half the length of a TF-IDF row: at full length the embedding drowns rare words, at a quarter what it knows is lost.
LENGTH: Final = 0.5
_PROBE: Final = "The embedding of this sentence shows whether an encoder is still the same."


@dataclass(frozen=True)
class Terms:
    """TF-IDF of words and pairs of words, or of 3 to 5 characters inside a word; rows have length 1, or 0 without known terms.

    idf: for each term ln((1 + n) / (1 + rows with the term)) + 1; a term that occurs c times in a row counts 1 + ln c.
    """

    kind: str
    terms: list[str]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, kind: str, dataset: Dataset, limit: int) -> Self:
        """Learn the words of all rows, the characters that two rows share; of more than `limit` terms the most frequent."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        counted = TfidfVectorizer(**KINDS[kind], max_features=limit, dtype=np.float32)
        try:
            counted.fit(dataset.texts())
        except ValueError:  # how scikit-learn says that no term is left: blank texts, or none that share one
            return cls(kind, [], np.zeros(0, np.float32))
        return cls(kind, counted.get_feature_names_out().tolist(), counted.idf_)

    def transform(self, dataset: Dataset) -> Inputs:
        """Return one sparse column a term."""
        if not self.terms:
            return Inputs.of(len(dataset))
        from scipy.sparse import csr_matrix

        find, weigher = self._learned
        found = [find(text) for text in dataset.texts()]
        ends = np.cumsum([0, *map(len, found)])
        places = np.fromiter(chain.from_iterable(found), np.int32, ends[-1])
        counts = csr_matrix((np.ones(len(places), np.float32), places, ends), shape=(len(found), len(self.terms)))
        counts.sum_duplicates()
        return Inputs.of(len(dataset), sparse=weigher.transform(counts, copy=False) if len(found) else counts)

    @cached_property
    def _learned(self) -> tuple[Callable[[str], Sequence[int]], Any]:
        """What finds the places of a text's terms, each as often as it stands there; and what weighs their counts."""
        from sklearn.feature_extraction.text import TfidfTransformer

        weigher = TfidfTransformer(sublinear_tf=True)
        weigher.idf_ = self.idf
        analyze, place = KINDS[self.kind]["analyzer"], {term: number for number, term in enumerate(self.terms)}

        def find(text: str) -> list[int]:
            return [place[term] for term in analyze(text) if term in place]

        if self.kind != "character":
            return find, weigher
        kept = lru_cache(_WORDS)(find)  # no term spans two words, and the same words come again and again

        def find_by_word(text: str) -> list[int]:
            parts = [kept(word) if len(word) <= _LONG else find(word) for word in text.split()]
            return list(chain.from_iterable(parts))

        return find_by_word, weigher

    def state(self) -> tuple[State, Arrays]:
        """Return the terms, and their idf."""
        return {"block": "terms", "kind": self.kind, "terms": self.terms}, {"idf": self.idf}


@dataclass(frozen=True)
class Embedding:
    """The vector an encoder gives a text, at half its length; probe is its vector for one known sentence."""

    encoder: str
    probe: NDArray[np.float32]

    @classmethod
    def fit(cls, encoder: str) -> Self:
        """Note which encoder it is; raises WorkbenchError where it is not on this machine."""
        return cls(encoder, encode([_PROBE], encoder))

    def transform(self, dataset: Dataset) -> Inputs:
        """Return one dense column a dimension."""
        return Inputs.of(len(dataset), dense=encode(dataset.texts(), self.encoder) * np.float32(LENGTH))

    def state(self) -> tuple[State, Arrays]:
        """Return the encoder's name, and its vector for the known sentence."""
        return {"block": "embedding", "encoder": self.encoder}, {"probe": self.probe}

    def check(self) -> Self:
        """Refuse an encoder of this name that is not the one the model learned from."""
        now = encode([_PROBE], self.encoder)
        if now.shape != self.probe.shape or not np.allclose(now, self.probe, atol=1e-3):
            raise WorkbenchError(
                f"the encoder {self.encoder!r} on this machine gives other vectors than the one this model learned from; "
                "install that version of it, or train again"
            )
        return self
