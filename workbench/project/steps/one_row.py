"""`workbench predict --text`: what the end model, the functions and the label model of a run say of one typed row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.apply import apply_lfs
from workbench.io.names import did_you_mean, listed
from workbench.lfs import LabelingFunction
from workbench.project.driving_words import driving_words
from workbench.project.reference import reference_run
from workbench.project.reviewing import kept_anchors
from workbench.project.runs import KEPT_MODEL, Run, find_run, newest_run
from workbench.project.steps.fit import chosen_model, fit_label_model
from workbench.project.steps.predict import AnswerRule, ask
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError

_ID: Final = "typed"


@dataclass(frozen=True)
class Opened:
    """What answers typed rows: a run's models and the functions as they are now; in words why, where one of them cannot.

    head: the columns of rows, without rows. rule: when the end model answers by itself. ran: the functions of the run, with
    their fingerprints then.
    """

    head: Dataset
    functions: dict[str, LabelingFunction] | str
    end_model: Any
    rule: AnswerRule
    label_model: Any
    ran: Mapping[str, str]


def run_to_ask(task: Task, run_id: str | None) -> Run:
    """Return the run of that id, else the reference, else the newest with an end model, else the newest with labels."""
    if run_id is None and (reference := reference_run(task)) is not None:
        return reference
    if run_id is None and (run := newest_run(task, "end_model")) is not None:
        return run
    return find_run(task, run_id, holding="soft_labels.parquet")


def open_run(task: Task, run: Run, review_below: float | None = None) -> Opened:
    """Load what answers typed rows for a run; this takes seconds, an answer hardly any.

    review_below: the confidence, 0..1, below which the row needs review, in place of what the run found.
    """
    rows = task.dataset()[0]
    head = task.visible(rows).take(np.zeros(0, np.intp))
    functions: dict[str, LabelingFunction] | str
    try:
        functions = {function.name: function for function in task.functions()}
    except WorkbenchError as error:
        functions = str(error)
    return Opened(
        head=head,
        functions=functions,
        end_model=_or_why(lambda: _end_model(task, run, head)),
        rule=AnswerRule.of(run, review_below),
        label_model=_or_why(lambda: _label_model(task, run, rows)),
        ran=run.about["functions"],
    )


def _or_why(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except WorkbenchError as error:
        return str(error)


def _end_model(task: Task, run: Run, head: Dataset) -> Any:
    from workbench.end_model import EndModel

    model = EndModel.load(run.end_model_folder(), labels=task.labels)
    model.predict_proba(typed_row({}, head))  # loads what it only loads when it is asked
    return model


def _label_model(task: Task, run: Run, rows: Dataset) -> Any:
    """Return the label model of a run: the one it kept, else the same one fitted again on the votes that it kept."""
    if (run.folder / KEPT_MODEL).exists():
        return run.kept_model()
    if rows.fingerprint != run.about["data"]:
        raise WorkbenchError(f"the rows changed after run {run.id}, so its label model cannot be fitted again; run again")
    then = replace(task, label_model=run.about["settings"]["label_model"])
    return fit_label_model(then, chosen_model(then), task.visible(rows), run.votes(), kept_anchors(run.folder))[1]


def answer(
    opened: Opened, values: Mapping[str, str | None], at_work: Callable[[str], None] = lambda name: None
) -> dict[str, Any]:
    """Return what all say of a row, typed as text by column: a column left out is missing, a text left out is empty.

    end_model: {probs, decision, why, promise, words: of `driving_words`} or {reason}. functions: {votes: [{lf, label, since}],
    faults: [{lf, error}], unasked: [name], silent} or {reason}; since is '', `new` or `changed` after the run, unasked would
    call a client. label_model: {probs, covered} or {reason}. at_work: told which function is asked. Raises WorkbenchError for
    an unknown column or a cell of the wrong type.
    """
    row = typed_row(values, opened.head)
    found: dict[str, Any] = {}
    if isinstance(opened.end_model, str):
        found["end_model"] = {"reason": opened.end_model}
    else:
        soft, decided = ask(opened.end_model, opened.rule, row)
        about = {**decided.iloc[0].to_dict(), "promise": opened.rule.promise}
        found["end_model"] = {"probs": _by_label(soft), **about, "words": driving_words(opened.end_model, row)}
    if isinstance(opened.functions, str):
        why = {"reason": opened.functions}
        return found | {"functions": why, "label_model": {"reason": "the functions cannot be loaded"}}
    votes, said = _ask(opened, opened.functions, row, at_work)
    return found | {"functions": said, "label_model": _combined(opened, votes)}


def cells(task: Task, texts: Sequence[str], columns: Sequence[str]) -> dict[str, str | None]:
    """Return a row from texts, one a text column in their order, and from `name=value`."""
    names = task.data["text"]
    if len(texts) > len(names):
        raise WorkbenchError(f"{len(texts)} texts are given, and the text columns are {listed(names)}; give one for each")
    wrong = [one for one in columns if "=" not in one]
    if wrong:
        raise WorkbenchError(f"column {wrong[0]!r} has no value; write NAME=VALUE, such as plan=pro")
    return dict(zip(names, texts, strict=False)) | dict(one.split("=", 1) for one in columns)


def typed_row(values: Mapping[str, str | None], head: Dataset) -> Dataset:
    """Return a data set of one row, its cells of the types that the rows' columns have."""
    columns = list(head.frame.columns)
    for name in values:
        if name not in columns:
            raise WorkbenchError(f"there is no column {name!r}; the rows have {listed(columns)}{did_you_mean(name, columns)}")
    cells = {name: _cell(name, values.get(name), head) for name in columns}
    return Dataset(pd.DataFrame(cells, index=pd.Index([_ID], name="id")), head.labels, head.text)


def _cell(name: str, value: str | None, head: Dataset) -> Any:
    """Return a cell as an array of one, of the column's type where that can hold it."""
    kind, types = head.frame[name].dtype, pd.api.types
    if name in head.text:
        return pd.array([value or ""], dtype="str")
    if value is None or value == "":
        return pd.Series([None], index=[_ID], dtype="float64" if types.is_numeric_dtype(kind) else kind)
    if types.is_bool_dtype(kind):
        if value.lower() not in ("true", "false"):
            raise WorkbenchError(f"column {name!r} holds true or false, and {value!r} is neither")
        return pd.Series([value.lower() == "true"], index=[_ID], dtype=kind)
    if types.is_numeric_dtype(kind) or types.is_datetime64_any_dtype(kind):
        parse = pd.to_numeric if types.is_numeric_dtype(kind) else pd.to_datetime
        parsed = parse(pd.Series([value]), errors="coerce")
        if parsed.isna().any():
            what = "numbers" if types.is_numeric_dtype(kind) else "dates"
            raise WorkbenchError(f"column {name!r} holds {what}, and {value!r} is none; give one, or leave it empty")
        whole = types.is_integer_dtype(kind) and float(parsed.iloc[0]).is_integer()
        return parsed.astype(kind if whole or not types.is_integer_dtype(kind) else "float64").array
    return pd.Series([value], index=[_ID], dtype=kind)


def _ask(
    opened: Opened, functions: Mapping[str, LabelingFunction], row: Dataset, at_work: Callable[[str], None]
) -> tuple[VoteMatrix, dict[str, Any]]:
    """Let the functions vote on the row, but for those that would call a client about it."""
    texts = row.texts()
    unasked = [name for name, one in functions.items() if hasattr(one, "pending_calls") and one.pending_calls(texts)]
    asked = [one for name, one in functions.items() if name not in unasked]
    votes = apply_lfs(asked, row, max_faults=1.0, progress=lambda tick: at_work(tick.function))
    cast = [(name, int(vote)) for name, vote in zip(votes.lfs, votes.votes[0], strict=True) if vote != ABSTAIN]
    said: dict[str, Any] = {
        "votes": [{"lf": name, "label": row.labels[vote], "since": _since(opened, functions[name])} for name, vote in cast],
        "faults": votes.faults[["lf", "error"]].to_dict("records"),
        "unasked": unasked,
    }
    said["silent"] = len(asked) - len(cast) - len(said["faults"])
    return votes, said


def _since(opened: Opened, function: LabelingFunction) -> str:
    if function.name not in opened.ran:
        return "new"
    return "" if opened.ran[function.name] == function.fingerprint else "changed"


def _combined(opened: Opened, votes: VoteMatrix) -> dict[str, Any]:
    """Return the label model's answer to the votes of the functions that it knows; the others' do not count."""
    if isinstance(opened.label_model, str):
        return {"reason": opened.label_model}
    lfs = tuple(opened.ran)
    cast = dict(zip(votes.lfs, votes.votes[0], strict=True))
    known = VoteMatrix(votes.ids, lfs, votes.labels, np.array([[cast.get(name, ABSTAIN) for name in lfs]]))
    return {"probs": _by_label(opened.label_model.predict_proba(known)), "covered": bool(known.covered[0])}


def _by_label(soft: SoftLabels) -> dict[str, float]:
    return dict(zip(soft.labels, map(float, soft.probs[0]), strict=True))
