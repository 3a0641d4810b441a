"""Commands about finished runs: evaluate, runs, predict."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import answer_table, notes, runs_table, summary
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.project.task import Task

TASK = click.argument("task", type=click.Path(path_type=Path))
RUN = click.option("--run", "run_id", help="Id of the run. Default: the newest that fits.")


@click.command("evaluate")
@TASK
@RUN
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the summary.")
def evaluate_command(task: Path, run_id: str | None, as_json: bool) -> None:
    """Score a run's stored answers against the gold as it is now."""
    from workbench.project.runs import find_run
    from workbench.project.steps.evaluate import rescore
    from workbench.project.task import load_task

    loaded = load_task(task)
    dataset, warnings = loaded.dataset()
    found = rescore(find_run(loaded, run_id, holding="metrics.json"), dataset)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    notes(warnings)
    summary(found)


@click.command("runs")
@TASK
def runs_command(task: Path) -> None:
    """List the runs of a task, oldest first."""
    from workbench.project.runs import list_runs
    from workbench.project.task import load_task

    runs_table(list_runs(load_task(task)))


@click.command("predict")
@TASK
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.argument("target", type=click.Path(path_type=Path), required=False)
@RUN
@click.option("--review-below", type=float, help="Add needs_review: whether the highest probability is below this, 0..1.")
@click.option("--text", multiple=True, help="Answer this text instead of a file; once for each text column, in their order.")
@click.option("--column", multiple=True, metavar="NAME=VALUE", help="Another cell of that row; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer to --text as JSON.")
def predict_command(
    task: Path, source: Path | None, target: Path | None, run_id: str | None, review_below: float | None, **typed: Any
) -> None:
    """Label the rows of SOURCE with a run's end model and write them to TARGET (.csv, .tsv, .jsonl or .parquet).

    With --text it says of one row what the end model, the functions and the label model make of it.
    """
    from workbench.project.runs import find_run
    from workbench.project.steps.predict import predict
    from workbench.project.task import load_task

    loaded = load_task(task)
    if typed["text"] or typed["column"]:
        _predict_typed(loaded, run_id, **typed)
        return
    if source is None or target is None:
        raise WorkbenchError("`workbench predict` needs SOURCE and TARGET, or --text for one row")
    run = find_run(loaded, run_id, holding="end_model")
    n, warnings = predict(loaded, run, source, target, review_below)
    notes(warnings)
    click.echo(f"{n:,} rows labelled by the end model of run {run.id}: {target}")


def _predict_typed(task: Task, run_id: str | None, text: tuple[str, ...], column: tuple[str, ...], as_json: bool) -> None:
    from workbench.project.steps.one_row import answer, cells, open_run, run_to_ask

    row = cells(task, text, column)
    with redirect_stdout(sys.stderr):  # what a user's function prints
        found = answer(open_run(task, run_to_ask(task, run_id)), row)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        answer_table(found)
