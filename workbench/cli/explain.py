"""The command that says why a row is labelled as it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli.show import explained_row


@click.command("explain")
@click.argument("task", type=click.Path(path_type=Path))
@click.argument("row")
@click.option("--run", "run_id", help="Id of the run. Default: the newest with a fitted model.")
@click.option("--against", help="The class that the likeliest one is set against. Default: the runner-up.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def explain_command(task: Path, row: str, run_id: str | None, against: str | None, as_json: bool) -> None:
    """Show what each vote on ROW, of train or valid, adds to the log odds of its likeliest class."""
    from workbench.project.explaining import explain
    from workbench.project.runs import KEPT_MODEL, find_run
    from workbench.project.task import load_task

    loaded = load_task(task)
    run = find_run(loaded, run_id, holding=KEPT_MODEL)
    found = explain(run.kept_model(), run.votes(), loaded.dataset()[0], row, second=against)
    if as_json:
        click.echo(json.dumps({**asdict(found), "lines": found.lines.to_dict(orient="records")}, indent=2))
        return
    explained_row(found)
