"""The estimator: settings in, soft labels in, soft labels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from workbench.end_model.anchors import Adjustment
from workbench.end_model.cautions import certainty, smooth, together
from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.examples import Examples, Progress, Recipe
from workbench.end_model.features import Features, check_known
from workbench.end_model.inputs import Inputs, stacked
from workbench.end_model.network import logits, one_thread
from workbench.end_model.novelty import Novelty
from workbench.end_model.storage import Saved, read_saved, write_saved
from workbench.end_model.train import CrossFitted, cross_fit, train
from workbench.io.names import listed
from workbench.tables import Dataset, SoftLabels, WorkbenchError

Floats = NDArray[np.float64]

_PREDICT_ROWS: Final = 4096  # rows whose features are held at once
_NOVEL: Final = 0.01  # share of rows like the training rows that are called unlike them
_STAYING: Final = 100  # anchors that do not teach, or half of fewer, however few rows have weak labels
_SEEN: Final = 10_000  # rows that say what the training rows are like


class EndModel:
    """A classifier that learns from soft labels: linear in its features, or with one hidden layer.

    features: views of a row, `tfidf` (words and characters), `static` (offline embedding), `minilm`, another encoder of
    `workbench.text.encoders`, or `transformer:` and one that the labels tune (tuning.py); each has a model of its own, and
    their logits are added, each times a slope (a product of experts: Hinton, Neural Computation 14, 2002). columns: columns of
    the table, numbers or categories, beside every view. hidden: width of the hidden layer, 0 for none. epochs, patience: at
    most so many epochs of 5 L-BFGS steps, and how many without a lower loss on a fold before stopping. folds: parts of
    the rows; models of the others are asked about each, which says how long to train and how far to trust each view; then all
    rows teach. weight_decay: precision of the Gaussian prior on weights, 1 / C of scikit-learn's LogisticRegression.
    use_uncovered: whether rows on which no function voted teach the class balance. certainty: rows count (1 - entropy / log k)
    to this power, 0 all alike. keep: of each class the share of rows to learn from, those whose neighbours have the same label
    (cautions.smooth). confidence_loss: how much of the loss holds the model to its own answer (loss.own_belief). second_look:
    how much of a weak label gives way to what it and the other folds' model of its row say together (cautions.together).
    self_training: what an uncovered row counts, with the probabilities that these models give it; 0 for not at all.
    max_features: most terms of a kind, and most values of a category. device: `cpu`, or what torch calls the other.

    Learned: `labels_`, `features_`, `parameters_` (by view), `adjustment_` (what anchors said), `novelty_` (which rows are
    unlike the training rows; None without an encoder that was not tuned, or below 100 rows), `history_` (one line an epoch:
    epoch, loss, and holdout_loss where rows were held out), `best_epoch_` (from 1), `tuning_` (such a history by encoder).
    """

    def __init__(
        self,
        features: Sequence[str] = ("tfidf", "static"),
        columns: Sequence[str] = (),
        hidden: int = 0,
        epochs: int = 30,
        patience: int = 10,
        folds: int = 3,
        weight_decay: float = 0.1,
        use_uncovered: bool = False,
        certainty: float = 1.0,
        keep: float = 1.0,
        confidence_loss: float = 0.0,
        second_look: float = 0.5,
        self_training: float = 0.0,
        max_features: int = 50_000,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.features = features
        self.columns = columns
        self.hidden = hidden
        self.epochs = epochs
        self.patience = patience
        self.folds = folds
        self.weight_decay = weight_decay
        self.use_uncovered = use_uncovered
        self.certainty = certainty
        self.keep = keep
        self.confidence_loss = confidence_loss
        self.second_look = second_look
        self.self_training = self_training
        self.max_features = max_features
        self.device = device
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the settings by name, as `__init__` takes them."""
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    def fit(
        self,
        dataset: Dataset,
        soft: SoftLabels,
        weights: pd.Series[Any] | ArrayLike | None = None,
        anchors: pd.Series[Any] | pd.DataFrame | None = None,
        progress: Progress | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learn from the rows of soft, found in the dataset by id; features also learn from its uncovered rows, without labels.

        weights: one a row of soft, 0 or more, in its order or as a Series by id. anchors: rows that people labelled, a class
        index by row id, or a frame with label, weight and drawn as label models take it; those among soft do not teach as weak
        labels, and so can tell what the model that these taught gets wrong (anchors.py), but for those by which they
        outnumber the rows with weak labels. progress: called after every epoch
        with what is done, what there is to do as far as known, and a line of text. checkpoint: the folder where trainings that
        take longer than seconds note how far they are; one that was killed goes on there when it is called again with all the
        same, to the same numbers. Gold is never read. Raises WorkbenchError where labels differ, a row is missing from the
        dataset, no row is covered, or a setting is out of range.
        """
        self.check_settings()
        _check_labels(dataset, soft.labels, "the soft labels have")
        places = dataset.ids.get_indexer(soft.ids)
        for row in soft.ids[places < 0]:
            raise WorkbenchError(f"soft labels name row {row!r}, which the dataset has not; give the same rows")
        row_weights = _row_weights(weights, soft)
        taught, labels, known = self._lessons(soft, _known_rows(anchors, soft), row_weights)
        rows = dataset.take(places)
        may_teach = rows.take(row_weights > 0)
        features = Features.fit(may_teach, self.features, self.columns, self.max_features)
        kept = self._checkpoint(checkpoint, features, rows, labels, taught, row_weights, *known)
        if self.keep < 1:
            taught[taught] = smooth(features.transform(rows.take(taught))[0], labels[taught], self.keep)
        teaching, probs, given = rows.take(taught), labels[taught], row_weights[taught]
        recipe = Recipe(**{field.name: getattr(self, field.name) for field in fields(Recipe)})
        report = progress or (lambda done, total, text: None)
        counts = self._counts(probs, given)
        self.tuning_ = features.tune(teaching, Examples((), probs, counts), recipe, report, kept)
        examples = Examples(features.transform(teaching), probs, counts)
        alone = np.flatnonzero(~soft.covered & ~taught & (row_weights > 0) & (self.self_training > 0))
        alone = alone[~np.isin(alone, known.place)]
        anchored, lone = (features.transform(rows.take(some)) for some in (known.place, alone))
        held = recipe.held_out(len(counts))  # from an encoder that is tuned: it knows the labels of all other rows
        folds = recipe.folds_of(len(counts)) if not self.tuning_ else [held] if held.any() else []
        crossed = cross_fit(examples, folds, stacked(anchored, lone), recipe, report, kept)
        slopes = crossed.slopes if crossed else np.full(len(anchored), 1 / len(anchored))
        if crossed:
            first = known.adjustment(slopes, crossed.asked[:, : len(known.place)], anchored)
            examples = self._looked_again(examples, given, crossed, first)
            theirs = softmax(first(crossed.asked[:, len(known.place) :], _dense(lone)), axis=1)
            examples = examples.and_also(Examples(lone, theirs, self.self_training * row_weights[alone]))
        trained = train(examples, crossed, recipe, report, kept)
        self.labels_, self.features_, self.parameters_ = soft.labels, features, trained.parameters
        self.history_ = crossed.history if crossed else trained.history
        self.best_epoch_ = crossed.best_epoch if crossed else len(trained.history)
        self.novelty_ = self._novelty(may_teach)
        self.adjustment_ = known.adjustment(slopes, self._logits(anchored), anchored)
        kept.remove()
        return self

    def _lessons(self, soft: SoftLabels, known: _Known, weights: Floats) -> tuple[NDArray[np.bool_], Floats, _Known]:
        """Return the rows that are learned from, bool[n], the labels of all, float64[n, k], and the anchors that do not teach.

        Refuses soft labels that leave no row.
        """
        taught = (soft.covered | self.use_uncovered) & (weights > 0)
        taught[known.place] = False
        known, teachers = known.parted(taught.sum(), self.seed)
        probs = soft.probs.copy()
        probs[teachers.place] = np.eye(len(soft.labels))[teachers.label]
        taught[teachers.place] = weights[teachers.place] > 0
        if not taught.any():
            what = "no row is covered by a labeling function" if not soft.covered.any() else "every covered row has weight 0"
            raise WorkbenchError(f"there is nothing to learn from: of {len(soft):,} rows {what}")
        return taught, probs, known

    def _looked_again(self, examples: Examples, given: Floats, crossed: CrossFitted, first: Adjustment) -> Examples:
        """Return the rows with what the models of other rows make of their labels."""
        if self.tuning_ or not self.second_look:
            return examples
        text = softmax(first(crossed.unseen, _dense(examples.inputs)), axis=1)
        said = together(examples.target, text, examples.weights)
        target = (1 - self.second_look) * examples.target + self.second_look * said
        return replace(examples, target=target, weights=self._counts(target, given))

    def _checkpoint(self, root: Path | None, features: Features, rows: Dataset, *arrays: NDArray[Any]) -> Checkpoint:
        """Return where this training notes how far it is, found again by all that its numbers depend on."""
        if root is None:
            return Checkpoint()
        state, own = features.state()
        return Checkpoint.of(root, self.settings(), state, rows.fingerprint, *own.values(), *arrays)

    def _counts(self, probs: Floats, weights: Floats) -> Floats:
        """float64[n]: what each label counts for; where caution leaves nothing, all that was given counts."""
        counts = weights * certainty(probs, self.certainty)
        return counts if counts.any() else weights

    def _novelty(self, rows: Dataset) -> Novelty | None:
        some = np.sort(np.random.default_rng(self.seed).permutation(len(rows))[:_SEEN])
        seen = self.features_.embedding(rows.take(some)) if len(rows) >= 1 / _NOVEL else None
        return None if seen is None else Novelty.fit(seen, self.seed, _NOVEL)

    def predict_proba(self, dataset: Dataset) -> SoftLabels:
        """Return a probability for every class on every row, all covered; memory does not grow with the rows beyond the answer.

        Raises WorkbenchError naming the column that the dataset lacks, and where its labels are not those learned.
        """
        return self._answer(dataset, None)

    def ask(self, dataset: Dataset) -> tuple[SoftLabels, NDArray[np.bool_]]:
        """Return what `predict_proba` does, and bool[n]: rows unlike any that the model learned from.

        On those its confidence means little; there are none without novelty_.
        """
        novel = np.zeros(len(dataset), np.bool_)
        return self._answer(dataset, novel), novel

    def _answer(self, dataset: Dataset, novel: NDArray[np.bool_] | None) -> SoftLabels:
        """Return the probabilities, and write to `novel`, where it is wanted."""
        self._check_fitted()
        _check_labels(dataset, self.labels_, "the end model learned")
        probs = np.zeros((len(dataset), len(self.labels_)))
        for start in range(0, len(dataset), _PREDICT_ROWS):
            at = np.arange(start, min(start + _PREDICT_ROWS, len(dataset)))
            inputs = self.features_.transform(dataset.take(at))
            probs[at] = softmax(self.adjustment_(self._logits(inputs), _dense(inputs)), axis=1)
            seen = self.features_.embedded(inputs)
            if novel is not None and self.novelty_ is not None and seen is not None:
                novel[at] = self.novelty_.novel(seen)
        return SoftLabels(dataset.ids, self.labels_, probs, np.ones(len(dataset), np.bool_))

    def _logits(self, inputs: tuple[Inputs, ...]) -> Floats:
        import torch

        with torch.no_grad(), one_thread():
            each = [
                logits({name: torch.from_numpy(part) for name, part in own.items()}, view.sparse, torch.from_numpy(view.dense))
                for own, view in zip(self.parameters_, inputs, strict=True)
            ]
            return np.asarray(torch.stack(each).double().numpy())

    def save(self, folder: Path | str) -> None:
        """Write the model to a new folder of safetensors and JSON, whole or not at all; an existing folder is refused."""
        self._check_fitted()
        features, arrays = self.features_.state()
        learned = {"labels": list(self.labels_), "history": self.history_, "best_epoch": self.best_epoch_, "novelty": None}
        learned["tuning"] = self.tuning_
        if self.novelty_ is not None:
            learned["novelty"], seen = self.novelty_.state()
            arrays |= {f"novelty.{name}": part for name, part in seen.items()}
        parameters = {f"{place}.{name}": part for place, view in enumerate(self.parameters_) for name, part in view.items()}
        arrays |= {f"adjustment.{name}": np.asarray(part) for name, part in self.adjustment_._asdict().items()}
        write_saved(folder, Saved({"settings": self.settings(), **learned}, features, parameters, arrays))

    @classmethod
    def load(cls, folder: Path | str, labels: Sequence[str] | None = None) -> Self:
        """Return a saved model: the same numbers in any process.

        labels: what the caller expects it to have learned. Raises WorkbenchError for a folder that is no saved model or was
        changed, a format newer than this version, other labels, and an encoder that is missing or not the same.
        """
        saved = read_saved(folder)
        model = cls(**saved.document["settings"])
        model.labels_ = tuple(saved.document["labels"])
        if labels is not None and tuple(labels) != model.labels_:
            way_out = "run again, or put `labels` in task.toml back"
            raise WorkbenchError(
                f"the end model in {folder} learned {listed(model.labels_)}, not the labels {listed(labels)}; {way_out}"
            )
        model.features_ = Features.from_state(saved.features, saved.arrays)
        model.parameters_ = [{} for _ in model.features_.views]
        for name, part in saved.parameters.items():
            view, own = name.split(".", 1)
            model.parameters_[int(view)][own] = part
        slopes, offset, extra, scale = (saved.arrays[f"adjustment.{name}"] for name in Adjustment._fields)
        model.adjustment_ = Adjustment(slopes, offset, extra, scale.item())
        known = saved.document["novelty"]
        seen = {name.removeprefix("novelty."): part for name, part in saved.arrays.items() if name.startswith("novelty.")}
        model.novelty_ = None if known is None else Novelty.from_state(known, seen)
        model.history_ = saved.document["history"]
        model.best_epoch_ = saved.document["best_epoch"]
        model.tuning_ = saved.document["tuning"]
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "parameters_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this EndModel has learned nothing yet; call fit(dataset, soft) first")

    def check_settings(self) -> None:
        """Refuse settings that are out of range."""
        for name, least in (
            ("hidden", 0),
            ("seed", 0),
            ("epochs", 1),
            ("patience", 1),
            ("weight_decay", 0),
            ("certainty", 0),
            ("max_features", 1),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise WorkbenchError(f"{name} is {value!r}; it must be {least} or more")
        if self.folds not in (0, *range(2, 11)):
            raise WorkbenchError(f"folds is {self.folds!r}; it is a number of parts, 2 to 10, or 0 for none")
        for name, above in (("keep", 0), ("confidence_loss", -1), ("second_look", -1), ("self_training", -1)):
            value = getattr(self, name)
            if not above < value <= 1 or value < 0:
                raise WorkbenchError(f"{name} is {value!r}; it is a share, {'above 0' if above == 0 else '0'} to 1")
        check_known(self.features)
        if self.device == "cpu":  # torch takes a second to load, and every machine has one
            return
        import torch

        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            what = str(error).splitlines()[0]
            raise WorkbenchError(f"device {self.device!r} cannot be used ({what}); 'cpu' always can") from None


def _dense(inputs: tuple[Inputs, ...]) -> Floats:
    """float64[n, d]: the dense features of all views."""
    return np.hstack([view.dense for view in inputs]).astype(np.float64)


def _check_labels(dataset: Dataset, labels: tuple[str, ...], whose: str) -> None:
    if dataset.labels != labels:
        raise WorkbenchError(f"{whose} the labels {listed(labels)}, and the dataset has {listed(dataset.labels)}")


class _Known(NamedTuple):
    """Positions of anchors among the soft labels, their classes and weights, and whether chance chose them."""

    place: NDArray[np.intp]
    label: NDArray[np.intp]
    weight: Floats
    drawn: NDArray[np.bool_]

    def parted(self, weak: int, seed: int) -> tuple[_Known, _Known]:
        """Return the anchors that stay, as many as weak rows, 100 or half of them, and those that teach, picked ones first."""
        order = np.lexsort([np.random.default_rng(seed).permutation(len(self.place)), self.drawn])
        stay = max(weak, min(_STAYING, len(order) // 2))
        teachers = np.isin(np.arange(len(order)), order[: max(0, len(order) - stay)])
        return _Known._make(part[~teachers] for part in self), _Known._make(part[teachers] for part in self)

    def adjustment(self, slopes: Floats, views: Floats, inputs: tuple[Inputs, ...]) -> Adjustment:
        """Return what the anchors say of the views' logits of them, float64[v, a, k]."""
        dense = _dense(inputs)
        if not len(self.place):
            return Adjustment.none(slopes, views.shape[2], dense.shape[1])
        return Adjustment.fitted(slopes, views, dense, self.label, self.weight, self.drawn)


def _known_rows(anchors: pd.Series[Any] | pd.DataFrame | None, soft: SoftLabels) -> _Known:
    """Return the anchors that soft labels name; the others are of rows that this model does not learn from."""
    given = pd.Series([], dtype=np.intp, name="label") if anchors is None else anchors
    table = given.to_frame("label") if isinstance(given, pd.Series) else given
    table = pd.DataFrame({"weight": 1.0, "drawn": True}, table.index).assign(**{str(name): table[name] for name in table})
    table = table[table.index.isin(soft.ids)]
    if table["label"].isna().any():
        raise WorkbenchError(f"anchor {table.index[table['label'].isna()][0]!r} has no class; leave it out")
    label = table["label"].to_numpy(np.intp)
    wrong = (label < 0) | (label >= len(soft.labels))
    if wrong.any():
        row, value = table.index[wrong][0], label[wrong][0]
        raise WorkbenchError(
            f"anchor {row!r} has class {value}; classes are 0 to {len(soft.labels) - 1}, of {listed(soft.labels)}"
        )
    return _Known(
        soft.ids.get_indexer(table.index), label, np.asarray(table["weight"], float), np.asarray(table["drawn"], bool)
    )


def _row_weights(weights: pd.Series[Any] | ArrayLike | None, soft: SoftLabels) -> Floats:
    if weights is None:
        return np.ones(len(soft))
    if isinstance(weights, pd.Series):
        missing = soft.ids.difference(weights.index)
        if len(missing):
            raise WorkbenchError(f"weights has no row {missing[0]!r}; give one weight for every row of the soft labels")
        weights = weights.loc[soft.ids]
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (len(soft),):
        raise WorkbenchError(f"weights has shape {values.shape}, and there are {len(soft):,} soft labels; give one a row")
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise WorkbenchError(f"the weight of row {soft.ids[place]!r} is {values[place]}; weights are 0 or more")
    return values
