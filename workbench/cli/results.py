"""Commands about finished runs: evaluate, runs, predict."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.cli.show import notes, runs_table, summary

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
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@RUN
def predict_command(task: Path, source: Path, target: Path, run_id: str | None) -> None:
    """Label the rows of SOURCE with a run's end model and write them to TARGET (.csv, .tsv, .jsonl or .parquet)."""
    from workbench.project.runs import find_run
    from workbench.project.steps.predict import predict
    from workbench.project.task import load_task

    loaded = load_task(task)
    run = find_run(loaded, run_id, holding="end_model")
    n, warnings = predict(loaded, run, source, target)
    notes(warnings)
    click.echo(f"{n:,} rows labelled by the end model of run {run.id}: {target}")
