"""The features a user chose, one view of the rows each: learned once, then the same for every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.columns import Columns
from workbench.end_model.examples import Examples, History, Progress, Recipe
from workbench.end_model.inputs import Arrays, Block, Inputs, State
from workbench.end_model.transformer import PREFIX, Transformer
from workbench.end_model.words import KINDS, Embedding, Terms
from workbench.io.names import did_you_mean, listed
from workbench.tables import Dataset, WorkbenchError
from workbench.text.encoders import encoder_version
from workbench.text.pretrained import Pretrained

# Of a column beside a text. At full length a few columns outweigh the words: tickets, 400 gold labels, .62 of test rows right
# instead of .69, all 3,862 .873 instead of .879.
_BESIDE: Final = 0.25


@dataclass(frozen=True)
class Features:
    """Views of a row, each of one or more blocks; text: the text columns that they read.

    Each choice of text features is a view, and every view holds the columns of the table too. Features of one view share a
    model; the models of several views are asked apart, so that what only one of them took from the rules does not carry.
    """

    text: tuple[str, ...]
    views: tuple[tuple[Block, ...], ...]
    columns: Columns | None = None

    @classmethod
    def fit(cls, dataset: Dataset, names: Sequence[str], columns: Sequence[str], limit: int) -> Self:
        """Learn vocabulary, scale and categories from rows.

        names: `tfidf`, an encoder that `encode` knows, or `transformer:` and one that `tune` is to tune. columns: columns of
        the table, numbers or categories. limit: the most terms of a kind, and the most values of a category. Raises
        WorkbenchError for a choice that these rows cannot serve.
        """
        _check_choice(dataset, names, columns)
        kinds = {"tfidf": lambda: tuple(Terms.fit(kind, dataset, limit) for kind in KINDS)}
        views = tuple(kinds[name]() if name in kinds else (_encoder(name),) for name in names)
        return cls(dataset.text if names else (), views or ((),), Columns.fit(dataset, columns, limit) if columns else None)

    def tune(self, rows: Dataset, examples: Examples, recipe: Recipe, report: Progress, kept: Checkpoint) -> dict[str, History]:
        """Tune the encoders that are to be tuned, in place, on the labels and weights of rows; return how each went."""
        told: dict[str, History] = {}
        for place, block in enumerate(block for view in self.views for block in view if isinstance(block, Transformer)):
            told[block.encoder] = block.tune(rows.texts(), examples, recipe, report, kept, f"tuned {place}")
        return told

    def transform(self, dataset: Dataset) -> tuple[Inputs, ...]:
        """Return each view of every row; raises WorkbenchError naming the column that the dataset lacks."""
        for name in self.text:
            if name not in dataset.text:
                others = [column for column in dataset.text if column not in self.text]
                raise WorkbenchError(
                    f"the end model learned from the text column {name!r}, and this dataset's text columns are "
                    f"{listed(dataset.text) or 'none'}{did_you_mean(name, others)}"
                )
        same_text = replace(dataset, text=self.text)
        beside = [self.columns.transform(same_text).times(_BESIDE if self.text else 1.0)] if self.columns else []
        return tuple(Inputs.side_by_side([block.transform(same_text) for block in view] + beside) for view in self.views)

    def embedding(self, dataset: Dataset) -> NDArray[np.float32] | None:
        """Return float32[n, d] of the first view that is an encoder's, None where none is."""
        first = self._encoders()
        return first[0][1].transform(replace(dataset, text=self.text)).dense if first else None

    def embedded(self, inputs: Sequence[Inputs]) -> NDArray[np.float32] | None:
        """Return what `embedding` does, of rows that `transform` has read."""
        first = self._encoders()
        return inputs[first[0][0]].dense[:, : len(first[0][1].probe[0])] if first else None

    def _encoders(self) -> list[tuple[int, Embedding]]:
        """Return the views that are an encoder's, by place; in each the embedding stands first."""
        return [(place, view[0]) for place, view in enumerate(self.views) if view and isinstance(view[0], Embedding)]

    def state(self) -> tuple[State, Arrays]:
        """Return what was learned: a JSON document, and arrays by name."""
        blocks = [(place, block) for place, view in enumerate(self.views) for block in view]
        blocks += [(len(self.views), self.columns)] if self.columns else []
        states = [{"view": place, **block.state()[0]} for place, block in blocks]
        own = (block.state()[1].items() for _, block in blocks)
        arrays = {f"{number}.{name}": array for number, items in enumerate(own) for name, array in items}
        return {"text": list(self.text), "views": len(self.views), "blocks": states}, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from what `state` gave; raises WorkbenchError where an encoder is missing or another than it was."""
        views: list[tuple[Block, ...]] = [()] * state["views"]
        columns = None
        for number, one in enumerate(state["blocks"]):
            if one["block"] == "terms":
                views[one["view"]] += (Terms(one["kind"], one["terms"], arrays[f"{number}.idf"]),)
            elif one["block"] == "embedding":
                views[one["view"]] += (Embedding(one["encoder"], arrays[f"{number}.probe"]).check(),)
            elif one["block"] == "transformer":
                own = {name.split(".", 1)[1]: part for name, part in arrays.items() if name.startswith(f"{number}.")}
                views[one["view"]] += (Transformer.from_state(one, own),)
            else:
                columns = Columns.from_state(one)
        return cls(tuple(state["text"]), tuple(views), columns)


def _encoder(name: str) -> Embedding | Transformer:
    if name in (PREFIX, PREFIX[:-1]):
        raise WorkbenchError(f"feature {name!r} names no model to tune; write '{PREFIX}minilm', or a folder after '{PREFIX}'")
    return Transformer.fit(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Embedding.fit(name)


def _check_choice(dataset: Dataset, names: Sequence[str], columns: Sequence[str]) -> None:
    for setting, chosen in (("features", names), ("columns", columns)):
        if isinstance(chosen, str):
            raise WorkbenchError(f"{setting} is the single string {chosen!r}; give a list of names")
        for name in chosen:
            if list(chosen).count(name) > 1:
                raise WorkbenchError(f"{setting} names {name!r} twice; once is enough")
    if not names and not columns:
        raise WorkbenchError("no features chosen; give features such as ['tfidf', 'static'], columns of the table, or both")
    if names and not dataset.text:
        raise WorkbenchError(
            f"features {listed(names)} read text, and this dataset has no text column; "
            f"set features to [] and choose among the columns {listed(dataset.frame.columns)}"
        )


def check_known(names: Sequence[str]) -> None:
    """Refuse text features that this machine has not; loads none."""
    for name in names if not isinstance(names, str) else ():
        if name != "tfidf" and did_you_mean(name, ["tfidf"]):
            raise WorkbenchError(f"feature {name!r} is unknown; did you mean 'tfidf'?")
        if name.startswith(PREFIX) and name != PREFIX:
            Pretrained.folder(name.removeprefix(PREFIX))
        elif name not in ("tfidf", PREFIX, PREFIX[:-1]):
            encoder_version(name)
