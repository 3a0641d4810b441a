"""The command that writes the report of a run."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.show import report_progress


@click.command("report")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--run", "run_id", help="Id of the run. Default: the newest with scores.")
@click.option("--weekly", is_flag=True, help="Name it after the week, and look back to a run at least six days older.")
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="FILE", help="Write only this file, .html or .md, which must not exist."
)
@click.option("--unredacted", is_flag=True, help="Leave personal data and secrets in the rows that are quoted.")
def report_command(task: Path, run_id: str | None, weekly: bool, to: Path | None, unredacted: bool) -> None:
    """Write a run as one page that opens without a network, and as Markdown: how often it is wrong, and what to do next.

    Both land in the folder `reports` of the task. E-mail addresses, card numbers, keys and the like are masked in quoted rows.
    """
    from workbench.project.steps.report import report
    from workbench.project.task import load_task

    loaded = load_task(task)
    with report_progress() as progress:
        paths = report(loaded, run_id, weekly=weekly, to=to, unredacted=unredacted, progress=progress)
    for path in paths:
        click.echo(str(path))
