"""Votes of any client that answers with probabilities, an LLM included: asked once a text, answers kept on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from workbench.lfs.chunk import Chunk
from workbench.lfs.fingerprint import fingerprint_of
from workbench.lfs.function import About, LabelingFunction, caller_place
from workbench.lfs.models import check_share, likeliest
from workbench.lfs.votes import FAULTS, Fault, Outputs, fault_of, resolve_label, shown
from workbench.tables import ABSTAIN, WorkbenchError
from workbench.text.cache import Store, text_key

Answer = dict[str, float] | list[float]
Client = Callable[[list[str]], Iterable[Any]]


class AskingFunction(LabelingFunction):
    """Asks a client for the texts it has not answered yet, in batches, and votes its likeliest class."""

    kind = "probabilities"
    asked_twice = False  # a call costs money

    def __init__(
        self, client: Client, cache: bool | Path, batch_size: int, settings: Mapping[str, Any], **about: Unpack[About]
    ) -> None:
        super().__init__(caller_place(2), "probabilities", **about)
        self.client, self.batch_size, self.settings = client, batch_size, dict(settings)
        # On first use, when the globals below the client in its file exist too; a bound copy shares what was made.
        self.client_print = once(lambda: fingerprint_of(client, strict=False))
        self.cache = cache
        self.shares = (("texts", self.settings["column"]),)

    def _store(self) -> Store | None:
        """Return where the answers are kept: another client of the same name and version never reads them."""
        identity = json.dumps(["probabilities", self.name, self.settings["version"], self.client_print()])
        return Store(None if self.cache is True else Path(self.cache), identity) if self.cache else None

    @property
    def content(self) -> tuple[Any, ...]:
        """Name, version, settings and client: they say which answers to expect."""
        return self.name, self.settings, self.client_print()

    def pending_calls(self, texts: Iterable[str]) -> int:
        """Return how many texts the client would be asked: distinct, not blank, not answered before."""
        distinct = _distinct(texts)
        return len(distinct) - len(self._known(distinct))

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Vote on every row; a text without a valid answer is a fault on each of its rows, and a blank one abstains."""
        texts = chunk.texts(self.settings["column"])
        answers = self._answers(_distinct(texts), chunk.labels)
        votes = {text: self._vote(answer, chunk.labels) for text, answer in answers.items()}
        outputs, faults = [], []
        for position, text in enumerate(texts):
            vote = votes.get(text, ABSTAIN)
            if isinstance(vote, Fault):
                faults.append(vote._replace(position=position))
            outputs.append(ABSTAIN if isinstance(vote, Fault) else vote)
        return outputs, faults

    def _known(self, texts: Sequence[str]) -> dict[str, Answer]:
        keys = {text_key(text): text for text in texts}
        store = self._store()
        found = store.get_many(keys) if store is not None else {}
        return {keys[key]: json.loads(value) for key, value in found.items()}

    def _answers(self, texts: Sequence[str], labels: Sequence[str] | None) -> dict[str, Answer | Fault]:
        """Return what is known, then ask; what a batch answered well is kept before the next one is asked."""
        answers: dict[str, Answer | Fault] = dict(self._known(texts))
        missing = [text for text in texts if text not in answers]
        store = self._store()
        for start in range(0, len(missing), self.batch_size):
            batch = missing[start : start + self.batch_size]
            answered = self._ask(batch, labels)
            answers |= answered
            good = {text_key(text): json.dumps(a).encode() for text, a in answered.items() if not isinstance(a, Fault)}
            if store is not None and good:
                store.put_many(good)
        return answers

    def _ask(self, batch: list[str], labels: Sequence[str] | None) -> dict[str, Answer | Fault]:
        try:
            replies = list(self.client(list(batch)))
            if len(replies) != len(batch):
                raise WorkbenchError(f"answered {len(replies)} times for {len(batch)} texts; one answer a text is needed")
        except FAULTS as error:
            return dict.fromkeys(batch, fault_of(0, error))
        return {text: _checked(reply, labels) for text, reply in zip(batch, replies, strict=True)}

    def _vote(self, answer: Answer | Fault, labels: Sequence[str] | None) -> int | Fault:
        if isinstance(answer, Fault):
            return answer
        try:
            targets = range(len(answer)) if isinstance(answer, list) else [resolve_label(name, labels) for name in answer]
        except WorkbenchError as error:
            return Fault(0, f"answered {answer}: {error}", "")
        values = answer if isinstance(answer, list) else list(answer.values())
        return int(likeliest(np.array([values]), list(targets), self.settings["threshold"])[0])


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text.strip()))


def _checked(reply: Any, labels: Sequence[str] | None) -> Answer | Fault:
    """Return an answer as it is kept, by class name where the names are known, or a fault that says what is wrong with it."""
    said = f"answered {shown(reply)}"
    if not isinstance(reply, (Mapping, list, tuple, np.ndarray)) or len(reply) == 0:
        return Fault(0, f"{said}; an answer is a map from class to probability, or one probability a class", "")
    values = list(reply.values() if isinstance(reply, Mapping) else reply)
    for value in values:
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not number or not 0 <= value <= 1:
            return Fault(0, f"{said}; {shown(value)} is not a probability, which lies from 0 to 1", "")
    total = math.fsum(float(value) for value in values)
    if total > 1.001:
        return Fault(0, f"{said}; its probabilities sum to {total:.3g}, and cannot sum to more than 1", "")
    numbers = [float(value) for value in values]
    if isinstance(reply, Mapping):
        return dict(zip(map(str, reply), numbers, strict=True))
    if labels is None:
        return numbers
    if len(numbers) != len(labels):
        return Fault(0, f"{said}: {len(numbers)} probabilities for {len(labels)} classes ({', '.join(labels)})", "")
    return dict(zip(labels, numbers, strict=True))


def probabilities(
    client: Client,
    *,
    version: str,
    threshold: float = 0.7,
    batch_size: int = 20,
    cache: bool | Path = True,
    column: str | None = None,
    **about: Unpack[About],
) -> AskingFunction:
    """Vote what any callable says that takes texts and answers each with `{class: probability}` or one probability a class.

    Answers are kept on disk by name, version, client and text: change the version with what the client's code does not show,
    such as a model behind a server; a name must be given. A client counts by its code with all it reaches, an object also by
    its state as pickling would keep it: `__getstate__` can leave out a counter or a key. cache: False keeps none, a path is a
    file of its own. `pending_calls(texts)` tells beforehand how many would be asked.

    >>> def client(texts):
    ...     return [{"spam": 0.9, "ham": 0.1} if "win" in text else {"spam": 0.5, "ham": 0.5} for text in texts]
    >>> vote = probabilities(client, name="judge", version="1", cache=False).bound(["ham", "spam"], ["text"])
    >>> vote.pending_calls(["win now", "hello", "hello"]), vote({"text": "win now"}), vote({"text": "hello"})
    (2, 1, -1)
    """
    if not callable(client):
        raise WorkbenchError(f"the client {client!r} is not callable; give a function from a list of texts to their answers")
    for key, value in (("name", about.get("name")), ("version", version)):
        if not isinstance(value, str) or not value:
            raise WorkbenchError(f"{key} is {value!r}; give a non-empty string, under which answers are kept")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise WorkbenchError(f"batch_size is {batch_size!r}; give a whole number from 1 on")
    settings = {"version": version, "threshold": check_share(threshold, "threshold"), "column": column}
    return AskingFunction(client, cache, batch_size, settings, **about)
