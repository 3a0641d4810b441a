"""The command that holds a new batch of rows against the rows of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from workbench.cli.line import applying_to, on_partitions
from workbench.cli.show import notes, report_progress, show_table
from workbench.io.names import shortened
from workbench.tables import WorkbenchError


@click.command("monitor")
@click.argument("task", type=click.Path(path_type=Path))
@click.argument("newfile", type=click.Path(), required=False)
@click.option(
    "--run", "run_id", help="Id of the run to hold it against. Default: the reference run, else the newest that fits."
)
@on_partitions
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--history", is_flag=True, help="Print the batches so far.")
@click.option("--fail-on-drift", is_flag=True, help="Exit with 1 where anything drifted.")
def monitor_command(
    task: Path, newfile: str | None, run_id: str | None, as_json: bool, history: bool, fail_on_drift: bool, **applied: Any
) -> None:
    """Compare the rows of NEWFILE (.csv, .tsv, .jsonl or .parquet) with those of the reference run, and keep what is found.

    Functions vote on them and the end model answers; what drifted is said in one sentence each, with what to do. Of more than
    20,000 rows so many are drawn by chance. With --history, and without NEWFILE, it prints the batches so far.

    NEWFILE may be a folder or a pattern of Parquet files, or a URL: it is read in partitions, by processes or a cluster.
    """
    from workbench.project.monitoring import batches
    from workbench.project.steps.monitor import monitor
    from workbench.project.task import load_task

    loaded = load_task(task)
    if newfile is None and not history:
        raise WorkbenchError("`workbench monitor` needs NEWFILE, or --history for the batches so far")
    found: dict[str, Any] | None = None
    if newfile is not None:
        with report_progress() as report, redirect_stdout(sys.stderr):  # what a user's function prints
            found = monitor(applying_to(loaded, newfile, **applied), newfile, run_id, report=report)
    series = batches(loaded) if history else []
    if as_json:
        shown = {"batches": series} if found is None else found | ({"batches": series} if history else {})
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        if found is not None:
            _batch(found, loaded.folder / "monitor" / found["batch"])
        if history:
            _history(series)
    if fail_on_drift and found is not None and found["drifted"]:
        sys.exit(1)


def _batch(found: dict[str, Any], folder: Path) -> None:
    """Print what drifted, of each other kind the surest check, and where all of them are."""
    from workbench.project.monitoring_facts import KINDS

    notes(found["notes"])
    checks, kinds = found["checks"], set()
    lines = []
    for check in checks:
        if check["drifted"] or check["kind"] not in kinds:
            what = f"{check['kind']} of {check['of']}" if check["of"] else KINDS.get(check["kind"], check["kind"])
            what += " (AUC)" if check["kind"] == "embedding" else ""
            ends = [_value(check[side]) for side in ("reference", "batch")]
            lines.append([what, *ends, f"{check['q']:.2g}", "drifted" if check["drifted"] else ""])
        kinds.add(check["kind"])
    title = f"batch {found['batch']}: {found['rows']:,} rows against run {found['run']}"
    show_table(title, ("what", "reference", "batch", "q", ""), lines)
    drifted = [check["said"] for check in checks if check["drifted"]]
    click.echo(f"{len(drifted):,} of {len(checks):,} checks drifted" if drifted else f"no drift in {len(checks):,} checks")
    for sentence in drifted:
        click.echo(f"- {sentence}")
    more = f"; {len(checks) - len(lines):,} more checks, none of which drifted, are in its batch.json"
    click.echo(f"kept as {folder}{more if len(checks) > len(lines) else ''}")


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{value:,.3f}" if value <= 1 else f"{value:,.0f}"
    largest = sorted(value, key=lambda name: -value[name])[:4]
    return ", ".join(f"{name} {value[name]:.0%}" for name in largest) + (", ..." if len(value) > len(largest) else "")


def _history(series: Sequence[dict[str, Any]]) -> None:
    """Print one line a batch, oldest first."""
    if not series:
        click.echo("no batch yet")
        return
    seen: set[str | None] = set()
    lines = []
    for one in series:
        summary = one["summary"]
        figures = (summary.get(name) for name in ("coverage", "conflict", "confidence", "deferred"))
        drifted = [f"{check['kind']} {check['of']}".strip() for check in one["checks"] if check["drifted"]]
        source = Path(one["source"]).name + (" (again)" if ({one["sha256"], one.get("texts")} - {None}) & seen else "")
        seen |= {one["sha256"], one.get("texts")}
        cells = ["" if figure is None else f"{figure:.3f}" for figure in figures]
        lines.append(
            [one["batch"], source, one["run"], f"{one['rows']:,}", *cells, shortened(", ".join(drifted) or "none", 60)]
        )
    columns = ("batch", "file", "run", "rows", "covered", "conflict", "confidence", "need review", "drifted")
    show_table("batches", columns, lines)
