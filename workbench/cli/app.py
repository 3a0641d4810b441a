"""The command that opens the app."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click


@click.command("app")
@click.argument("task", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=int, help="Port on this machine. Default: a free one from 8501 on.")
def app_command(task: Path | None, port: int | None) -> None:
    """Open the app in the browser, on this machine only."""
    from workbench.project.steps.app import command

    raise SystemExit(subprocess.call(command(task, port)))
