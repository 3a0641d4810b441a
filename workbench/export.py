"""The training set: one frame with everything known about each row, its manifest, and its card.

Beside the dataset's own columns (one whose name is taken becomes `data:<name>`) stand, in this order:

- `split`, and `p_<class>`, the probability of each class
- `label`: the likeliest class, missing on uncovered rows and ties
- `entropy` of the probabilities, in nats
- `agreement`: the share of the row's votes that equal the label, missing where there is no vote or no label
- `weight`: 1 - entropy / log k on covered rows and 0 elsewhere, so that a uniform row teaches nothing
- `needs_review`: no function votes, or classes tie, or functions conflict and the two likeliest classes are under 0.2 apart
- `n_votes` and `covered`; gold is left out, as a training set must not hold the answers
- `lf:<function>`: the class it voted, or missing
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import __version__
from workbench.io.files import new_folder, plain, sha256, write_frame, write_json, write_text
from workbench.tables import ABSTAIN, SPLITS, Dataset, SoftLabels, VoteMatrix, WorkbenchError, tied_classes

FORMAT: Final = 1
FORMATS: Final = ("parquet", "csv", "jsonl")
REVIEW_MARGIN: Final = 0.2
#: What a manifest must say about where the labels come from: fingerprints of data and votes and of each function by name, the
#: label model with its settings and seed, the filters and the rows each removed. Any other key is kept too; `scores`, as
#: {split: {"covered": {n, accuracy, interval}}}, also stands on the card.
PROVENANCE: Final = ("data", "votes", "functions", "model", "settings", "seed", "filters")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def training_frame(dataset: Dataset, votes: VoteMatrix, soft: SoftLabels) -> pd.DataFrame:
    """Return one row a row of the dataset, in its order, indexed by id; votes and soft may hold more rows, in any order.

    The columns are those of the module's docstring.
    """
    if not votes.labels == soft.labels == dataset.labels:
        raise WorkbenchError(f"the dataset has classes {dataset.labels}, votes {votes.labels}, soft labels {soft.labels}")
    votes = votes.take(_places(dataset.ids, votes.ids, "vote matrix"))
    soft = soft.take(_places(dataset.ids, soft.ids, "soft labels"))
    labels, hard, covered = dataset.labels, soft.hard().to_numpy(), soft.covered
    n_votes = votes.n_votes
    same = (votes.votes == hard[:, None]).sum(axis=1)
    agreement = np.where((n_votes > 0) & (hard != ABSTAIN), same / np.maximum(n_votes, 1), np.nan)
    entropy = _entropy(soft.probs)
    computed: dict[str, Any] = {"split": dataset.split.to_numpy()}
    computed |= {f"p_{label}": soft.probs[:, index] for index, label in enumerate(labels)}
    computed |= {"label": _named(hard, labels), "entropy": entropy, "agreement": agreement}
    computed["weight"] = np.where(covered, 1 - entropy / np.log(max(len(labels), 2)), 0.0)
    computed["needs_review"] = ~covered | _unsure(soft.probs, votes.conflicting)
    computed |= {"n_votes": n_votes, "covered": covered}
    computed |= {f"lf:{name}": _named(votes.votes[:, j], labels) for j, name in enumerate(votes.lfs)}
    taken = [name for name in map(str, dataset.frame) if name in (*computed, "id", "gold") or name.startswith("lf:")]
    own = dataset.frame.rename(columns={name: f"data:{name}" for name in taken})
    frame = pd.concat([own, pd.DataFrame(computed, index=dataset.ids)], axis=1)
    if not frame.columns.is_unique:
        raise WorkbenchError(
            f"column {frame.columns[frame.columns.duplicated()][0]!r} would stand twice; rename it in the data"
        )
    return frame.rename_axis(index="id")


def _places(wanted: pd.Index, known: pd.Index, what: str) -> NDArray[np.intp]:
    """intp[n]: where each wanted row stands in a table that may hold more rows, in another order."""
    places = known.get_indexer(wanted)
    if (places < 0).any():
        raise WorkbenchError(f"the {what} lacks row {wanted[places < 0][0]!r} of the dataset; apply and fit on the same rows")
    return places


def _named(codes: NDArray[np.int16], labels: Sequence[str]) -> Any:
    """Return a text column of class names, missing for -1; its type is given, as a column all missing does not show it."""
    return pd.array(np.array([*labels, None], dtype=object)[codes], dtype="str")


def _entropy(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(probs * np.log(np.where(probs > 0, probs, 1))).sum(axis=1))  # the limit of p log p at 0 is 0


def _unsure(probs: NDArray[np.float64], conflict: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool[n]: rows where classes tie, or where functions conflict and the model hardly prefers one side."""
    if probs.shape[1] == 1:
        return conflict
    ordered = np.sort(probs, axis=1)
    tied = tied_classes(probs).sum(axis=1) > 1
    return np.asarray(tied | (conflict & (ordered[:, -1] - ordered[:, -2] < REVIEW_MARGIN)))


@dataclass(frozen=True)
class Filters:
    """Which rows are exported.

    min_agreement, min_confidence: 0..1, of `agreement` and of the highest probability; 0 keeps all rows. exclude_review: leave
    out what needs review. classes: only rows with one of these labels; None keeps all, rows without a label too.
    """

    splits: tuple[str, ...] = ("train",)
    covered_only: bool = True
    min_agreement: float = 0.0
    min_confidence: float = 0.0
    exclude_review: bool = False
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in SPLITS:
                raise WorkbenchError(f"filter splits names {split!r}; allowed are {', '.join(SPLITS)}")
        for name in ("min_agreement", "min_confidence"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise WorkbenchError(f"filter {name} is {value}; it is a share between 0 and 1")


def apply_filters(frame: pd.DataFrame, filters: Filters) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of a training frame that pass, and how many each filter removed.

    The filters work in the order of their fields, and each counts the rows that it removes of those that are left.
    """
    labels = _labels(frame)
    unknown = [name for name in filters.classes or () if name not in labels]
    if unknown:
        raise WorkbenchError(f"filter classes names {unknown[0]!r}; the classes are {', '.join(labels)}")
    passes = {"splits": frame["split"].isin(filters.splits)}
    if filters.covered_only:
        passes["covered_only"] = frame["covered"]
    if filters.min_agreement > 0:
        passes["min_agreement"] = frame["agreement"].ge(filters.min_agreement)
    if filters.min_confidence > 0:
        passes["min_confidence"] = _probabilities(frame).max(axis=1).ge(filters.min_confidence)
    if filters.exclude_review:
        passes["exclude_review"] = ~frame["needs_review"]
    if filters.classes is not None:
        passes["classes"] = frame["label"].isin(filters.classes)
    left = np.ones(len(frame), dtype=bool)
    removed = {}
    for name, passed in passes.items():
        after = left & passed.to_numpy(dtype=bool)
        removed[name] = int(left.sum() - after.sum())
        left = after
    return frame[left], removed


def _probabilities(frame: pd.DataFrame) -> pd.DataFrame:
    # By place and not by name: the dataset may have a column p_value of its own, but none called split or label.
    names = list(frame.columns)
    return frame[names[names.index("split") + 1 : names.index("label")]]


def _labels(frame: pd.DataFrame) -> list[str]:
    return [str(name).removeprefix("p_") for name in _probabilities(frame)]


def write_export(
    folder: Path | str,
    frame: pd.DataFrame,
    *,
    provenance: Mapping[str, Any],
    formats: Sequence[str] = FORMATS,
    warnings: Sequence[str] = (),
    escape_formulas: bool = True,
) -> Path:
    """Write a training frame with manifest.json and card.md into a new folder, whole or not at all, and return the folder.

    provenance: at least the keys of PROVENANCE. escape_formulas: in CSV, text that a spreadsheet would run (it starts with
    = + - @, a tab or a carriage return) gets a leading apostrophe. The same input gives the same bytes. Raises WorkbenchError
    where the folder exists, the frame is empty, a format is unknown or provenance lacks a key.
    """
    lacking = [key for key in PROVENANCE if key not in provenance]
    if lacking:
        raise WorkbenchError(f"the provenance of an export lacks {', '.join(lacking)}; it needs {', '.join(PROVENANCE)}")
    wrong = [name for name in formats if name not in FORMATS]
    if wrong or not formats:
        raise WorkbenchError(f"export format {wrong[0] if wrong else ''!r} is unknown; known are {', '.join(FORMATS)}")
    if frame.empty:
        raise WorkbenchError("no row is left to export; loosen the filters, or add functions that cover more rows")
    with new_folder(folder) as draft:
        files = []
        for kind in formats:
            path = draft / f"train.{kind}"
            write_frame(_without_formulas(frame) if kind == "csv" and escape_formulas else frame, path)
            files.append({"name": path.name, "sha256": sha256(path), "bytes": path.stat().st_size, "rows": len(frame)})
        manifest = {"format": FORMAT, "workbench": __version__, **provenance, "rows": len(frame), "labels": _labels(frame)}
        manifest |= {"csv_formulas_escaped": escape_formulas, "warnings": list(warnings), "files": files}
        manifest["columns"] = [{"name": name, "type": str(kind)} for name, kind in frame.reset_index().dtypes.items()]
        write_json(draft / "manifest.json", manifest)
        write_text(draft / "card.md", card(frame, manifest))
    return Path(folder)


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with an apostrophe before each text, name or id that a spreadsheet would run (CWE-1236)."""

    def safe(cell: Any) -> Any:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

    table = frame.reset_index()
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].map(safe)
    return table.rename(columns=safe)


def card(frame: pd.DataFrame, manifest: Mapping[str, Any]) -> str:
    """Return the dataset card of a training frame in Markdown.

    frame: what was exported, after the filters. manifest: what write_export writes beside it.
    """
    labels, functions = manifest["labels"], [name for name in map(str, frame) if name.startswith("lf:")]
    opening = (
        f"# Training set of {len(frame):,} rows in {len(labels)} classes\n\nNobody labelled these rows by hand: "
        f"{len(functions)} labeling functions voted, and the label model {manifest['model']} turned their votes into a "
        "probability for every class. Train on the probabilities (`p_...`); `label` is only the likeliest class.\n"
    )
    settings = "\n".join(
        f"- {key}: `{_code(manifest[key])}`" for key in ("model", "settings", "seed", "data", "votes", "workbench")
    )
    removed = manifest["filters"].get("removed", {})
    filters = f"Before them there were {len(frame) + sum(removed.values()):,} rows.\n\n" + "\n".join(
        f"- {name}: {_code(value)}" + (f", removed {removed[name]:,} rows" if name in removed else "")
        for name, value in manifest["filters"].items()
        if name != "removed"
    )
    sections = [
        opening,
        f"## Classes\n\n{_class_table(frame, labels)}\n",
        f"## Quality\n\n{_quality(frame, manifest)}\n",
        f"## How it was made\n\n{settings}\n",
        f"## Functions\n\n{_function_table(frame, functions, manifest['functions'])}\n",
        f"## Filters\n\n{filters}\n",
        f"## Known limits\n\n{_limits(manifest)}\n",
        f"## Loading\n\n{_loading(manifest)}\n",
    ]
    return "\n".join(sections)


def _code(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False) if not isinstance(value, str) else value


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def _class_table(frame: pd.DataFrame, labels: Sequence[str]) -> str:
    rows = []
    for label, column in zip(labels, _probabilities(frame), strict=True):
        hits = int((frame["label"] == label).sum())
        rows.append([label, f"{hits:,}", f"{hits / len(frame):.1%}", f"{frame[column].mean():.3f}"])
    none = int(frame["label"].isna().sum())
    rows.append(["(no label: uncovered or tied)", f"{none:,}", f"{none / len(frame):.1%}", ""])
    return _table(["class", "rows", "share", "mean probability"], rows)


def _quality(frame: pd.DataFrame, manifest: Mapping[str, Any]) -> str:
    """List coverage, agreement and what scores the manifest holds, each with the count it rests on."""
    n, covered, review = len(frame), int(frame["covered"].sum()), int(frame["needs_review"].sum())
    agreed = frame["agreement"].dropna()
    agreement = f"{agreed.mean():.1%} on average over {len(agreed):,} rows with votes and a label" if len(agreed) else "no row"
    lines = [
        f"- Covered by at least one function: {covered:,} of {n:,} rows ({covered / n:.1%}).",
        f"- Votes a row: {frame['n_votes'].mean():.2f} on average.",
        f"- Votes that equal the label: {agreement}.",
        f"- Mean entropy {frame['entropy'].mean():.3f} nats, of at most {np.log(len(manifest['labels'])):.3f}.",
        f"- Need a human look: {review:,} of {n:,} rows ({review / n:.1%}).",
        "- Label noise: not measured on these rows, no gold is in this export.",
    ]
    for split, found in manifest.get("scores", {}).items():
        one = found["covered"]
        if one["accuracy"] is not None:
            low, high = one["interval"]
            lines.append(
                f"- The label model is right on {one['accuracy']:.1%} of {one['n']:,} covered {split} rows with gold "
                f"(95 % interval {low:.1%} to {high:.1%}); these rows may differ from the exported ones."
            )
    return "\n".join(lines)


def _function_table(frame: pd.DataFrame, functions: Sequence[str], fingerprints: Mapping[str, str]) -> str:
    """Set what each function voted beside the labels that came out: not its accuracy, as it had its say in them."""
    rows = []
    for column in functions:
        voted = frame[frame[column].notna()]
        compared = voted[voted["label"].notna()]
        equal = int((compared[column] == compared["label"]).sum())
        share = f"{equal / len(compared):.1%}" if len(compared) else "no vote"
        name = column.removeprefix("lf:")
        rows.append([name, f"{len(voted):,}", f"{len(voted) / len(frame):.1%}", share, fingerprints.get(name, "unknown")[:12]])
    return _table(["function", "votes", "coverage", "equals the label", "fingerprint"], rows)


def _limits(manifest: Mapping[str, Any]) -> str:
    fixed = [
        "Labels are as good as the functions: what none looks at nobody has labelled, and errors they share are systematic.",
        "Uncovered rows, where exported, carry the class balance, which is an assumption; their weight is 0.",
    ]
    if manifest["csv_formulas_escaped"] and any(file["name"].endswith(".csv") for file in manifest["files"]):
        fixed.append("In the CSV file, text that a spreadsheet would run as a formula starts with an added apostrophe.")
    return "\n".join(f"- {sentence}" for sentence in [*fixed, *manifest["warnings"]])


def _loading(manifest: Mapping[str, Any]) -> str:
    name = manifest["files"][0]["name"]
    kind = name.rpartition(".")[2]
    read = {"parquet": "read_parquet({})", "csv": "read_csv({})", "jsonl": "read_json({}, lines=True)"}[kind]
    loader = {"parquet": "parquet", "csv": "csv", "jsonl": "json"}[kind]
    return "\n".join(
        [
            "```python",
            "import pandas as pd",
            f"frame = pd.{read.format(repr(name))}.set_index('id')",
            "",
            "from datasets import load_dataset",
            f"rows = load_dataset({loader!r}, data_files={name!r})['train']",
            "```",
        ]
    )
