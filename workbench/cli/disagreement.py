"""The command that says where functions disagree, who is right then, and where nobody votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from workbench.cli.show import show_table
from workbench.io.names import shortened
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.project.disagreement import Asked, Rows, Sight

_LINES = 20  # of a table: the worst, or nobody reads them
_VIEWS = ("pairs", "patterns", "classes", "coverage", "redundant")


@click.command("disagreement")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--show", "view", type=click.Choice(_VIEWS), default="pairs", show_default=True, help="What to list.")
@click.option("--slice", "slice_", metavar="NAME", help="Only rows of a slice.")
@click.option("--class", "label", metavar="CLASS", help="Only rows with a vote for a class.")
@click.option("--function", metavar="NAME", help="Only rows on which a function votes.")
@click.option("--agreeing", is_flag=True, help="Pairs, patterns and rows without conflict too.")
@click.option("--pair", nargs=2, metavar="A B", help="Show the rows on which two functions disagree.")
@click.option("--pattern", metavar="ID", help="Show the rows of a vote pattern.")
@click.option("--gap", is_flag=True, help="Show the rows that no function votes on.")
@click.option("--term", help="With --gap: those that hold a term.")
@click.option("--review", is_flag=True, help="Send the rows shown to review, all of them up to 500.")
@click.option("--run", "run_id", help="Id of the run. Default: the newest with votes.")
def disagreement_command(
    task: Path, view: str, slice_: str | None, label: str | None, function: str | None, run_id: str | None, **rows: Any
) -> None:
    """Show where functions disagree and which is right, vote patterns, coverage, and functions that say the same.

    Test rows are left out. With --pair, --pattern or --gap the rows themselves are shown.
    """
    from workbench.project import disagreement, reviewing
    from workbench.project.runs import find_run
    from workbench.project.task import load_task

    loaded = load_task(task)
    sight = disagreement.look_at_run(loaded, find_run(loaded, run_id, holding="votes.parquet"))
    asked = disagreement.Asked(slice_, label, function)
    if not (rows["pair"] or rows["pattern"] or rows["gap"]):
        if rows["review"]:
            raise WorkbenchError("--review sends rows: say which with --pair A B, --pattern ID or --gap")
        _TABLES[view](sight, asked, not rows["agreeing"])
        return
    found, reason, first = _rows_of(sight, asked, rows)
    named = {f"vote_{place}": name for place, name in enumerate(first)}
    _row_table(disagreement.row_table(sight, found[:_LINES], first), len(found), reason, named)
    if rows["review"]:
        ids = disagreement.to_review(sight, found)
        click.echo(f"{len(ids):,} rows without gold sent to review, {reviewing.request(loaded, ids, reason):,} of them new")


def _rows_of(sight: Sight, asked: Asked, rows: dict[str, Any]) -> tuple[Rows, str, tuple[str, ...]]:
    """Return the rows that are asked for, why, and the functions whose votes stand in columns of their own."""
    from workbench.project import disagreement

    if rows["pair"]:
        a, b = rows["pair"]
        verb = "both vote" if rows["agreeing"] else "disagree"
        return disagreement.pair_rows(sight, asked, a, b, not rows["agreeing"]), f"{a} and {b} {verb}", (a, b)
    if rows["pattern"]:
        for classes in (False, True):
            table, _ = disagreement.patterns(sight, asked, conflicts_only=False, classes=classes, top=None)
            if rows["pattern"] in table.index:
                cast = table["votes"][rows["pattern"]]
                said = f"votes: {disagreement.votes_in_words(cast)}"
                return disagreement.pattern_rows(sight, asked, cast, classes), said, ()
        raise WorkbenchError(f"there is no vote pattern {rows['pattern']!r} here; --show patterns or classes lists them")
    found = disagreement.gap(sight, asked.slice)
    where = "no function votes" + (f" in slice {asked.slice}" if asked.slice else "")
    if rows["term"] is None:
        return found.rows, where, ()
    if rows["term"] not in found.holding:
        raise WorkbenchError(f"{rows['term']!r} is no term of the rows without votes; --show coverage lists them")
    return found.holding[rows["term"]], f"{where} and that hold “{rows['term']}”", ()


def _pairs(sight: Sight, asked: Asked, conflicts_only: bool) -> None:
    from workbench.project import disagreement

    table = disagreement.pairs(sight, asked)
    shown = table[table["disagree"] > 0] if conflicts_only else table
    lines = [
        (
            line["a"], line["b"], f"{line['disagree']:,} of {line['both']:,}",
            f"{line['rate']:.0%} [{line['low']:.0%}, {line['high']:.0%}]",
            f"{line['a_right']} : {line['b_right']} of {line['n_gold']}" if line["n_gold"] else "",
            (line["better"] or "unclear") if line["n_gold"] else "",
        )
        for line in shown.fillna({"n_gold": 0}).head(_LINES).to_dict("records")
    ]  # fmt: skip
    show_table("pairs that disagree", ("one", "other", "disagree", "share", "right on valid gold", "more right"), lines)
    click.echo(f"{(table['disagree'] > 0).sum():,} of {len(table):,} pairs that meet disagree somewhere")


def _patterns(sight: Sight, asked: Asked, conflicts_only: bool, classes: bool = False) -> None:
    from workbench.project import disagreement

    table, every = disagreement.patterns(sight, asked, conflicts_only, classes, top=_LINES)
    lines = [
        (
            str(name),
            f"{line['rows']:,}",
            f"{line['share']:.1%}",
            disagreement.votes_in_words(line["votes"]),
            _counts(line["gold"]),
        )
        for name, line in table.to_dict("index").items()
    ]
    show_table("vote patterns", ("id", "rows", "share", "votes", "valid gold"), lines)
    click.echo(f"{every['patterns']:,} patterns on {every['rows']:,} rows")


def _counts(gold: dict[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in gold.items())


def _classes(sight: Sight, asked: Asked, conflicts_only: bool) -> None:
    _patterns(sight, asked, conflicts_only, classes=True)


def _coverage(sight: Sight, asked: Asked, _: bool) -> None:
    from workbench.project import disagreement

    classes, slices = disagreement.coverage(sight)
    lines = [
        (
            line["class"], f"{line['functions']:,}", f"{line['rows']:,}", f"{line['contested']:,}",
            f"{line['coverage']:.1%} [{line['low']:.0%}, {line['high']:.0%}] n={line['n_gold']}" if line["n_gold"] else "",
            f"{line['found'] / line['n_gold']:.1%}" if line["n_gold"] else "",
        )
        for line in classes.fillna({"n_gold": 0}).to_dict("records")
    ]  # fmt: skip
    show_table("votes by class", ("class", "functions", "rows", "contested", "valid gold covered", "found"), lines)
    if not slices.empty:
        covered = [
            (line["slice"], f"{line['n']:,}", f"{line['label_coverage']:.1%}", f"{line['uncovered']:,}")
            for line in slices.to_dict("records")
        ]
        show_table("coverage by slice, the least covered first", ("slice", "rows", "covered", "uncovered"), covered)
    found = disagreement.gap(sight, asked.slice)
    terms = [
        (
            line["term"],
            *(f"{line[side]:,} ({line[f'share_{side}']:.1%})" for side in ("uncovered", "covered")),
            f"{line['z']:.1f}",
        )
        for line in found.terms.head(_LINES).to_dict("records")
    ]
    click.echo(f"no function votes on {len(found.rows):,} of {len(found.rows) + found.covered:,} rows")
    show_table("terms that uncovered rows hold more often", ("term", "uncovered rows", "covered rows", "z"), terms)


def _redundant(sight: Sight, asked: Asked, _: bool) -> None:
    from workbench.project import disagreement

    table = disagreement.doubles(sight)
    lines = [
        (line["a"], line["b"], f"{line['same']:,} of {line['either']:,} ({line['agreement']:.0%})", line["advice"])
        for line in table.head(_LINES).to_dict("records")
    ]
    show_table("functions that say the same", ("one", "other", "same, of rows on which either votes", "what to do"), lines)
    click.echo(f"{len(table):,} pairs say the same on 95 % or more of at least ten rows on which either votes")


def _row_table(table: pd.DataFrame, total: int, what: str, named: dict[str, str]) -> None:
    table = table.loc[:, [name == "row" or bool(table[name].ne("").any()) for name in table]]
    lines = [(str(name), *(shortened(" ".join(cell.split()), 100) for cell in cells)) for name, *cells in table.itertuples()]
    click.echo(f"{total:,} rows: {what}" + (f"; the first {len(table):,}:" if total > len(table) else ""))
    show_table("rows", ("id", *(named.get(name, name) for name in table.columns)), lines)


_TABLES = {"pairs": _pairs, "patterns": _patterns, "classes": _classes, "coverage": _coverage, "redundant": _redundant}
