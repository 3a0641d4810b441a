"""How many labels are wrong, promised from rows drawn at random: audit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import notes, show_table
from workbench.io.files import plain
from workbench.io.names import shortened
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.project.auditing import Planned
    from workbench.project.task import Task

_PLANNING = ("rows", "half_width", "promise", "by", "allocation", "minimum", "split", "seed", "name")
_GROUPS = {
    "classes": "wrong labels by class",
    "slices": "wrong labels by slice",
    "functions": "wrong votes by function",
}
_SPREAD = ("stratum", "rows", "share", "draws", "expected", "chance of a row", "weight")


class _Share(click.ParamType[float]):
    """A share as people write it: 0.1 or 10%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share; raises the click error for what is none."""
        text = str(value).strip()
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write it as 0.1 or 10%", param, ctx)


@click.command("audit")
@click.argument("task", type=click.Path(path_type=Path))
@click.argument("what", required=False, metavar="[plan | PLAN]")
@click.option("--rows", type=int, help="With plan: how many rows are drawn. Default: 300.")
@click.option(
    "--half-width", type=_Share(), help="With plan: as many as an interval of this half width takes, such as 0.03 or 3%."
)
@click.option(
    "--promise",
    type=_Share(),
    help="With plan: as many as a promise of this share of errors takes, such as 0.05 or 5%; with --rows, its target.",
)
@click.option("--by", metavar="A,B", help="With plan: columns or slices that cut strata, beside class and agreement.")
@click.option("--allocation", help="With plan: minimum (default), proportional or neyman.")
@click.option("--minimum", type=int, help="With plan: draws expected of a stratum at least. Default: 10.")
@click.option("--split", help="With plan: whose labels are measured. Default: train.")
@click.option("--seed", type=int, help="With plan: another one draws other rows. Default: 0.")
@click.option("--name", help="With plan: what it is called.")
@click.option("--weekly", type=int, metavar="N", help="Draw N rows of those that no weekly plan knew, and show the series.")
@click.option("--next", "upcoming", type=int, metavar="N", help="Show the next N rows of a plan that a reviewer is to decide.")
@click.option("--reviewer", help="With --next: who decides. Default: who is logged in.")
@click.option("--dry-run", is_flag=True, help="Show a plan without keeping it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def audit_command(task: Path, what: str | None, weekly: int | None, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Show what an audit promises of the labels so far; with `plan`, draw the rows of a new one.

    The rows are decided on the Review page, or listed with --next and decided with `workbench review`.
    """
    from workbench.project.task import load_task

    given = {name: asked[name] for name in _PLANNING if asked[name] is not None}
    if what != "plan" and (given or (dry_run and weekly is None)):
        raise WorkbenchError(f"--{next(iter(given), 'dry-run').replace('_', '-')} needs the word plan behind TASK")
    if weekly is not None and what is not None:
        raise WorkbenchError("--weekly makes a plan of its own; leave out what stands behind TASK")
    loaded = load_task(task)
    if weekly is not None:
        _weekly(loaded, weekly, not dry_run, as_json)
    elif what == "plan":
        _plan(loaded, given, not dry_run, as_json)
    elif asked["upcoming"] is not None:
        _next(loaded, what, asked["upcoming"], asked["reviewer"], as_json)
    else:
        _report(loaded, what, as_json)


def _plan(task: Task, given: dict[str, Any], store: bool, as_json: bool) -> None:
    from workbench.project.auditing import Asked, plan_audit

    if "by" in given:
        given["by"] = tuple(name.strip() for name in given["by"].split(",") if name.strip())
    made = plan_audit(task, Asked(**given), store)
    if as_json:
        click.echo(json.dumps(plain(_plan_facts(made)), indent=2))
        return
    _planned(made)


def _plan_facts(made: Planned) -> dict[str, Any]:
    plan = made.plan
    about = {"id": plan.id, "name": made.name, "new": made.new, "run": plan.run, "fingerprint": plan.fingerprint}
    figures = {"population": plan.population, "draws": len(plan.draws), "rows": len(plan.rows)}
    counts = plan.draws["stratum"].value_counts().reindex(plan.strata.index, fill_value=0)
    spread = {"expected": plan.strata["probability"] * len(plan.draws), "q": plan.strata["probability"] / plan.strata["rows"]}
    strata = plan.strata.assign(draws=counts, **spread, weight=plan.stratum_weights).to_dict(orient="records")
    said = {"enough": made.enough, "beside": made.beside, "words": made.sentences}
    return {**about, **figures, "settings": dict(plan.settings), "strata": strata, **said}


def _planned(made: Planned) -> None:
    """Print the strata of a plan, what it takes and what comes next."""
    plan = made.plan
    if not made.enough:
        for sentence in made.sentences:
            click.echo(sentence)
        click.echo("no plan is made of this; --rows N beside --promise draws N rows towards it all the same")
        return
    lines = [
        (one["name"], f"{one['rows']:,}", f"{one['rows'] / plan.population:.1%}", f"{one['draws']:,}",
         f"{one['expected']:.1f}", f"{one['q']:.4%}", f"{one['weight']:.2f}")
        for one in _plan_facts(made)["strata"]
    ]  # fmt: skip
    show_table(f"strata of plan {made.name}", _SPREAD, lines)
    for sentence in made.sentences:
        click.echo(sentence)
    notes([made.beside] if made.beside else [])
    click.echo(f"{len(plan.draws):,} draws, {len(plan.rows):,} distinct rows, of {plan.population:,} labels of run {plan.run}")
    said = {
        None: "a trial: nothing is kept",
        True: "kept: its rows measure, and never teach",
        False: "this plan was kept before",
    }
    click.echo(f"plan {made.name} ({plan.id[:8]}): {said[made.new]}")


def _next(task: Task, wanted: str | None, limit: int, reviewer: str | None, as_json: bool) -> None:
    """Print the rows that a reviewer is to decide, as they read, and nothing of their labels."""
    from workbench.project import reviewing
    from workbench.project.audit_report import find_plan

    dataset, plan = task.dataset()[0], str(find_plan(task, wanted)["id"])
    queue = reviewing.audit_queue(task, dataset, reviewer or reviewing.default_reviewer(), plan)[:limit]
    texts = dataset.take(dataset.ids.get_indexer(queue.index)).texts()
    lines = [{"plan": plan, "row": str(row), "text": text} for row, text in zip(queue.index, texts, strict=True)]
    if as_json:
        click.echo(json.dumps(lines, indent=2))
        return
    for line in lines:
        click.secho(line["row"], bold=True, nl=False)
        click.echo(f"  {shortened(' '.join(line['text'].split()), 150)}")
    if not lines:
        click.echo("no row of the plan is left to decide")


def _report(task: Task, wanted: str | None, as_json: bool) -> None:
    from workbench.project.audit_report import audit_report

    found = audit_report(task, wanted)
    if as_json:
        click.echo(json.dumps(plain(found), indent=2))
        return
    notes(found["notes"])
    plan, progress = found["plan"], found["progress"]
    click.echo(f"plan {plan['name']} of {plan['time'][:16]}, label set {plan['fingerprint'][:12]} of run {plan['run']}")
    click.echo(
        f"{progress['labelled']:,} of {progress['rows']:,} drawn rows labelled, {progress['unsure']:,} unsure or skipped, "
        f"{progress['disputed']:,} disputed, {progress['open']:,} left"
    )
    _promises(found)
    _described(found)
    click.echo(found["label_set"]["words"])
    if found["new_labels"] is not None:
        newer, run = found["new_labels"], found["label_set"]["newest"]
        click.echo(
            f"no promise, but the old answers describe the labels of run {run}: {_share(newer)} wrong, n = {newer['n']:,}"
        )


def _promises(found: Mapping[str, Any]) -> None:
    click.secho("promises", bold=True)
    for sentence in found["promise"]["words"]:
        click.echo(sentence)
    lines = [
        (line["stratum"], f"{line['rows']:,}", f"{line['draws']:,}", f"{line['answered']:,}", f"{line['errors']:,}",
         f"{line['bound']:.1%}")
        for line in found["strata"]
    ]  # fmt: skip
    level = f"at most wrong, each at {found['promise']['confidence']:.0%}"
    show_table("by stratum; draws not answered count as wrong", ("stratum", "rows", "draws", "answered", "wrong", level), lines)


def _described(found: Mapping[str, Any]) -> None:
    """Print what the labelled draws look like."""
    said = found["descriptions"]
    (whole,) = said["all"]
    click.secho("descriptions of the labelled draws: no promises", bold=True)
    if not whole["n"]:
        click.echo("nothing is labelled yet")
        return
    click.echo(f"{_share(whole)} of the labels are wrong, n = {whole['n']:,} draws, {whole['wrong']:,} wrong")
    click.echo(f"unsure, skipped or disputed: {_share(found['unsure'])} of n = {found['unsure']['n']:,} answered draws")
    for group, title in _GROUPS.items():
        _group(title, said[group])
    _failures(said["failures"])
    for pair in found["agreement"]["pairs"]:
        click.echo(f"{' and '.join(pair['reviewers'])} agree on {pair['same']:.1%}, n = {pair['n']:,} rows that both labelled")


def _group(title: str, lines: Sequence[Mapping[str, Any]]) -> None:
    lines = [line for line in lines if line["n"]]
    if not lines:
        return
    extra = [name for name in ("right",) if name in lines[0]]
    shown = [
        (line["name"], f"{line['n']:,}", f"{line['wrong']:,}", _share(line), *(f"{line[name]:,}" for name in extra))
        for line in lines
    ]
    show_table(title, ("", "n", "wrong", "share [95 % interval]", *extra), shown)


def _failures(lines: Sequence[Mapping[str, Any]]) -> None:
    if not lines:
        return
    shown = [
        (line["name"], line["severity"], line["owner"], "" if line["candidates"] is None else f"{line['candidates']:,}",
         f"{line['tolerated']:.2%}", _share(line), f"{line['wrong']:,} of {line['n']:,}", line["verdict"])
        for line in lines
    ]  # fmt: skip
    columns = ("failure", "severity", "owner", "candidates", "tolerated", "measured [95 % interval]", "found", "verdict")
    show_table("failures, as shares of all labels", columns, shown)


def _share(of: Mapping[str, Any]) -> str:
    return "unknown" if of["estimate"] is None else f"{of['estimate']:.1%} [{of['low']:.1%}, {of['high']:.1%}]"


def _weekly(task: Task, rows: int, store: bool, as_json: bool) -> None:
    from workbench.project.audit_report import weekly_series
    from workbench.project.auditing import plan_weekly

    made = plan_weekly(task, rows, store)
    series = weekly_series(task)
    if as_json:
        click.echo(json.dumps(plain({"plan": None if made is None else _plan_facts(made), **series}), indent=2))
        return
    if made is None:
        click.echo("no label is new since the last weekly plan; run `workbench run` once there are new rows")
    else:
        _planned(made)
    lines = [
        (batch["name"], batch["time"][:10], f"{batch['population']:,}", f"{batch['answered']:,} of {batch['rows']:,}",
         f"{batch['wrong']:,}", _share(batch), _budget(batch))
        for batch in series["batches"]
    ]  # fmt: skip
    columns = ("batch", "day", "labels", "answered rows", "wrong", "share [95 % interval]", "of the error budget")
    if lines:
        show_table(f"weekly batches; tolerated are {series['tolerated']:.1%} wrong labels", columns, lines)
    together = series["all"]
    if together["batches"]:
        click.echo(
            f"together: {_share(together)} of {together['population']:,} labels wrong, {_budget(together)} of the error "
            "budget used"
        )


def _budget(of: Mapping[str, Any]) -> str:
    return "" if of["budget"] is None else f"{of['budget']:.0%}"
