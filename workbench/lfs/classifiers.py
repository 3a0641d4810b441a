"""Votes of scikit-learn estimators: fitted from named data at load, or read from a file without pickle."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import listed
from workbench.io.readers import check_columns, read_frame
from workbench.lfs.chunk import Chunk, Share
from workbench.lfs.function import About, LabelingFunction, beside_caller
from workbench.lfs.models import Label, Model, check_share, map_classes
from workbench.tables import WorkbenchError

Columns = str | Sequence[str] | None
Classes = Mapping[Any, Label] | Sequence[Label] | None

_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".dill", ".p")


def classifier(
    estimator: Any,
    *,
    train: str | Path | tuple[Any, Sequence[Any]] | None = None,
    target: str = "label",
    columns: Columns = None,
    threshold: float = 0.7,
    classes: Classes = None,
    seed: int = 0,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote what a scikit-learn estimator says, and abstain where its likeliest class has a probability below the threshold.

    train: a table (CSV, TSV, JSONL, Parquet) beside the calling file, whose column `target` holds the labels, or a pair of
    texts (or a frame) and labels; a copy of the estimator is fitted on it at once. None: the estimator is fitted already.
    columns: None reads the text, one name that column as text, a list of names a frame of them. classes: from the estimator's
    classes to the task's; needless where they are the same names or indexes. seed: for every `random_state` left open.

    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> examples = ["refund please", "my refund", "it crashes", "crashes again"], ["billing", "billing", "bug", "bug"]
    >>> model = make_pipeline(CountVectorizer(), LogisticRegression())
    >>> vote = classifier(model, train=examples, threshold=0.6).bound(["billing", "bug"], ["text"])
    >>> vote({"text": "a refund"}), vote({"text": "hello"})
    (0, -1)
    """
    what = type(estimator).__name__
    threshold = check_share(threshold, "threshold")
    if not hasattr(estimator, "predict_proba"):
        way_out = "wrap it in sklearn.calibration.CalibratedClassifierCV"
        raise WorkbenchError(f"{what} gives no probabilities, so that no threshold can hold; {way_out}")
    if train is None:
        recipe, model = estimator, estimator
    else:
        rows, targets = _examples(train if isinstance(train, tuple) else beside_caller(train, 1), target, columns)
        recipe, model = _fitted(estimator, rows, targets, seed)
        train = rows, targets
    settings = {"estimator": recipe, "train": train, "columns": columns, "seed": seed, "threshold": threshold}
    return Model("classifier", _scores(model, columns), _own(model, classes), settings, **about).sharing(*_shares(columns))


def classifier_file(
    path: str | Path,
    *,
    trusted: Sequence[str] = (),
    columns: Columns = None,
    threshold: float = 0.7,
    classes: Classes = None,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote what a fitted estimator says that was saved with `skops.io.dump(model, "model.skops")`.

    path: beside the calling file. trusted: names of types in the file beyond those skops trusts; look at each before you name
    it. A pickle is refused: reading one can run any code.
    """
    file = beside_caller(path, 1)
    if file.suffix.lower() in _PICKLES:
        raise WorkbenchError(
            f"{file} is a pickle, and reading one can run any code; save the model again with "
            "skops.io.dump(model, 'model.skops')"
        )
    if not file.is_file():
        raise WorkbenchError(f"there is no file {file}; a relative path is one beside the file that calls classifier_file")
    threshold = check_share(threshold, "threshold")
    model = _read_skops(file, trusted)
    if not hasattr(model, "predict_proba"):
        raise WorkbenchError(f"{file} holds a {type(model).__name__}, which gives no probabilities; save a fitted classifier")
    settings = {"file": hashlib.sha256(file.read_bytes()).hexdigest(), "columns": columns, "threshold": threshold}
    return Model("classifier_file", _scores(model, columns), _own(model, classes), settings, **about).sharing(*_shares(columns))


def _read_skops(file: Path, trusted: Sequence[str]) -> Any:
    try:
        import skops.io
    except ModuleNotFoundError as error:
        way_out = "pip install weak-supervision-workbench[skops]"
        raise WorkbenchError(f"{file} is read with skops, which is not installed; {way_out}") from error
    try:
        unknown = skops.io.get_untrusted_types(file=file)
        foreign = [name for name in unknown if name not in trusted]
        if foreign:
            raise WorkbenchError(
                f"{file} holds types that are not trusted: {listed(foreign)}; where you know them to be harmless, pass "
                f"trusted={foreign}"
            )
        return skops.io.load(file, trusted=unknown)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WorkbenchError(f"{file} is not a skops file ({error}); save the model with skops.io.dump") from error


def _examples(train: Path | tuple[Any, Sequence[Any]], target: str, columns: Columns) -> tuple[Any, list[Any]]:
    """Return texts, or a frame, and labels."""
    if isinstance(train, tuple):
        rows, targets = train
        rows = rows if isinstance(rows, pd.DataFrame) else list(rows)
        where = "train"
    else:
        wanted = [columns or "text"] if columns is None or isinstance(columns, str) else list(columns)
        text = wanted if columns is None or isinstance(columns, str) else []
        frame, odd = read_frame(train, text_columns=text)
        for sentence in odd:
            warnings.warn(sentence, stacklevel=4)
        check_columns([*wanted, target], list(frame.columns), str(train))
        rows, targets, where = frame[wanted], frame[target].tolist(), str(train)
        rows = rows[wanted[0]].tolist() if text else rows
    labels = pd.Series(targets).tolist()
    if not labels or len(labels) != len(rows):
        raise WorkbenchError(f"{where} has {len(rows)} rows and {len(labels)} labels; give one label a row, and at least one")
    missing = np.flatnonzero(pd.isna(pd.Series(labels)) | (pd.Series(labels) == ""))
    if len(missing):
        raise WorkbenchError(f"{where} has no label on row {missing[0] + 1}; give every example its class")
    return rows, labels


def _fitted(estimator: Any, rows: Any, targets: list[Any], seed: int) -> tuple[Any, Any]:
    """Return the estimator with every open `random_state` set, and a fitted copy of it."""
    from sklearn.base import clone

    recipe = clone(estimator)
    open_seeds = [name for name, value in recipe.get_params().items() if name.endswith("random_state") and value is None]
    recipe.set_params(**dict.fromkeys(open_seeds, seed))
    try:
        return recipe, clone(recipe).fit(rows, targets)
    except (ValueError, TypeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise WorkbenchError(f"{type(estimator).__name__} cannot be fitted on the {len(targets)} examples: {first}") from error


def _own(model: Any, classes: Classes) -> list[Label]:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    what = type(model).__name__
    try:
        check_is_fitted(model)
        own = model.classes_
    except (NotFittedError, AttributeError, TypeError) as error:
        raise WorkbenchError(f"{what} is not fitted; pass train=(texts, labels), or a table beside the functions") from error
    return map_classes(np.asarray(own).tolist(), classes, what)


def _shares(columns: Columns) -> list[Share]:
    return [("texts", columns)] if columns is None or isinstance(columns, str) else []


def _scores(model: Any, columns: Columns) -> Any:
    def score(chunk: Chunk) -> NDArray[Any]:
        if not len(chunk):
            return np.zeros((0, len(model.classes_)))
        if columns is not None and not isinstance(columns, str):
            return np.asarray(model.predict_proba(pd.DataFrame({name: chunk.column(name) for name in columns})))
        codes, distinct = pd.factorize(np.array(chunk.texts(columns), dtype=object))
        return np.asarray(model.predict_proba(list(distinct)))[codes]

    return score
