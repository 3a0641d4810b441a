"""The command that opens the app."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click


@click.command("app")
@click.argument("task", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=click.IntRange(1, 65_535), help="Port on this machine. Default: a free one from 8501 on.")
@click.option("--shared-as", metavar="HOST", help="Also answer a proxy on this machine that shares the app as HOST.")
def app_command(task: Path | None, port: int | None, shared_as: str | None) -> None:
    """Open the app in the browser, on this machine only.

    With --shared-as it also answers requests for that host, and everybody has to sign in: docs/app.md.
    """
    from workbench.project.steps.app import command, others_settings

    if others := others_settings():
        click.echo(f"Note: .streamlit/config.toml of this folder sets {', '.join(others)} of the app too.", err=True)
    raise SystemExit(subprocess.call(command(task, port, shared_as)))
