"""The features a user chose, side by side: learned once, then the same for every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from numpy.typing import NDArray

from workbench.end_model.columns import Columns
from workbench.end_model.inputs import Arrays, Block, Inputs, State
from workbench.end_model.words import KINDS, Embedding, Terms
from workbench.io.names import did_you_mean, listed
from workbench.tables import Dataset, WorkbenchError


@dataclass(frozen=True)
class Features:
    """Blocks of features; text: the text columns that they read."""

    text: tuple[str, ...]
    blocks: tuple[Block, ...]

    @classmethod
    def fit(cls, dataset: Dataset, names: Sequence[str], columns: Sequence[str], limit: int) -> Self:
        """Learn vocabulary, scale and categories from rows.

        names: `tfidf`, or an encoder that `encode` knows. columns: columns of the table, numbers or categories. limit: the most
        terms of a kind, and the most values of a category. Raises WorkbenchError for a choice that these rows cannot serve.
        """
        _check_choice(dataset, names, columns)
        blocks: list[Block] = []
        for name in names:
            blocks += [Terms.fit(kind, dataset, limit) for kind in KINDS] if name == "tfidf" else [Embedding.fit(name)]
        if columns:
            blocks.append(Columns.fit(dataset, columns, limit))
        return cls(dataset.text if names else (), tuple(blocks))

    def transform(self, dataset: Dataset) -> Inputs:
        """Return the features of every row; raises WorkbenchError naming the column that the dataset lacks."""
        for name in self.text:
            if name not in dataset.text:
                others = [column for column in dataset.text if column not in self.text]
                raise WorkbenchError(
                    f"the end model learned from the text column {name!r}, and this dataset's text columns are "
                    f"{listed(dataset.text) or 'none'}{did_you_mean(name, others)}"
                )
        same_text = replace(dataset, text=self.text)
        return Inputs.side_by_side([block.transform(same_text) for block in self.blocks])

    def state(self) -> tuple[State, Arrays]:
        """Return what was learned: a JSON document, and arrays by name."""
        states = [block.state() for block in self.blocks]
        arrays = {f"{place}.{name}": array for place, (_, own) in enumerate(states) for name, array in own.items()}
        return {"text": list(self.text), "blocks": [state for state, _ in states]}, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from what `state` gave; raises WorkbenchError where an encoder is missing or another than it was."""
        blocks: list[Block] = []
        for place, one in enumerate(state["blocks"]):
            if one["block"] == "terms":
                blocks.append(Terms(one["kind"], one["terms"], arrays[f"{place}.idf"]))
            elif one["block"] == "embedding":
                blocks.append(Embedding(one["encoder"], arrays[f"{place}.probe"]).check())
            else:
                blocks.append(Columns.from_state(one))
        return cls(tuple(state["text"]), tuple(blocks))


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
    for name in names:
        if name != "tfidf" and did_you_mean(name, ["tfidf"]):
            raise WorkbenchError(f"feature {name!r} is unknown; did you mean 'tfidf'?")
