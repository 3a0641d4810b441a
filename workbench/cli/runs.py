"""The runs of a task: list them, set two side by side, promote one, and let old ones go."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import show_table
from workbench.io.files import plain
from workbench.io.names import did_you_mean, shortened
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.project.run_difference import Difference

TASK = click.argument("task", type=click.Path(path_type=Path))
_ROWS = 12  # flipped rows, and lines of a table: all are in --json
_WHY = 90  # characters
_LONG = 60  # lines of a diff
_MANY = 20  # runs


class _ListsByDefault(click.Group):
    """A group whose first word may be a task: then it lists the runs of that task."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        if len(args) > 1 and not Path(args[0]).exists() and (hint := did_you_mean(args[0], self.commands)):
            raise WorkbenchError(f"`workbench runs` has no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, ["list", *args])


@click.group("runs", cls=_ListsByDefault, subcommand_metavar="TASK | COMMAND TASK [ARGS]...")
def runs_command() -> None:
    """List the runs of a task, oldest first; or set two side by side, promote one, let old ones go."""


@runs_command.command("list")
@TASK
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_command(task: Path, as_json: bool) -> None:
    """List the runs of a task, oldest first: which is the reference, and how right label model and end model are."""
    from workbench.project.prune import size_of
    from workbench.project.run_history import SPLITS, history_of
    from workbench.project.runs import list_runs
    from workbench.project.task import load_task

    loaded = load_task(task)
    table = history_of(loaded)
    if as_json:
        click.echo(json.dumps(plain(table.reset_index().to_dict(orient="records")), indent=2))
        return
    if table.empty:
        click.echo("no run yet")
        return
    columns = ("run", "", "until", "rows", "functions", "model", "accuracy on", "label model", "end model", "finished")
    lines = []
    for run, line in table.iterrows():
        split = next((split for split in SPLITS if line[f"n_{split}"] > 0), "")
        lines.append((
            str(run),
            {"now": "reference", "before": "was reference"}.get(line["reference"], ""),
            line["until"],
            f"{line['rows']:,.0f}",
            f"{line['functions']:.0f}",
            line["label_model"],
            f"{split}, n = {line[f'n_{split}']:,.0f}" if split else "",
            _figure(line[f"label_{split}"]) if split else "",
            _figure(line[f"end_{split}"]) if split else "",
            line["finished"][:19],
        ))  # fmt: skip
    show_table("runs", columns, lines)
    size = sum(size_of(run) for run in list_runs(loaded)) / 1e6
    way_out = f"; `workbench runs prune {task} --keep {_MANY}` lets old ones go" if len(table) > _MANY else ""
    click.echo(f"{len(table):,} {'run' if len(table) == 1 else 'runs'}, {size:,.1f} MB{way_out}")


def _figure(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


@runs_command.command("diff")
@TASK
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, each flipped row of train and valid too.")
def diff_command(task: Path, a: str, b: str, as_json: bool) -> None:
    """Say what changed from run A to run B: rows, functions, settings, votes, labels and why, scores, promise, reviews."""
    from workbench.project.difference_in_words import difference_in_words
    from workbench.project.run_difference import difference
    from workbench.project.runs import find_run
    from workbench.project.task import load_task

    loaded = load_task(task)
    found = difference(loaded, find_run(loaded, a), find_run(loaded, b))
    words = difference_in_words(found)
    if as_json:
        click.echo(json.dumps({**plain(_as_records(asdict(found))), "words": words}, indent=2, ensure_ascii=False))
        return
    for sentence in words:
        click.echo(sentence)
    _tables(found)


def _as_records(value: Any) -> Any:
    """Return tables inside as lists of records, as JSON has them."""
    import pandas as pd

    if isinstance(value, dict):
        return {name: _as_records(item) for name, item in value.items()}
    if isinstance(value, pd.Series):
        return value.to_dict()
    if not isinstance(value, pd.DataFrame):
        return value
    named = value if value.index.names == [None] and isinstance(value.index, pd.RangeIndex) else value.reset_index()
    return named.to_dict(orient="records")


def _tables(found: Difference) -> None:
    if len(found.scores):
        lines = [(f"{line['split']}, {line['model']}", *_score(line)) for _, line in found.scores.iterrows()]
        show_table("accuracy", ("split, model", "n", "before", "after", "points", "95 % interval"), lines)
    if found.labels is not None and len(found.labels.rows):
        _flipped(found.labels.rows)
    for name, line in found.functions.iterrows():
        if line["state"] == "changed":
            click.secho(f"{name} ({line['place']}): {line['said'] or 'changed'}", bold=True)
            _diff(line["diff"])
    for name, text in found.other_files.items():
        click.secho(name, bold=True)
        _diff(text)


def _score(line: pd.Series[Any]) -> list[str]:
    points = [f"{100 * line[name]:+.1f}" for name in ("change", "low", "high")]
    return [f"{line['n']:,.0f}", _figure(line["before"]), _figure(line["after"]), points[0], f"[{points[1]}, {points[2]}]"]


def _flipped(rows: pd.DataFrame) -> None:
    lines = [
        (
            str(id),
            line["split"],
            f"{line['before']} → {line['after']}",
            f"{line['probability']:.2f}",
            shortened(line["why"], _WHY),
        )
        for id, line in rows.head(_ROWS).iterrows()
    ]
    more = f", {len(lines)} of {len(rows):,}; all with --json" if len(rows) > len(lines) else ""
    show_table(f"flipped labels of train and valid, the surest first{more}", ("row", "split", "label", "now", "why"), lines)


def _diff(text: str) -> None:
    lines = text.splitlines()
    for line in lines[:_LONG]:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if len(lines) > _LONG:
        click.echo(f"... {len(lines) - _LONG:,} more lines, all with --json")


@runs_command.command("promote")
@TASK
@click.argument("run_id", metavar="RUN")
@click.option("--why", default="", help="In words; kept with the name and the time.")
@click.option("--by", help="Who says so. Default: who is logged in.")
@click.option("--anyway", is_flag=True, help="Also a run that failed the gate.")
def promote_command(task: Path, run_id: str, why: str, by: str | None, anyway: bool) -> None:
    """Make a run the reference: it answers in production, and others are held against it."""
    from workbench.project.reference import promote, promoted
    from workbench.project.reviewing import default_reviewer
    from workbench.project.task import load_task

    loaded = load_task(task)
    if any(line["run"] == run_id for line in promoted(loaded)[-1:]):
        click.echo(f"run {run_id} is the reference already")
        return
    lines = promote(loaded, run_id, by or default_reviewer(), why, anyway)
    before = f"; before it was {lines[-2]['run']}" if len(lines) > 1 else ""
    click.echo(f"run {run_id} is the reference{before}")


@runs_command.command("prune")
@TASK
@click.option("--keep", type=click.IntRange(min=0), required=True, metavar="N", help="How many of the newest runs stay.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def prune_command(task: Path, keep: int, yes: bool) -> None:
    """Delete old runs, after asking: never the reference, one that was, or the newest with an end model."""
    from workbench.project.prune import prunable, prune, staying
    from workbench.project.task import load_task

    loaded = load_task(task)
    old = prunable(loaded, keep)
    if not old:
        click.echo("no run can go" + "".join(f"\n{id}  stays: {why}" for id, why in sorted(staying(loaded, keep).items())))
        return
    for one in old:
        click.echo(f"{one.run.id}  {one.run.about['until']:8}  {one.size / 1e6:8.1f} MB")
    said = f"{len(old):,} {'run' if len(old) == 1 else 'runs'}, {sum(one.size for one in old) / 1e6:,.1f} MB"
    if not yes:
        click.confirm(f"delete {said}, for good?", abort=True)
    prune(loaded, [one.run.id for one in old], keep)
    click.echo(f"deleted: {said}")
