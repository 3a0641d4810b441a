"""What people decide on rows: review."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import notes
from workbench.io.files import plain
from workbench.io.names import shortened
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.project.task import Task
    from workbench.tables import Dataset

_LONG = 300  # characters of a text
_SHOWN = 20  # disputed rows: more would scroll the rest away


@click.command("review")
@click.argument("task", type=click.Path(path_type=Path))
@click.option(
    "--decide",
    multiple=True,
    metavar="ID=CLASS",
    help="Label a row, with --queue one that it showed.",
)
@click.option("--adjudicate", is_flag=True, help="What --decide says wins over the other reviewers.")
@click.option("--undo", is_flag=True, help="Undo the reviewer's newest decision that stands.")
@click.option("--reviewer", help="Who decides. Default: who is logged in.")
@click.option("--queue", "kind", help="Show rows to review: value, conflict, uncertain, uncovered, requested or random.")
@click.option("--next", "limit", default=10, show_default=True, help="How many rows of the queue.")
@click.option("--export", "target", type=click.Path(path_type=Path), help="Write all decisions to a .csv or .jsonl file.")
@click.option("--import", "source", type=click.Path(path_type=Path), help="Store the decisions of a .csv or .jsonl file.")
@click.option(
    "--from", "log", type=click.Path(path_type=Path), help="Send what needs review in a log of `workbench predict` to review."
)
@click.option("--rows", type=click.Path(path_type=Path), help="With --from: the file that was predicted.")
@click.option("--limit", "most", type=click.IntRange(min=1), help="With --from: so many rows now, the least confident first.")
@click.option(
    "--audit-answered",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="With --from: N answered rows too, drawn by chance, to find what was answered wrongly.",
)
@click.option("--seed", type=int, help="With --audit-answered: of that draw. Default: 0.")
@click.option("--release", is_flag=True, help="Take rows that --from took in, and nobody decided on, out again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def review_command(task: Path, release: bool, as_json: bool, **asked: Any) -> None:
    """Show what reviewers decided and how far they agree; or decide, undo, show a queue, import, export.

    With --from LOG what a model did not answer in production becomes review work: the queue `requested`.
    """
    from workbench.project import reviewing
    from workbench.project.queues import newest_queue
    from workbench.project.steps import review_log
    from workbench.project.task import load_task

    loaded = load_task(task)
    if release:  # before the rows are read: one of those may be why they cannot be
        click.echo(f"taken out of the task: {review_log.release(loaded):,} rows that a log brought and nobody decided on")
    of_log = {name: asked.pop(name) for name in ("log", "rows", "most", "audit_answered", "seed")}
    from_log = _from_log(loaded, as_json and asked["kind"] is None, **of_log)
    dataset, warnings = loaded.dataset()
    reviewer = asked["reviewer"] or reviewing.default_reviewer()
    done = _write(loaded, dataset, reviewer, asked) or from_log or release
    if asked["kind"] is not None:
        rows = newest_queue(loaded, dataset, reviewer, asked["kind"], asked["limit"])
        if as_json:
            click.echo(json.dumps(plain(rows.rename_axis("row").reset_index().to_dict(orient="records")), indent=2))
        else:
            _queue(rows, asked["kind"])
    elif not done:
        found = reviewing.status(loaded, dataset)
        if as_json:
            click.echo(json.dumps(plain(found), indent=2))
        else:
            notes([*warnings, *found["notes"]])
            _status(found)


def _from_log(
    task: Task, as_json: bool, log: Path | None, rows: Path | None, most: int | None, audit_answered: int, seed: int | None
) -> bool:
    """Make review work of a log and say what became of it; return whether there was a log."""
    from workbench.project.steps.review_log import review_from_log

    if log is None:
        of_log = {"--rows": rows, "--limit": most, "--audit-answered": audit_answered or None, "--seed": seed}
        for option, given in of_log.items():
            if given is not None:
                raise WorkbenchError(f"{option} is about a log of `workbench predict`; name it with --from LOG")
        return False
    found = review_from_log(task, log, rows, limit=most, audit_answered=audit_answered, seed=seed or 0)
    if as_json:
        click.echo(json.dumps(plain(asdict(found)), indent=2))
        return True
    notes(found.notes)
    click.echo(f"rows of {log}: {found.deferred:,} need review, {found.asked:,} sent to people now", nl=False)
    click.echo(f", and {found.drawn:,} answered, drawn by chance" if audit_answered else "")
    for why, count in found.left_out.items():
        click.echo(f"  {count:,} {why}")
    click.echo(f"taken into the task: {found.taken:,}; all that wait: workbench review {task.folder} --queue requested")
    return True


def _write(task: Task, dataset: Dataset, reviewer: str, asked: dict[str, Any]) -> bool:
    """Do what was asked that writes, import first and export last, and say it; return whether anything was."""
    from workbench.project import reviewing
    from workbench.project.queues import shown_because

    if asked["source"] is not None:
        new, of = reviewing.import_decisions(task, dataset, asked["source"])
        click.echo(f"stored from {asked['source']}: {new:,} new of {of:,} entries", err=True)
    if asked["decide"]:
        kind = asked["kind"]
        shown = (lambda rows: shown_because(task, dataset, kind, rows)) if kind else (lambda rows: {})
        reviewing.decide_in_words(task, dataset, asked["decide"], reviewer, asked["adjudicate"], shown)
        click.echo(f"stored for {reviewer}: {', '.join(asked['decide'])}", err=True)
    if asked["undo"]:
        undone = reviewing.open_record(task).undo(reviewer)
        said = "nothing to undo" if undone is None else f"undone: {undone.label or undone.kind} on {undone.row}"
        click.echo(f"{reviewer}: {said}", err=True)
    if asked["target"] is not None:
        count = reviewing.export_decisions(task, asked["target"])
        click.echo(f"written to {asked['target']}: {count:,} entries", err=True)
    return any(asked[name] for name in ("source", "decide", "undo", "target"))


def _queue(rows: pd.DataFrame, kind: str) -> None:
    if rows.empty:
        click.echo(f"nothing left in the queue {kind!r}")
    for row, line in rows.iterrows():
        click.secho(str(row), bold=True, nl=False)
        click.echo(f"  {line['reason']}")
        click.echo(f"  {shortened(' '.join(line['text'].split()), _LONG)}")
        if isinstance(line.get("answer"), str):
            click.echo(f"  the end model says {line['answer']!r}, {line['answer_probability']:.0%} sure")


def _status(found: dict[str, Any]) -> None:
    """Print what is decided, how far reviewers agree, and what is disputed."""
    for name, count in found["reviewers"].items():
        click.echo(f"{name}: {count['label']:,} labels, {count['unsure']:,} unsure, {count['skip']:,} skipped, ", nl=False)
        click.echo(f"{count['undo']:,} undone")
    measure = found["measure"]
    settled = f"{found['anchors']:,} of them settled and not of test, {found['teaching']:,} teach"
    click.echo(f"people labelled {found['rows']:,} rows ({settled})", nl=False)
    drawn = f", and {measure['labelled']:,} of the {measure['rows']:,} rows that audits drew" if measure["rows"] else ""
    click.echo(f"{drawn}; {found['requested']:,} are requested")
    for pair in found["agreement"]["pairs"]:
        one, other = pair["reviewers"]
        click.echo(f"{one} and {other}: Cohen's kappa {_figure(pair, 'kappa')}, same label {pair['same']:.1%}, ", nl=False)
        click.echo(f"n = {pair['n']:,} rows")
    alpha = found["agreement"]["alpha"]
    if alpha["n"]:
        click.echo(f"Krippendorff's alpha {_figure(alpha, 'alpha')}, n = {alpha['rows']:,} rows, {alpha['n']:,} labels")
    disputed = found["disputed"]
    if disputed:
        click.echo(f"to adjudicate with --decide ID=CLASS --adjudicate: {len(disputed):,}")
    for line in disputed[:_SHOWN]:
        click.echo(f"  {line['row']}: {line['said']}")
    if len(disputed) > _SHOWN:
        click.echo(f"  and {len(disputed) - _SHOWN:,} more, all with --json")
    click.echo(f"record: {found['record']}")


def _figure(of: dict[str, Any], name: str) -> str:
    if of[name] is None:
        return "not defined: only one class was given"
    low, high = ("?" if end is None else f"{end:.2f}" for end in (of["low"], of["high"]))
    return f"{of[name]:.2f} [{low}, {high}]"
