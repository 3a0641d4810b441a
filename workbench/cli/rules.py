"""The command that tries a rule, and saves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import show_table
from workbench.io.names import shortened

if TYPE_CHECKING:
    from workbench.project.rule_draft import Ground, Precision, Tried

_SHOWN = 5  # rows


@click.command("rule")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--keyword", multiple=True, help="A word to look for; give it again for more.")
@click.option("--regex", help="A pattern in RE2's dialect.")
@click.option("--phrase", multiple=True, help="A phrase, compared token by token; give it again for more.")
@click.option("--threshold", help="A column of numbers; with --above, --below or both.")
@click.option("--lookup", help="A column; with --value.")
@click.option("--column", help="A column that says the class; with --value only its cells that mean --label.")
@click.option("--label", help="The class to vote for, or whose words are listed. Default there: the first.")
@click.option("--value", multiple=True, help="A cell to look for; give it again for more.")
@click.option("--above", type=float, help="Strictly above this number.")
@click.option("--below", type=float, help="Strictly below this number.")
@click.option("--in", "within", help="Look in this column. Default: all text columns.")
@click.option("--part", is_flag=True, help="Find words inside of others too.")
@click.option("--all", "every", is_flag=True, help="Only where all words stand.")
@click.option("--case", is_flag=True, help="Tell upper from lower case.")
@click.option("--run", "run_id", help="Compare with the votes of this run. Default: the newest.")
@click.option("--name", help="What to call it. Default: made from what it looks for.")
@click.option("--reason", default="", help="Why its votes are right, in one line.")
@click.option("--tag", multiple=True, help="A word to group functions by; give it again for more.")
@click.option("--fires", multiple=True, help="A text on which it must vote; give it again for more.")
@click.option("--abstains", multiple=True, help="A text on which it must abstain; give it again for more.")
@click.option("--save", is_flag=True, help="Write it into rules.toml.")
@click.option("--python", "as_python", is_flag=True, help="Print it as a Python file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def rule_command(task: Path, run_id: str | None, save: bool, as_python: bool, as_json: bool, **given: Any) -> None:
    """Try a rule: coverage, precision on gold, new rows, conflicts, all but on test rows. Without one, list words worth it."""
    from workbench.project.rule_draft import try_rule
    from workbench.project.rule_rows import with_examples
    from workbench.project.rule_saving import proposed_name, python_text, save_rule, told, toml_text
    from workbench.project.steps.rule import ground
    from workbench.project.task import load_task

    read = load_task(task)
    on = ground(read, run_id, many=None)
    rule = _rule(given)
    if rule is None:
        _words(on, given["label"] or read.labels[0], given["within"])
        return
    tried = try_rule(on, rule)
    name = given["name"] or proposed_name(rule, on.lfs)
    whole = told(with_examples(on, rule, given["fires"], given["abstains"]), name, given["reason"], given["tag"])
    if as_python:
        click.echo(python_text(whole), nl=False)
    elif as_json:
        click.echo(json.dumps({"rule": whole, **_facts(tried)}, indent=2, ensure_ascii=False))
    else:
        _show(on, tried)
        click.echo(f"\n{toml_text(whole)}", nl=False)
    if save:
        click.echo(f"saved at {save_rule(read, whole)}; next: `workbench diagnose {task}`", err=as_json or as_python)


def _rule(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the options say as a rule, None where they name none."""
    from workbench.project.rule_draft import rule_of
    from workbench.tables import WorkbenchError

    kinds = [kind for kind in ("keyword", "regex", "phrase", "threshold", "lookup", "column") if given[kind]]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise WorkbenchError(f"--{kinds[0]} and --{kinds[1]} make two rules; try one at a time")
    kind = kinds[0]
    if not given["label"] and (kind != "column" or given["value"]):
        raise WorkbenchError("the rule has no class to vote for; give --label")
    about_cells = kind in ("threshold", "lookup", "column")
    finds = [given["regex"]] if kind == "regex" else list(given["value"] if about_cells else given[kind])
    column = given[kind] if about_cells else given["within"]
    said: dict[str, Any] = {"threshold": {key: given[key] for key in ("above", "below")}}.get(kind, {})
    if not about_cells:
        said = {"case": given["case"]}
    if kind == "keyword":
        said |= {"whole_word": not given["part"], "match": "all" if given["every"] else "any"}
    return rule_of(kind, finds, given["label"] or "", column=column, **said)


def _facts(tried: Tried) -> dict[str, Any]:
    return {
        "rows": tried.counted,
        "coverage": tried.coverage,
        **{kind: number for kind, number in tried.counts.items() if kind != "wrong"},
        "gold": _told(tried.gold),
        "reviewed": _told(tried.reviewed),
        "functions": tried.functions.reset_index().to_dict("records"),
        "twin": tried.twin or None,
        "faults": tried.faults,
    }


def _told(precision: Precision) -> dict[str, Any]:
    share = precision.right / precision.n if precision.n else None
    return {"right": precision.right, "n": precision.n, "precision": share, "interval": [precision.low, precision.high]}


def _show(on: Ground, tried: Tried) -> None:
    from workbench.project.rule_rows import rows_of

    counts = tried.counts
    click.echo(f"votes on {counts['all']:,} of {tried.counted:,} train and valid rows, {tried.coverage:.1%}")
    click.echo(f"{counts['new']:,} of them have no vote so far; on {counts['conflicting']:,} a function votes otherwise")
    for name, precision in (("valid gold", tried.gold), ("reviewed rows", tried.reviewed)):
        if precision.n:
            ends = f"[{precision.low:.2f}, {precision.high:.2f}]"
            click.echo(f"right on {precision.right:,} of {precision.n:,} {name}: {precision.share:.2f} {ends}")
    if tried.slow:
        click.echo("it takes long and was asked about these rows only; a run asks it about all")
    if tried.faults:
        click.echo(f"it fails on {tried.faults:,} rows, first: {tried.fault}")
    if tried.twin:
        click.echo(f"{tried.twin} votes the same on nearly all of its rows: it would add little")
    lines = [(str(name), f"{row['both']:,}", f"{row['differ']:,}") for name, row in tried.functions.head(10).iterrows()]
    if lines:
        show_table("functions on the same rows, the most disputed", ("function", "both vote", "differ"), lines)
    kind = "new" if len(tried.rows["new"]) else "all"
    texts = [(row.id, row.gold, " ".join(part.text for part in row.parts)) for row in rows_of(on, tried, kind, size=_SHOWN)]
    shown = [(id_, gold, shortened(" ".join(text.split()), 100)) for id_, gold, text in texts]
    if shown:
        show_table("new rows" if kind == "new" else "rows", ("row", "gold", "text"), shown)


def _words(on: Ground, label: str, column: str | None) -> None:
    from workbench.project.rule_suggestions import suggestions
    from workbench.tables import WorkbenchError

    if label not in on.data.labels:
        raise WorkbenchError(f"there is no class {label!r}; the classes are {', '.join(on.data.labels)}")
    tell = f"words that tell {label} apart"
    titles = {
        "known": ("right", f"{tell}, in rows of known class"),
        "uncovered": ("as voted", f"{tell}, in rows without votes"),
    }
    for kind, table in suggestions(on, label, column).items():
        right_is, title = titles[kind]
        if kind == "uncovered" and not table["n"].any():
            title = "words that many rows without votes hold, of any class"
        lines = []
        for word, line in table.iterrows():
            right = f"{line['right']} of {line['n']}" if line["n"] else ""
            lines.append((str(word), right, f"{line['new']:,}", f"{line['rows']:,}", line["twin"]))
        show_table(title, ("word", right_is, "new rows", "rows", "as"), lines)
