"""What became of rows that the end model decided on: outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.show import notes, show_table
from workbench.io.files import plain


@click.command("outcomes")
@click.argument("task", type=click.Path(path_type=Path))
@click.argument("log", type=click.Path(path_type=Path))
@click.argument("source", metavar="OUTCOMES", type=click.Path(path_type=Path))
@click.option(
    "--by", type=click.Choice(["week", "class", "function", "failure"]), help="Show the outcomes of each of these groups too."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def outcomes_command(task: Path, log: Path, source: Path, by: str | None, as_json: bool) -> None:
    """Join LOG, of `workbench predict --log`, with what became of its rows: were answered ones escalated, reopened, corrected?

    OUTCOMES (.csv, .tsv, .jsonl or .parquet) has the column of ids and, in any other, true or false, a number, or the class it
    should have been. The task's outcomes.json has the figures of all groups.
    """
    from workbench.project.steps.outcomes import outcomes
    from workbench.project.task import load_task

    found = outcomes(load_task(task), log, source)
    if as_json:
        click.echo(json.dumps(plain(found), indent=2, ensure_ascii=False))
        return
    notes(found["notes"])
    _group_table(found, by or "all")
    for sentence in found["said"]:
        click.echo(sentence)


def _group_table(found: dict[str, Any], by: str) -> None:
    columns = ("group", "decision", "rows", *found["columns"])
    lines = [line for line in found["groups"] if line["by"] == by]
    cells = [
        (
            line["of"],
            line["decision"],
            f"{line['n']:,}",
            *(_cell(line[name], found["kinds"][name]) for name in found["columns"]),
        )
        for line in lines
    ]
    show_table(f"outcomes of {found['n']:,} rows by {by} [95 % interval]", columns, cells)


def _cell(figure: dict[str, Any], kind: str) -> str:
    from workbench.project.outcomes import shown

    value = figure["mean" if kind == "mean" else "rate"]
    if value is None:
        return ""
    ends = "" if figure["interval"] is None else f" [{', '.join(shown(end, kind) for end in figure['interval'])}]"
    return f"{shown(value, kind)}{ends}"
