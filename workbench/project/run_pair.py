"""Two runs side by side: which settings and functions differ, what that did to the scores, and which labels changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import gain, score
from workbench.project.label_model import gold_of, row_in_words
from workbench.project.runs import Run
from workbench.tables import Dataset, SoftLabels

_NONE: Final = "no label"
_SAMPLE: Final = 100  # changed rows kept to look at


@dataclass(frozen=True)
class RunPair:
    """What is other in a run than in one before it.

    settings: by name before and after, of those that differ. functions: by name `new`, `changed` or `removed`. other_data:
    whether the rows differ. scores: on the valid rows that both label, by `all` or `covered`, and `before` or `after`. gains:
    by `all` or `covered`, of `evaluate.gain`. accuracy: learned, by function before, after and change, the widest first.
    common: rows that both runs label; changed: of those with another label. moves: before, after, n. sample: changed rows of
    train and valid, by id, those first whose new label gained most.
    """

    settings: pd.DataFrame
    functions: dict[str, str]
    other_data: bool
    scores: pd.DataFrame
    gains: dict[str, dict[str, Any]]
    accuracy: pd.DataFrame
    common: int
    changed: int
    moves: pd.DataFrame
    sample: pd.DataFrame


def compare_runs(before: Run, after: Run, dataset: Dataset) -> RunPair:
    """Set two runs with soft labels side by side; scores use the gold of valid as it is now."""
    first, second = on_common_rows(before.soft_labels(), after.soft_labels())
    places = dataset.ids.get_indexer(second.ids)
    visible = np.where((dataset.split == "test").to_numpy()[places], -1, places)
    labels = label_names(first), label_names(second)
    changed = labels[0] != labels[1]
    table = pd.DataFrame({"before": labels[0][changed], "after": labels[1][changed]})
    moves = table.value_counts().rename("n").reset_index()
    scores, gains = _scores(first, second, dataset, visible)
    return RunPair(
        settings=settings_changed(*(_said(run.about) for run in (before, after))),
        functions=functions_changed(before.about["functions"], after.about["functions"]),
        other_data=before.about["data"] != after.about["data"],
        scores=scores,
        gains=gains,
        accuracy=_accuracy(before.label_model(), after.label_model()),
        common=len(second),
        changed=int(changed.sum()),
        moves=moves,
        sample=_sample(first, second, labels, np.flatnonzero(changed & (visible >= 0)), dataset, visible),
    )


def on_common_rows(first: SoftLabels, second: SoftLabels) -> tuple[SoftLabels, SoftLabels]:
    """Return the rows that both have, in the order of the second."""
    if first.ids.equals(second.ids):
        return first, second
    places = first.ids.get_indexer(second.ids)
    return first.take(places[places >= 0]), second.take(places >= 0)


def label_names(soft: SoftLabels) -> NDArray[np.object_]:
    """object[n]: the name of each row's label."""
    names = np.array([*soft.labels, _NONE], dtype=object)  # the last one is of -1
    return np.asarray(names[soft.hard().to_numpy(np.intp)])


def _said(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, and how many reviewed rows taught it."""
    return {**about["settings"], "reviewed rows that teach": about.get("review", {}).get("anchors", 0)}


def settings_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return before and after of each setting that differs, by its dotted name."""
    old, new = dict(_flat(before)), dict(_flat(after))
    lines = [
        {"setting": name, "before": old.get(name, "not set"), "after": new.get(name, "not set")}
        for name in dict.fromkeys([*old, *new])
        if old.get(name, "not set") != new.get(name, "not set")
    ]
    return pd.DataFrame(lines, columns=["setting", "before", "after"]).set_index("setting")


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(value)


def functions_changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return `new`, `changed` or `removed` by function, of fingerprints by name."""
    found = {name: "changed" if name in before else "new" for name in after if before.get(name) != after[name]}
    return found | {name: "removed" for name in before if name not in after}


def _scores(
    first: SoftLabels, second: SoftLabels, dataset: Dataset, visible: NDArray[np.intp]
) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Return the scores of both on valid, and what the second gained; gains need the same classes."""
    valid = np.zeros(len(second), bool)
    valid[visible >= 0] = (dataset.split == "valid").to_numpy()[visible[visible >= 0]]
    held_out = {"before": first.take(valid), "after": second.take(valid)}
    same = first.labels == second.labels == dataset.labels
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    gains: dict[str, dict[str, Any]] = {}
    kinds: tuple[Literal["all", "covered"], ...] = ("all", "covered")
    for rows in kinds:
        for name, soft in held_out.items() if same else ():
            one = score(soft, dataset.gold, split="valid", rows=rows)
            lines[rows, name] = {**one, **dict(zip(("low", "high"), one["interval"] or (None, None), strict=True))}
        if same:
            gains[rows] = gain(held_out["after"], held_out["before"], dataset.gold, rows=rows, n_boot=2_000)
    columns = ["accuracy", "low", "high", "macro_f1", "log_loss", "ece", "n"]
    return pd.DataFrame(lines, index=columns).T.astype(float), gains


def _accuracy(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    columns = {name: pd.Series(model["accuracy"], dtype=float) for name, model in (("before", before), ("after", after))}
    table = pd.DataFrame(columns).rename_axis("function")
    table["change"] = table["after"] - table["before"]
    return table.dropna(how="all").sort_values("change", key=lambda change: -change.abs(), kind="stable")


def _sample(
    first: SoftLabels,
    second: SoftLabels,
    labels: tuple[NDArray[np.object_], NDArray[np.object_]],
    rows: NDArray[np.intp],
    dataset: Dataset,
    visible: NDArray[np.intp],
) -> pd.DataFrame:
    """Return changed rows: row (its text, or cells), before, after, gold, and the new label's probability before and after."""
    columns = ["id", "row", "before", "after", "probability_before", "probability", "gold"]
    if first.labels != second.labels:
        return pd.DataFrame(columns=columns).set_index("id")
    likeliest = second.probs[rows].argmax(axis=1)
    now, then = second.probs[rows, likeliest], first.probs[rows, likeliest]
    lines = []
    for at in np.argsort(then - now, kind="stable")[:_SAMPLE]:
        i = rows[at]
        probabilities = {"probability_before": float(then[at]), "probability": float(now[at])}
        told = {"row": row_in_words(dataset, visible[i]), "before": labels[0][i], "after": labels[1][i]}
        lines.append({"id": second.ids[i], **told, **probabilities, "gold": gold_of(dataset, visible[i])})
    return pd.DataFrame(lines, columns=columns).set_index("id")
