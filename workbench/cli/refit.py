"""What a batch of decisions did: refit."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import notes, report_progress, show_table
from workbench.io.files import plain
from workbench.io.names import shortened

if TYPE_CHECKING:
    import pandas as pd

    from workbench.project.feedback import Feedback

_CUT = 80  # characters of a row
_SHOWN = 10  # flipped rows, and functions: the first, all with --json


@click.command("refit")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Fit even where nothing is new.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def refit_command(task: Path, force: bool, as_json: bool) -> None:
    """Fit again after a batch of decisions, and show what changed: labels, functions, the bound and the scores."""
    from workbench.project.feedback import feedback_in_words, refit, what_changed
    from workbench.project.task import load_task

    loaded = load_task(task)
    # What a user's function prints must not end up in the JSON on stdout.
    with redirect_stdout(sys.stderr), report_progress() as report:
        before, after = refit(loaded, force=force, report=report, say=lambda sentence: notes([sentence]))
    facts: dict[str, Any] = {"before": before and before.id, "after": after and after.id}
    found = None
    if after is None:
        words = [f"Nothing is new since run {facts['before']}: the same reviewed rows, functions, settings and data."]
        words.append("Nothing was fitted; --force fits all the same.")
        words.append(f"Answers to an audit teach nothing: `workbench review {task} --queue value` has rows that do.")
    elif before is None:
        soft, anchors = after.soft_labels(), after.about["review"]["anchors"]
        words = [f"No run was fitted before. Run {after.id} labels {soft.covered.sum():,} of {len(soft):,} rows, "]
        words[0] += f"and learned from {anchors:,} reviewed rows; there is nothing to compare it with yet."
    else:
        found = what_changed(loaded, before, after, loaded.dataset()[0])
        words = feedback_in_words(found)
    if as_json:
        click.echo(json.dumps(plain({**facts, **(_facts(found) if found else {}), "words": words}), indent=2))
        return
    notes(after.about["notes"] if after else [])
    for sentence in words:
        click.echo(sentence)
    if found:
        _flipped(found)
        _functions(found.functions)
    if after:
        click.echo(f"run {after.id}: {after.folder}")


def _facts(found: Feedback) -> dict[str, Any]:
    pair = found.pair
    flipped = {"common": pair.common, "changed": pair.changed, "by_people": found.by_people}
    tables = {"moves": _lines(pair.moves), "sample": _lines(pair.sample.reset_index())}
    return {
        "anchors": found.anchors,
        "other_data": pair.other_data,
        "settings": pair.settings.to_dict(orient="index"),
        "edited_functions": pair.functions,
        "flipped": {**flipped, **tables},
        "functions": _lines(found.functions.reset_index()),
        "bound": found.bound,
        "scores": {rows: pair.scores.loc[rows].to_dict(orient="index") for rows in dict(pair.scores.index.tolist())},
        "gains": pair.gains,
    }


def _lines(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict(orient="records")


def _flipped(found: Feedback) -> None:
    sample = found.pair.sample.head(_SHOWN)
    if len(sample):
        lines = [
            (str(row), line["before"], line["after"], f"{line['probability_before']:.0%} → {line['probability']:.0%}",
             shortened(line["row"], _CUT))
            for row, line in sample.iterrows()
        ]  # fmt: skip
        columns = ("id", "before", "after", "of the new label", "row")
        show_table("flipped on rows of train and valid that nobody reviewed", columns, lines)


def _functions(table: pd.DataFrame) -> None:
    shown = table[(table["n"] > 0) | (table["hard_n"] > 0)].head(_SHOWN)
    if len(shown):
        lines = [(str(name), *_cells(line)) for name, line in shown.iterrows()]
        columns = (
            "function",
            "audited: right",
            "share [95 % interval]",
            "learned before → after",
            "",
            "on reviewed hard rows: right",
        )
        show_table("votes that people judged", columns, lines)


def _cells(line: Any) -> tuple[str, ...]:
    share = f"{line['share']:.0%} [{line['low']:.0%}, {line['high']:.0%}]" if line["n"] else ""
    old, new = ("none" if line[name] != line[name] else f"{line[name]:.0%}" for name in ("learned_before", "learned_after"))
    hard = f"{line['hard_right']:,} of {line['hard_n']:,}" if line["hard_n"] else ""
    audited = f"{line['right']:,} of {line['n']:,}" if line["n"] else ""
    return audited, share, f"{old} → {new}", "differs" if line["differs"] else "", hard
