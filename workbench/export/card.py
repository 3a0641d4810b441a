"""The dataset card: what a reader of a training set must know of it, in Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from workbench.export.rows import Candidates, Mask, entropy
from workbench.io.files import plain
from workbench.tables import ABSTAIN

_MARKUP: Final = re.compile(r"[\\`*<>\[\]|!&]")  # by which a name of a class or a function would become an image or HTML
_LOADERS: Final = {"parquet": "parquet", "csv": "csv", "jsonl": "json"}


def card(rows: Candidates, kept: Mask, manifest: Mapping[str, Any]) -> str:
    """Return the dataset card of the rows that are kept, bool[n].

    manifest: what write_export writes beside it.
    """
    n, before = int(kept.sum()), int(kept.sum()) + sum(manifest["filters"].get("removed", {}).values())
    train_on = "`label` is the likeliest class." if manifest["filters"].get("hard_labels") else _soft(manifest)
    by_people = 0 if rows.reviewed is None else int((rows.reviewed & kept).sum())
    who = f"People labelled {by_people:,} of these rows; for the others" if by_people else "Nobody labelled these rows by hand:"
    opening = (
        f"# Training set of {n:,} rows in {len(rows.labels)} classes\n\n{who} "
        f"{len(rows.votes.lfs)} labeling functions voted, and the label model {manifest['model']} turned their votes into a "
        f"probability for every class. {train_on}\n"
    )
    settings = "\n".join(
        f"- {key}: `{_code(manifest[key])}`" for key in ("model", "settings", "seed", "data", "votes", "workbench")
    )
    removed = manifest["filters"].get("removed", {})
    filters = f"Before them there were {before:,} rows.\n\n" + "\n".join(
        f"- {name}: {_said(_code(value))}" + (f", removed {removed[name]:,} rows" if name in removed else "")
        for name, value in manifest["filters"].items()
        if name != "removed"
    )
    sections = [
        opening,
        f"## Classes\n\n{_class_table(rows, kept)}\n",
        f"## Quality\n\n{_quality(rows, kept, manifest)}\n",
        f"## How it was made\n\n{settings}\n",
        f"## Functions\n\n{_function_table(rows, kept, manifest['functions'])}\n",
        f"## Filters\n\n{filters}\n",
        f"## Private data\n\n{_private(manifest['private'])}\n",
        f"## Known limits\n\n{_limits(manifest)}\n",
        f"## Loading\n\n{_loading(manifest)}\n",
    ]
    return "\n".join(sections)


def _soft(manifest: Mapping[str, Any]) -> str:
    flat = [name for name in _files(manifest) if not name.startswith("data/")]
    where = " and ".join(["`p_...`"] * bool(flat) + ["`probabilities`"] * (len(flat) < len(_files(manifest))))
    return f"Train on the probabilities ({where}); `label` is only the likeliest class."


def _code(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False) if not isinstance(value, str) else value


def _said(sentence: str) -> str:
    """Return a sentence whose names are no markup; commands between backticks stay code."""
    parts = sentence.split("`")
    return "`".join(part if place % 2 else re.sub(r"[<\[]", r"\\\g<0>", part) for place, part in enumerate(parts))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[_MARKUP.sub(r"\\\g<0>", cell).replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def _class_table(rows: Candidates, kept: Mask) -> str:
    n, k = int(kept.sum()), len(rows.labels)
    label = rows.label[kept]
    counts = np.bincount(np.where(label == ABSTAIN, k, label), minlength=k + 1)
    means = rows.soft.probs[kept].mean(axis=0)
    lines = [[name, f"{counts[c]:,}", f"{counts[c] / n:.1%}", f"{means[c]:.3f}"] for c, name in enumerate(rows.labels)]
    lines.append(["(no label: uncovered or tied)", f"{counts[k]:,}", f"{counts[k] / n:.1%}", ""])
    return _table(["class", "rows", "share", "mean probability"], lines)


def _quality(rows: Candidates, kept: Mask, manifest: Mapping[str, Any]) -> str:
    """List coverage, agreement and how right the labels are, each with the count it rests on."""
    n, covered, review = int(kept.sum()), int(rows.soft.covered[kept].sum()), int(rows.needs_review[kept].sum())
    agreed = rows.agreement[kept]
    agreed = agreed[~np.isnan(agreed)]
    agreement = f"{agreed.mean():.1%} on average over {len(agreed):,} rows with votes and a label" if len(agreed) else "no row"
    lines = [
        f"- Covered by at least one function: {covered:,} of {n:,} rows ({covered / n:.1%}).",
        f"- Votes a row: {rows.votes.n_votes[kept].mean():.2f} on average.",
        f"- Votes that equal the label: {agreement}.",
        f"- Mean entropy {entropy(rows.soft.probs[kept]).mean():.3f} nats, of at most {np.log(len(rows.labels)):.3f}.",
        f"- Need a human look: {review:,} of {n:,} rows ({review / n:.1%}).",
    ]
    found = manifest.get("quality")
    if found and found["expected"] is not None:
        lines.append(f"- Right by the label model's own probabilities: {found['expected']:.1%} of these labels.")
    if found and found["valid"]["n"]:
        one, (low, high) = found["valid"], found["valid"]["interval"]
        lines.append(
            f"- Label noise: of {one['n']:,} valid rows with gold that pass the same filters {one['accuracy']:.1%} are "
            f"labelled right (95 % interval {low:.1%} to {high:.1%}); the exported rows may differ from them."
        )
    else:
        lines.append("- Label noise: not measured, no valid row with gold passes these filters.")
    return "\n".join(lines)


def _function_table(rows: Candidates, kept: Mask, fingerprints: Mapping[str, str]) -> str:
    """Set what each function voted beside the labels that came out: not its accuracy, as it had its say in them."""
    label, lines = rows.label[kept], []
    for j, name in enumerate(rows.votes.lfs):
        vote = rows.votes.votes[kept, j]
        voted = vote != ABSTAIN
        compared = int((voted & (label != ABSTAIN)).sum())
        equal = int((voted & (vote == label)).sum())
        share = f"{equal / compared:.1%}" if compared else "no vote"
        lines.append([name, f"{voted.sum():,}", f"{voted.mean():.1%}", share, fingerprints.get(name, "unknown")[:12]])
    return _table(["function", "votes", "coverage", "equals the label", "fingerprint"], lines)


def _private(facts: Mapping[str, Any]) -> str:
    what = "is masked in these files" if facts["masked"] else "stands in these files as it was written"
    counted = _table(["kind", "found"], [[kind, f"{n:,}"] for kind, n in facts["found"].items()])
    found = (
        f"In {facts['rows']:,} rows there was what follows; it {what}.\n\n{counted}" if facts["found"] else "None was found."
    )
    return f"Looked for by form, in every column of text but the ids: names and postal addresses have none. {found}"


def _limits(manifest: Mapping[str, Any]) -> str:
    fixed = [
        "Labels are as good as the functions: what none looks at nobody has labelled, and errors they share are systematic.",
        "Uncovered rows, where exported, carry the class balance, which is an assumption; their weight is 0.",
    ]
    if manifest["csv_formulas_escaped"] and any(name.endswith(".csv") for name in _files(manifest)):
        fixed.append("In the CSV file, text that a spreadsheet would run as a formula starts with an added apostrophe.")
    return "\n".join(f"- {sentence}" for sentence in [*fixed, *map(_said, manifest["warnings"])])


def _files(manifest: Mapping[str, Any]) -> list[str]:
    return [file["name"] for file in manifest["files"]]


def _loading(manifest: Mapping[str, Any]) -> str:
    name = _files(manifest)[0]
    kind = name.rpartition(".")[2]
    if "described_rows" in manifest:
        return _loading_parts(kind, name.startswith("data/"))
    read = {"parquet": "read_parquet({})", "csv": "read_csv({})", "jsonl": "read_json({}, lines=True)"}[kind]
    loader = _LOADERS[kind]
    whole = any(file.startswith("data/") for file in _files(manifest))  # then README.md tells which file is which split
    return "\n".join(
        [
            "```python",
            "import pandas as pd",
            f"frame = pd.{read.format(repr(name))}.set_index('id')",
            "",
            "from datasets import load_dataset",
            "rows = load_dataset('.')['train']" if whole else f"rows = load_dataset({loader!r}, data_files={name!r})['train']",
            "```",
        ]
    )


def _loading_parts(kind: str, whole: bool) -> str:
    """Tell how to read files of one partition each."""
    files = "load_dataset('.')" if whole else f"load_dataset({_LOADERS[kind]!r}, data_files='train-*.{kind}')"
    return "\n".join(["```python", "from datasets import load_dataset", f"rows = {files}['train']", "```"])
