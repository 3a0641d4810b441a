"""What changed from one run to another: rows, functions, settings, votes, labels and why, scores, the promise, reviews.

Ids are those of train and valid rows alone: of test rows only counts are told.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.evaluate import gain, score
from workbench.io.votes import read_soft_labels
from workbench.project.flips import Flips, answers_changed, flipped_labels, split_now, vote_changes
from workbench.project.overview import MODELS
from workbench.project.reviewing import open_record
from workbench.project.run_pair import functions_changed, on_common_rows, settings_changed
from workbench.project.run_sources import kept_functions, kept_rows
from workbench.project.runs import Run
from workbench.project.steps.predict import promised
from workbench.project.task import Task
from workbench.tables import Dataset, SoftLabels

_N_BOOT: Final = 2_000
_HELD_OUT: Final = ("test", "valid")
_SAME_LINES: Final = "its own lines are the same"
Answers = dict[str, tuple[SoftLabels, SoftLabels]]  # by model: of the run before and of the run after


@dataclass(frozen=True, eq=False)
class Difference:
    """What is other in the run `after` than in the run `before`.

    data: n rows by change (added, removed, edited, other split, other class) and split, other_data: whether anything differs.
    rows: change and split of such rows of train and valid, by id. functions: state (new, changed, removed), place, reason, said
    and diff (unified, '' where the code is not kept or is the same), by name. files: diff of each Python file of the folder of
    functions, by name. settings: before and after by dotted name. votes: as of `vote_changes`. labels: None where a run has no
    labels. answers: of the end model, as of `answers_changed`. scores: split, model, and on the rows with gold that both
    answered n, before, after, change, and the paired 95 % interval of the change, low..high. promise: threshold, risk, answered
    (share of rows) and n, by `before` and `after`, missing where nothing is promised. reviews: n by reviewer and kind, of
    decisions that came in between. notes: what could not be compared, and why. anchors: reviewed rows that taught, before and
    after. whole: whether both runs kept their rows, so that edited ones are told.
    """

    before: str
    after: str
    other_data: bool
    data: pd.DataFrame
    rows: pd.DataFrame
    functions: pd.DataFrame
    files: pd.DataFrame
    settings: pd.DataFrame
    votes: pd.DataFrame
    labels: Flips | None
    answers: pd.DataFrame
    scores: pd.DataFrame
    promise: pd.DataFrame
    reviews: pd.DataFrame
    notes: tuple[str, ...]
    anchors: tuple[int, int] = (0, 0)
    whole: bool = True

    @property
    def other_files(self) -> dict[str, str]:
        """The diffs of files of which no changed function shows its own."""
        told = {str(line["place"]).partition(":")[0] for _, line in self.functions.iterrows() if line["diff"]}
        return {str(name): diff for name, diff in self.files["diff"].items() if Path(str(name)).stem not in told}


def difference(task: Task, a: Run, b: Run, dataset: Dataset | None = None) -> Difference:
    """Set run a and a later run b side by side; scores use gold and splits as they are now.

    dataset: the rows of the task, where they are read already.
    """
    rows = task.dataset()[0] if dataset is None else dataset
    changed = _changed_rows(a, b, rows)
    votes = a.votes(), b.votes()
    labelled = all((run.folder / "soft_labels.parquet").exists() for run in (a, b))
    answers = _answers(a, b)
    both = answers.get("end_model")
    functions, files = _functions(a, b)
    return Difference(
        before=a.id,
        after=b.id,
        other_data=a.about["data"] != b.about["data"],
        data=changed.groupby(["change", "split"]).size().rename("n").reset_index(),
        rows=changed[changed["split"].isin(["train", "valid"])],
        functions=functions,
        files=files,
        settings=settings_changed(a.about["settings"], b.about["settings"]),
        votes=vote_changes(*votes),
        labels=flipped_labels(a, b, votes, rows) if labelled else None,
        answers=answers_changed(*both, rows) if both else pd.DataFrame({"common": [], "changed": []}, dtype=int),
        scores=_scores(answers, rows),
        promise=pd.DataFrame({"before": _promise(a), "after": _promise(b)}).T,
        reviews=_reviews(task, a, b),
        notes=tuple(_notes(a, b, labelled, answers)),
        anchors=(_taught(a)["anchors"], _taught(b)["anchors"]),
        whole=all(kept_rows(run) is not None for run in (a, b)),
    )


def _changed_rows(a: Run, b: Run, dataset: Dataset) -> pd.DataFrame:
    """Return change and split by row id; a row that changed in two ways has two lines.

    Runs of earlier versions tell added and removed rows alone, and the split of none that is gone.
    """
    old, new = kept_rows(a), kept_rows(b)
    if old is None or new is None:
        ids = a.votes().ids, b.votes().ids
        tables = [pd.DataFrame({"split": split_now(some, dataset)}, index=some) for some in ids]
    else:
        tables = [old, new]
    before, after = tables
    lines = {"added": after[~after.index.isin(before.index)], "removed": before[~before.index.isin(after.index)]}
    if old is not None and new is not None:
        common = after.index.intersection(before.index)
        then, now = before.loc[common], after.loc[common]
        for change, column in (("edited", "hash"), ("other split", "split"), ("other class", "gold")):
            lines[change] = now[(then[column] != now[column]).to_numpy()]
    parts = [lines[change][["split"]].assign(change=change) for change in lines]
    return pd.concat(parts)[["change", "split"]].rename_axis("id")


def _functions(a: Run, b: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what became of each function, and which Python files of their folder differ."""
    old, new = kept_functions(a), kept_functions(b)
    files = {}
    for name in sorted(old["files"].keys() & new["files"].keys()):
        if old["files"][name] != new["files"][name]:
            files[name] = _diff(old["files"][name], new["files"][name], a, b)
    lines = {}
    for name, state in functions_changed(a.about["functions"], b.about["functions"]).items():
        then, now = old["functions"].get(name), new["functions"].get(name)
        told = now or then or {"place": "", "reason": ""}
        diff = _diff(then["source"], now["source"], a, b) if then and now else ""
        said = "" if state != "changed" or diff else _why_changed(then, now, bool(files))
        lines[name] = {"state": state, "place": told["place"], "reason": told["reason"], "said": said, "diff": diff}
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["state", "place", "reason", "said", "diff"])
    return table.rename_axis("function"), pd.DataFrame({"diff": pd.Series(files, dtype="str")}).rename_axis("file")


def _why_changed(then: Any, now: Any, other_files: bool) -> str:
    if not (then and now):
        return "a run of an earlier version kept no code"
    if not (then["source"] and now["source"]):
        return "its code stands elsewhere and is not kept"
    return f"{_SAME_LINES}: {'what it reaches' if other_files else 'a file or a library that it reads'} changed"


def _diff(before: str, after: str, a: Run, b: Run) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), a.id, b.id, lineterm="", n=2)
    return "\n".join(lines)


def _answers(a: Run, b: Run) -> Answers:
    """Return the stored answers of the models that both runs asked, on rows that both answered."""
    found: Answers = {}
    for name in MODELS:
        paths = [run.folder / "answers" / f"{name}.parquet" for run in (a, b)]
        if all(path.exists() for path in paths):
            first, second = (read_soft_labels(path) for path in paths)
            found[name] = first, second
    return found


def _scores(answers: Answers, dataset: Dataset) -> pd.DataFrame:
    lines = []
    for split in _HELD_OUT:
        for name, both in answers.items():
            first, second = on_common_rows(*both)
            inside = split_now(second.ids, dataset) == split
            if first.labels != second.labels or second.labels != dataset.labels or not inside.any():
                continue
            first, second = first.take(inside), second.take(inside)
            old, new = (score(one, dataset.gold, split=split, rows="all") for one in (first, second))
            if new["n"]:
                more = gain(second, first, dataset.gold, rows="all", n_boot=_N_BOOT)
                low, high = more["interval"]
                accuracy = {"before": old["accuracy"], "after": new["accuracy"], "change": more["value"]}
                lines.append({"split": split, "model": MODELS[name], "n": new["n"], **accuracy, "low": low, "high": high})
    return pd.DataFrame(lines, columns=["split", "model", "n", "before", "after", "change", "low", "high"])


def _promise(run: Run) -> dict[str, float | None]:
    found = promised(run)
    if found is None:
        return dict.fromkeys(("threshold", "risk", "answered", "n"))
    learned = found[0]
    return {"threshold": learned.threshold, "risk": learned.risk, "answered": learned.share[0], "n": learned.n}


def _taught(run: Run) -> dict[str, int]:
    return {"anchors": 0, "entries": 0, **run.about.get("review", {})}


def _reviews(task: Task, a: Run, b: Run) -> pd.DataFrame:
    """Count the entries of the record that run b knew and run a did not."""
    known = [_taught(run)["entries"] for run in (a, b)]
    if known[0] >= known[1]:
        return pd.DataFrame(columns=["reviewer", "kind", "n"])
    entries = open_record(task).decisions()
    between = entries[(entries.index > known[0]) & (entries.index <= known[1])]
    counted: pd.DataFrame = between.groupby(["reviewer", "kind"]).size().rename("n").reset_index()
    return counted


def _notes(a: Run, b: Run, labelled: bool, answers: Answers) -> list[str]:
    found = [
        f"Run {run.id} is of an earlier version: it kept neither code nor what tells an edited row."
        for run in (a, b)
        if kept_rows(run) is None
    ]
    if not labelled:
        found.append("One of the runs ended before the label model, so no labels are compared.")
    if not answers:
        found.append("One of the runs ended before its models were asked, so no scores are compared.")
    elif "end_model" not in answers:
        found.append("One of the runs has no end model, so its answers are not compared.")
    return found
