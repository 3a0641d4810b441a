"""The command about single functions: functions, which lists them and switches them off and on."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.show import all_functions_table, notes


@click.command("functions")
@click.argument("task", type=click.Path(path_type=Path))
@click.option(
    "--disable", multiple=True, metavar="NAME", help="Switch a function off: it has no vote in later runs. May come twice."
)
@click.option("--enable", multiple=True, metavar="NAME", help="Switch a function on again. May come twice.")
def functions_command(task: Path, disable: tuple[str, ...], enable: tuple[str, ...]) -> None:
    """List the functions of a task, those that are off too, with what they did last; switch them off and on in task.toml."""
    from workbench.project.catalogue import catalogue, changes
    from workbench.project.functions import changes_in_words, diagnosed, function_rows, run_figures
    from workbench.project.switches import switch
    from workbench.project.task import load_task

    loaded = load_task(task)
    if disable or enable:
        loaded = switch(loaded, off=disable, on=enable)
    found, runs = catalogue(loaded), diagnosed(loaded)
    all_functions_table(function_rows(found, [run_figures(run) for run in runs]))
    notes([f"{error['file']} cannot be loaded: {error['error']}" for error in found["errors"]])
    since = changes(runs[0].about["functions"], found) if runs else {}
    if since:
        click.echo(f"{changes_in_words(since)} since run {runs[0].id}; `workbench run {task}` applies them")
