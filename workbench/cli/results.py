"""Commands about finished runs: evaluate, predict."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.line import applying_to, on_partitions
from workbench.cli.show import answer_table, notes, report_progress
from workbench.io.names import listed
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.project.task import Task

TASK = click.argument("task", type=click.Path(path_type=Path))
RUN = click.option("--run", "run_id", help="Id of the run. Default: the newest that fits.")


@click.command("evaluate")
@TASK
@RUN
@click.option("--crossover", is_flag=True, help="Measure how many gold labels match the end model; minutes, once a run.")
@click.option("--gate", is_flag=True, help="Hold the run against [gate] of task.toml and the reference; exit code 1: it fails.")
@click.option("--against", metavar="RUN", help="With --gate: compare with this run. Default: the reference run.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="With --gate: write JUnit XML, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def evaluate_command(task: Path, run_id: str | None, crossover: bool, as_json: bool, gate: bool, **of_gate: Any) -> None:
    """Score a run's stored answers against the gold as it is now, and show what the end model learned beyond the labels.

    Every model stands beside the others on test and valid; then whose errors the end model copied, and whose it put right.
    With --gate the exit code says whether the run may replace the reference: 0 it may, 1 a check fails, 2 something is amiss.
    """
    from workbench.cli.gate import run_gate
    from workbench.cli.weak_to_strong import strong_report
    from workbench.project.runs import find_run, newest_run
    from workbench.project.steps.crossover import crossover as measure
    from workbench.project.steps.evaluate import whole_report
    from workbench.project.task import load_task

    for name in [name for name, given in of_gate.items() if given and not gate]:
        raise WorkbenchError(f"--{name} is of the gate; write --gate beside it")
    if gate and crossover:
        raise WorkbenchError("--gate and --crossover are two questions; ask one at a time")
    loaded = load_task(task)
    if gate:
        sys.exit(0 if run_gate(loaded, run_id, as_json=as_json, **of_gate) else 1)
    dataset, warnings = loaded.dataset()
    run = find_run(loaded, run_id, holding="metrics.json")
    newer = newest_run(loaded, "end_model")
    if run_id is None and newer is not None and newer.id > run.id:
        warnings.append(f"run {newer.id} is newer, and its end model has no scores yet; `workbench run` makes a run that has")
    if crossover:
        with report_progress() as report:
            measure(loaded, run, dataset, report)
    found = whole_report(loaded, run, dataset)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    notes(warnings)
    click.echo(f"run {run.id}")
    strong_report(found)


@click.command("predict")
@TASK
@click.argument("source", type=click.Path(), required=False)
@click.argument("target", type=click.Path(), required=False)
@click.option("--to", type=click.Path(), help="Another way to give TARGET.")
@click.option("--run", "run_id", help="Id of the run. Default: the reference, else the newest with an end model.")
@click.option(
    "--log", type=click.Path(path_type=Path), help="Add a line of JSON a row to this file: who answered what, and when."
)
@click.option("--keep", metavar="A,B", default="", help="Columns of SOURCE to stand in TARGET too.")
@click.option("--overwrite", is_flag=True, help="Replace TARGET where it exists.")
@on_partitions
@click.option(
    "--review-below",
    type=float,
    help="Rows below this confidence, 0..1, need review, not those a run found; at 0 none does.",
)
@click.option("--text", multiple=True, help="Answer this text instead of a file; once for each text column, in their order.")
@click.option("--column", multiple=True, metavar="NAME=VALUE", help="Another cell of that row; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer to --text as JSON.")
def predict_command(task: Path, source: str | None, target: str | None, run_id: str | None, **asked: Any) -> None:
    """Answer the rows of SOURCE with a run's end model and write them to TARGET (.csv, .tsv, .jsonl or .parquet).

    Each row gets label, probabilities, confidence, and the decision: answer, or needs review, and why. Files of any size are
    read in pieces. With --text it decides on one row, and says what the functions and the label model make of it.

    SOURCE may be a folder or a pattern of Parquet files, or a URL: several processes, or the workers of a cluster, answer it
    in partitions, and TARGET is a new folder. Stopped, the same command goes on where it was.
    """
    from workbench.project.task import load_task

    loaded = load_task(task)
    typed = {name: asked.pop(name) for name in ("text", "column", "as_json")}
    if typed["text"] or typed["column"]:
        of_files = [name for name, given in {"SOURCE": source, **asked}.items() if given and name != "review_below"]
        if of_files:
            raise WorkbenchError(f"{of_files[0]} is of a file to answer, and --text answers one row; leave one of the two out")
        _predict_typed(loaded, run_id, asked["review_below"], **typed)
        return
    to = asked.pop("to")
    if source is None or (target is None) == (to is None):
        raise WorkbenchError("`workbench predict` needs SOURCE and one TARGET, or --text for one row")
    _predict_rows(loaded, run_id, source, target or to, **asked)


def _predict_rows(
    task: Task, run_id: str | None, source: str, target: str, review_below: float | None, keep: str, **also: Any
) -> None:
    from workbench.io.partitions import in_partitions
    from workbench.project.predicting_in_parts import Answering, predict_in_parts
    from workbench.project.reference import run_that_answers
    from workbench.project.steps.apply import mapper_of
    from workbench.project.steps.predict import open_model, predict

    task = applying_to(task, source, **{name: also.pop(name) for name in ("engine", "workers", "scheduler")})
    run, which = run_that_answers(task, run_id)
    kept = [name for name in keep.split(",") if name]
    if in_partitions(source):
        plan = Answering.of(task, run, target, kept, review_below)
        mapper = mapper_of(task)
        notes([plan.rule.promise])
        with report_progress() as report:
            done = predict_in_parts(plan, source, mapper, report=report, **also)
    else:
        opened = open_model(task, run, review_below)
        notes([opened.rule.promise])
        with report_progress() as report:
            done = predict(opened, Path(source), Path(target), keep=kept, report=report, **also)
    notes(done.warnings)
    click.echo(f"{done.answered + done.review:,} rows labelled by the end model of {which}: {target}")
    if done.review:
        click.echo(f"{done.review:,} of them need review")


def _predict_typed(
    task: Task, run_id: str | None, review_below: float | None, text: tuple[str, ...], column: tuple[str, ...], as_json: bool
) -> None:
    from workbench.project.steps.one_row import answer, cells, open_run, run_to_ask

    row = cells(task, text, column)
    notes([f"{name!r} is empty: texts stand for {listed(task.data['text'])}" for name in task.data["text"] if name not in row])
    with redirect_stdout(sys.stderr):  # what a user's function prints
        found = answer(open_run(task, run_to_ask(task, run_id), review_below), row)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        answer_table(found)
