"""Commands that say where labels are wrong together, and where nobody votes: errors, gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import notes, show_table
from workbench.io.files import plain

if TYPE_CHECKING:
    import pandas as pd

TASK = click.argument("task", type=click.Path(path_type=Path))
RUN = click.option("--run", "run_id", help="Id of the run. Default: the newest that has labels.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
_Q = "q: the share of the lines down to this one that chance alone would give"
_SHOWN = 12  # findings, and pairs of classes, in a terminal


@click.command("errors")
@TASK
@RUN
@click.option(
    "--level", type=click.FloatRange(0, 1, min_open=True), default=0.1, show_default=True, help="False discovery rate."
)
@JSON
def errors_command(task: Path, run_id: str | None, level: float, as_json: bool) -> None:
    """Show where the labels are wrong more often than chance explains: regions, pairs of classes, and what to do next.

    Judged are the labelled rows of train and valid whose class is known: valid gold, audit answers, reviewed rows.
    """
    from workbench.project.runs import find_run
    from workbench.project.systematic import errors_of_run
    from workbench.project.task import load_task

    loaded = load_task(task)
    run = find_run(loaded, run_id, holding="soft_labels.parquet")
    judged = errors_of_run(loaded, loaded.dataset()[0], run, level=level)
    found = judged.found
    if as_json:
        tables = {"findings": _records(found.findings), "confusions": _records(found.confusions)}
        facts = {"rows": found.rows, "errors": found.errors, "tests": found.tests, "level": found.level, "more": found.more}
        click.echo(json.dumps(plain({"run": judged.run, **facts, "notes": judged.notes, **tables}), indent=2))
        return
    notes(judged.notes)
    if not found.rows:
        return
    _regions(found.findings.head(_SHOWN), level)
    more = max(len(found.findings) - _SHOWN, 0) + found.more
    if more:
        click.echo(f"... and {more:,} more; --json has the first {len(found.findings):,} in full")
    _pairs(found.confusions.head(_SHOWN))


def _regions(findings: pd.DataFrame, level: float) -> None:
    if findings.empty:
        click.echo(f"no region errs more than chance explains, at q up to {level:g}")
        return
    lines = [
        (
            line["region"], f"{line['errors']:,} of {line['n']:,} ({line['rate']:.0%})",
            f"truly {line['target']}" if line["target"] else "any class", f"{line['rate_elsewhere']:.1%}", f"{line['q']:.1g}",
            f"{line['predicted']} → {line['truly']} ({line['confused']:,})", ", ".join(line["marks"][:3]),
        )
        for line in _records(findings)
    ]  # fmt: skip
    show_table(
        "regions where labels are wrong together",
        ("in", "wrong are", "counting rows of", "elsewhere wrong", "q", "mostly labelled → truly", "marked by"),
        lines,
    )
    click.echo(_Q)
    for line in _records(findings):
        click.secho(f"{line['region']}: ", bold=True, nl=False)
        click.echo(f"{line['next']} Rows such as {', '.join(line['examples'])}.")


def _pairs(confusions: pd.DataFrame) -> None:
    lines = [
        (
            f"{line['predicted']} → {line['truly']}", f"{line['errors']:,} of {line['n']:,}",
            f"{line['share']:.1%} [{line['low']:.0%}, {line['high']:.0%}]",
            "" if line["q"] != line["q"] else f"{line['share_elsewhere']:.1%}",
            "" if line["q"] != line["q"] else f"{line['q']:.1g}",
        )
        for line in _records(confusions)
    ]  # fmt: skip
    show_table("classes taken for others", ("labelled → truly", "rows", "share", "under other labels", "q"), lines)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in line.items()} for line in table.to_dict("records")]


@click.command("gaps")
@TASK
@click.option("--run", "run_id", help="Id of the run. Default: the newest with votes.")
@click.option("--guess/--no-guess", default=True, help="Whether the run's end model guesses the classes of rows without votes.")
@JSON
def gaps_command(task: Path, run_id: str | None, guess: bool, as_json: bool) -> None:
    """Group the rows that no function votes on, and propose a rule for each group, with its precision and what it adds.

    Rows of train and valid are looked at; precision is that on rows whose class is known.
    """
    from workbench.project.gaps import gaps_of_run
    from workbench.project.rule_saving import toml_text
    from workbench.project.runs import find_run
    from workbench.project.task import load_task

    loaded = load_task(task)
    run = find_run(loaded, run_id, holding="votes.parquet")
    found = gaps_of_run(loaded, loaded.dataset()[0], run, guess=guess)
    if as_json:
        facts = {"rows": found.rows, "uncovered": found.uncovered, "grouped": found.grouped, "notes": found.notes}
        click.echo(json.dumps(plain({"run": run.id, **facts, "groups": _records(found.groups)}), indent=2))
        return
    notes(found.notes)
    click.echo(f"no function votes on {found.uncovered:,} of {found.rows:,} rows of train and valid")
    for place, line in enumerate(_records(found.groups), start=1):
        click.secho(f"\ngroup {place}: {line['size']:,} rows ({line['share']:.0%})", bold=True, nl=False)
        where = f"; many in {', '.join(line['slices'])}" if line["slices"] else ""
        click.echo(
            f", with {', '.join(f'“{term}”' for term in line['terms'][:6])}{where}; such as {', '.join(line['examples'])}"
        )
        click.echo(_rule_said(line))
        if line["rule"] is not None:
            click.echo(toml_text(line["rule"]).rstrip())


def _rule_said(line: dict[str, Any]) -> str:
    if line["rule"] is None:
        return "no words in them tell one class well enough; review a few, then try again"
    from workbench.project.gaps import measured_in_words

    return (
        f"a rule for {line['label']} (says the {line['told_by']}) votes on {line['inside']:,} rows of this group, and on "
        f"{line['gain']:,} of all rows without a vote; {measured_in_words(line)}"
    )
