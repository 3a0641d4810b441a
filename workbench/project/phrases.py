"""Phrases tried in a process of its own: spaCy, which splits texts into tokens, is too large for the process of the app."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.toml import expect
from workbench.lfs.chunk import Chunk
from workbench.lfs.search import escape
from workbench.lfs.toml_rules import make_rule
from workbench.tables import ABSTAIN, WorkbenchError
from workbench.text.docs import load_pipeline

_MOST: Final = 5_000  # texts that are split into tokens for one answer
_IDLE: Final = 600.0  # seconds after which the process ends


def phrase_votes(rule: Mapping[str, Any], chunk: Chunk) -> NDArray[np.int16]:
    """Return the votes of a phrase rule on the first rows of a chunk, as many as hold 5,000 texts with its letters.

    Only these are split into tokens: where the letters of no phrase stand, its tokens do not either.
    """
    import pyarrow.compute as pc

    phrases = expect(rule, "phrases", (str, list[str]), "the rule")
    pattern = "|".join(_letters(phrase) for phrase in ([phrases] if isinstance(phrases, str) else phrases))
    texts = chunk.arrow_text(rule.get("column"))
    found = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, pattern, ignore_case=True)))
    read = int(found[_MOST]) if len(found) > _MOST else len(texts)
    places = found[:_MOST]
    votes = np.full(read, ABSTAIN, np.int16)
    votes[places] = _worker().ask(rule, chunk.labels or (), texts.take(places).to_pylist())
    return votes


def expect_phrases() -> None:
    """Start the process ahead of the first question."""
    worker = _worker()
    with worker.lock:
        worker.running()


def _letters(phrase: str) -> str:
    """Return a pattern that is found wherever the tokens of a phrase stand: a token may end anywhere, and a space follow."""
    words = [" ?".join(map(escape, word)) for word in phrase.split()]
    return r"[\s\pZ]*".join(words)


class _Worker:
    """The process, begun with the first question, and anew where it ended."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.process: subprocess.Popen[str] | None = None

    def ask(self, rule: Mapping[str, Any], labels: tuple[str, ...], texts: list[str]) -> list[int]:
        """Return one vote a text; raises the WorkbenchError that making the rule raises there."""
        question = json.dumps({"rule": dict(rule), "labels": labels, "texts": texts})
        with self.lock:
            answer = self._answer(question) or self._answer(question)  # it may have gone home
        if not answer:
            raise WorkbenchError("the process that tries phrases ended without an answer; try again, or use a keyword")
        found = json.loads(answer)
        if "error" in found:
            raise WorkbenchError(found["error"])
        votes: list[int] = found["votes"]
        return votes

    def running(self) -> subprocess.Popen[str]:
        """Return the process, which needs some seconds to read its first question."""
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, "-m", "workbench.project.phrases"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self.process

    def _answer(self, question: str) -> str:
        process, answer = self.running(), ""
        inward, outward = process.stdin, process.stdout
        assert inward is not None and outward is not None, "both are pipes"
        with suppress(BrokenPipeError):
            inward.write(question + "\n")
            inward.flush()
            answer = outward.readline()
        if not answer:
            process.wait()
        return answer


@cache
def _worker() -> _Worker:
    return _Worker()


def main() -> None:
    """Answer one question a line, until none comes for ten minutes or the asking process ends."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # spaCy loads it where it is there: seconds, and tokens need none
    load_pipeline("blank:en")
    while select.select([sys.stdin], [], [], _IDLE)[0] and (line := sys.stdin.readline()):
        asked = json.loads(line)
        with redirect_stdout(sys.stderr):
            answer = _answered(asked["rule"], asked["labels"], asked["texts"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _answered(rule: dict[str, Any], labels: list[str], texts: list[str]) -> dict[str, Any]:
    joined = {key: value for key, value in rule.items() if key != "column"}  # the texts come as the rule reads them
    chunk = Chunk(pd.DataFrame({"text": pd.Series(texts, dtype="str")}), ("text",), labels)
    try:
        function = make_rule(joined, Path(), labels, ("text",), where="the rule", place="draft")
    except WorkbenchError as error:
        return {"error": str(error)}
    votes, _ = function.votes(chunk)
    return {"votes": votes.tolist()}


if __name__ == "__main__":
    main()
