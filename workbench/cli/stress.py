"""The command about suites: how the end model stands up to production's bad days."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from workbench.cli.show import notes, report_progress, show_table


@click.command("stress")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--run", "run_id", help="Id of the run. Default: the newest with an end model, as of evaluate --gate.")
@click.option("--suite", "names", multiple=True, metavar="NAME", help="Run this suite or kind alone; may be given again.")
@click.option("--all", "every", is_flag=True, help="Say a sentence of every suite, not of the clearly worse alone.")
@click.option("--json", "as_json", is_flag=True, help="Print stress.json instead of tables.")
def stress_command(task: Path, run_id: str | None, names: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Ask a run's end model about rows as production sends them on a bad day: stress.toml says which, or what is usual.

    New words, what must not go wrong, messy mail, languages, changes that must not matter, rows of no class, lost rules. Each
    suite tells how often the model is right, how many rows it answers, and how many it answers wrongly. Limits are the gate's.
    """
    from workbench.project.runs import find_run
    from workbench.project.steps.stress import clearly_worse, stress, worst_first
    from workbench.project.task import load_task

    loaded = load_task(task)
    run = find_run(loaded, run_id, holding="end_model")
    with redirect_stdout(sys.stderr), report_progress() as report:  # what a user's suite prints
        found = stress(loaded, run, names, report)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    notes([found["promise"]])
    suites = worst_first(found["suites"])
    title = f"suites on {found['rows']:,} {found['split']} rows of run {run.id}; in brackets what they are held against"
    columns = ("suite", "kind", "n", "accuracy", "answered", "wrong and confident")
    show_table(title, columns, [_line(one) for one in suites])
    worse = [one for one in suites if clearly_worse(one)]
    faulty = [one for one in suites if one["reason"] and one["kind"] == "python"]
    for one in suites if every or names else [*worse, *faulty]:
        click.echo(f"{one['name']}: {one['said']}")
        if one["worst"]:
            click.echo(f"  worst rows: {', '.join(one['worst'][:5])}")
    if not (every or names):
        click.echo(
            f"clearly worse than what they are held against: {len(worse):,} of {len(suites):,} suites; --all tells of each"
        )


def _line(one: dict[str, Any]) -> list[str]:
    of = one["of"] or {}
    shares = [_share(one[name], of.get(name)) for name in ("accuracy", "answered", "wrong_confident")]
    return [one["name"], one["kind"], f"{one['n']:,}", *shares]


def _share(value: float | None, of: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" + ("" if of is None else f" ({of:.3f})")
