"""How results look in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from workbench.project.explaining import Explained
    from workbench.project.steps.check import Checked

_SHOWN = 10  # errors in slices: the surest, or nobody reads them
_WORDS = 5  # that drove an answer
_SILENT = 30  # seconds after which a log hears how far a command is


def notes(sentences: Sequence[str]) -> None:
    """Print warnings on stderr, one a line."""
    for sentence in sentences:
        click.secho(f"note: {sentence}", fg="yellow", err=True)


def problems(sentences: Sequence[str]) -> None:
    """Print problems on stderr, one a line."""
    for sentence in sentences:
        click.secho(f"problem: {sentence}", fg="red", err=True)


@contextmanager
def report_progress() -> Iterator[Callable[[str, int, int, str], None]]:
    """Yield a callback that shows the stage and how far it is, on stderr: as a bar, or in a log as a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_by_line()
        return
    texts = TextColumn("{task.description:>9}"), TextColumn("{task.fields[detail]}", style="dim", markup=False)
    columns = texts[0], BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), texts[1]
    with Progress(*columns, console=console, transient=True) as bar:
        line = bar.add_task("reading", total=None, detail="")
        yield lambda stage, done, total, detail: bar.update(line, description=stage, completed=done, total=total, detail=detail)


def _line_by_line() -> Callable[[str, int, int, str], None]:
    """Return a callback that prints how far a stage is when nothing was printed for so long that a reader wonders."""
    said = monotonic()

    def report(stage: str, done: int, total: int, detail: str) -> None:
        nonlocal said
        if monotonic() - said >= _SILENT:
            said = monotonic()
            far = f" {done:,} of {total:,}" if total else ""
            click.echo(f"... {stage}{far}{f': {detail}' if detail else ''}", err=True)

    return report


def summary(metrics: dict[str, Any]) -> None:
    """Print the models side by side on the test split, or on the valid split where there is no other."""
    from workbench.project.overview import scoreboard, scored_splits

    splits = scored_splits(metrics)
    if splits:
        every, covered = (scoreboard(metrics, splits[0], rows) for rows in ("all", "covered"))
        columns = ("model", "accuracy, all rows", "n", "macro-F1", "log loss", "ECE", "accuracy, covered", "n")
        table = _table(f"{splits[0]} split", columns)
        for (name, row), (_, voted) in zip(every.iterrows(), covered.iterrows(), strict=True):
            table.add_row(str(name), *([] if row["reason"] else _score_cells(row, voted)))
        unscored = every["reason"][every["reason"] != ""]
        if len(unscored) < len(every):
            _print(table)
        for reason, names in unscored.groupby(unscored, sort=False).groups.items():
            click.echo(f"{', '.join(map(str, names))}: {reason}")
    else:
        click.echo("no row outside the train split: nothing to score on")
    pgr = metrics["pgr"]
    if pgr["value"] is None:
        click.echo(f"performance gap recovered: {pgr['reason']}")
    else:
        low, high = ("?" if end is None else f"{end:.2f}" for end in pgr["interval"])
        click.echo(f"performance gap recovered: {pgr['value']:.2f} [{low}, {high}], n = {pgr['n']}")


def _score_cells(every: Any, covered: Any) -> list[str]:
    cells = [f"{every['accuracy']:.3f} [{every['low']:.3f}, {every['high']:.3f}]", f"{every['n']:,.0f}"]
    cells += [f"{every[name]:.3f}" for name in ("macro_f1", "log_loss", "ece")]
    return [*cells, "" if covered["reason"] else f"{covered['accuracy']:.3f}", f"{covered['n']:,.0f}"]


def learned_table(model: dict[str, Any], diagnosis: dict[str, Any]) -> None:
    """Print the learned accuracy of every function beside the one on valid gold, and the class balance."""
    table = _table(f"what {model['model']} learned", ("function", "votes", "learned accuracy", "accuracy on valid gold"))
    for row in diagnosis["functions"]:
        accuracy = model["accuracy"][row["lf"]]
        low, high = (model.get("accuracy_interval") or {}).get(row["lf"]) or (None, None)
        ends = "" if low is None else f" [{low:.2f}, {high:.2f}]"
        table.add_row(row["lf"], f"{row['n_votes']:,}", "" if accuracy is None else f"{accuracy:.2f}{ends}", _on_gold(row))
    _print(table)
    table = _table("class balance", ("class", "prior, of rows without votes", "mean posterior of rows with votes"))
    covered = model.get("covered_balance", {})  # runs of earlier versions do not say
    for label, share in model["class_balance"].items():
        table.add_row(label, f"{share:.1%}", f"{covered[label]:.1%}" if label in covered else "")
    _print(table)


def _on_gold(row: dict[str, Any]) -> str:
    if row["accuracy"] is None:
        return ""
    return f"{row['accuracy']:.2f} [{row['low']:.2f}, {row['high']:.2f}] n={row['n_gold']}"


def explained_row(found: Explained) -> None:
    """Print what each vote on a row adds to the log odds of its class against another."""
    title = f"row {found.id}: {', '.join(f'{label} {share:.1%}' for label, share in found.probs.items())}"
    table = _table(title, ("what", "vote", f"adds to log odds, {found.first} against {found.second}", "sum so far"))
    for line in found.lines.to_dict("records"):
        table.add_row(line["line"], line["vote"], f"{line['adds']:+.3f}", f"{line['after']:+.3f}")
    _print(table)
    if len(found.lines) == 1:
        click.echo("no function votes on this row; the class balance is all that speaks for its class")


def checked_table(found: Checked) -> None:
    """Print what a check saw of every function on its sample, and how many rows the failures find."""
    table = _table(f"functions on {found.sampled} sampled rows", ("function", "unit examples", "voted", "failed", "µs a row"))
    for name, row in found.functions.iterrows():
        counts = ("" if row[each] != row[each] else f"{row[each]:,.0f}" for each in ("voted", "failed", "microseconds"))
        table.add_row(str(name), str(int(row["examples"])), *counts)
    _print(table)
    if len(found.failures):
        table = _table("failures", ("failure", "severity", "owner", "tolerated", "rows found", "in train"))
        for name, row in found.failures.iterrows():
            rows = f"{row['rows']:,}", f"{row['train']:,}"
            table.add_row(str(name), row["severity"], row["owner"], f"{row['tolerated']:.2%}", *rows)
        _print(table)


def functions_table(diagnosis: dict[str, Any]) -> None:
    """Print the table of functions and the figures of the whole set."""
    table = _table(
        "functions", ("function", "votes for", "coverage", "overlap", "conflict", "accuracy on valid gold", "faults")
    )
    for row in diagnosis["functions"]:
        shares = (f"{row[name]:.1%}" for name in ("coverage", "overlap", "conflict"))
        faults = "stopped" if row.get("stopped") else str(row["faults"] or "")  # runs of earlier versions do not say
        table.add_row(row["lf"], ", ".join(row["polarity"]), *shares, _on_gold(row), faults)
    _print(table)
    whole = diagnosis["summary"]
    click.echo(
        f"covered {whole['label_coverage']:.1%}, overlap {whole['overlap']:.1%}, conflict {whole['conflict']:.1%} of rows"
    )


def all_functions_table(functions: pd.DataFrame) -> None:
    """Print all functions, those that are off too, with the figures of the last run in which they voted."""
    figures = ("coverage", "conflict", "accuracy on valid gold", "learned", "faults", "µs a row")
    table = _table("functions", ("function", "state", "votes for", *figures))
    for name, row in functions.iterrows():
        cells: dict[str, Any] = {str(key): None if value != value else value for key, value in row.items()}
        shares = ("" if cells[key] is None else f"{cells[key]:.1%}" for key in ("coverage", "conflict"))
        counts = ("" if not cells["faults"] else f"{cells['faults']:,.0f}", _number(cells["microseconds"], 1))
        gold = _on_gold(cells | {"n_gold": int(cells["n_gold"] or 0)})
        table.add_row(
            str(name), cells["state"], ", ".join(cells["labels"]), *shares, gold, _number(cells["learned"], 2), *counts
        )
    _print(table)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def slices_tables(diagnosis: dict[str, Any]) -> None:
    """Print what the votes do in each slice and, with gold in valid, which functions err more there than elsewhere."""
    if not diagnosis["slices"]:
        return
    table = _table("slices", ("slice", "n", "coverage", "conflict", "accuracy of votes on valid gold"))
    for row in diagnosis["slices"]:
        table.add_row(
            row["slice"], f"{row['n']:,}", *(f"{row[name]:.1%}" for name in ("label_coverage", "conflict")), _on_gold(row)
        )
    _print(table)
    errors = diagnosis["slice_errors"]
    if errors:
        table = _table("errs more here than elsewhere (valid)", ("function", "slice", "here", "elsewhere", "p", "q"))
        for row in errors[:_SHOWN]:
            both = (f"{row[f'accuracy{side}']:.2f} n={row[f'n{side}']}" for side in ("", "_elsewhere"))
            table.add_row(row["lf"], row["slice"], *both, *(f"{row[name]:.2g}" for name in ("p", "q")))
        _print(table)
        click.echo(
            "q: the share of the lines down to this one that chance alone would give, so many pairs being tried; "
            "above .1 read the rows first"
        )
    if len(errors) > _SHOWN:
        click.echo(f"{len(errors) - _SHOWN} more with p < 0.05 stand in diagnosis.json")


def valid_table(scores: dict[str, Any]) -> None:
    """Print the accuracy of models on the valid split, {model: {"valid": {rows: score}}}; nothing where there is none."""
    from workbench.project.overview import MODELS

    if not scores:
        return
    table = _table("valid split", ("model", "accuracy, all rows", "n", "accuracy, covered", "n"))
    for name, found in scores.items():
        cells = ([_accuracy(found["valid"][rows]), f"{found['valid'][rows]['n']:,}"] for rows in ("all", "covered"))
        table.add_row(MODELS[name], *chain.from_iterable(cells))
    _print(table)


def comparison(found: dict[str, Any]) -> None:
    """Print label models side by side: what they agree on, how good they are on valid, and if majority vote is enough."""
    from workbench.project.overview import MODELS

    fitted = {name: model for name, model in found["models"].items() if "skipped" not in model}
    numbers = [str(place + 1) for place in range(len(fitted))]
    title = f"same answer, % of {found['covered']:,} covered rows; chosen: {MODELS[found['chosen']]}"
    table = _table(title, ("model", "fit, ms", "undecided", *numbers))
    for number, (name, model) in zip(numbers, fitted.items(), strict=True):
        shares = (model["undecided"], *(None if other == name else found["agreement"][name][other] for other in fitted))
        cells = ("" if share is None else f"{100 * share:.1f}" for share in shares)
        table.add_row(f"{number} {MODELS[name]}", f"{1000 * model['seconds']:,.0f}", *cells)
    _print(table)
    for name, model in found["models"].items():
        if "skipped" in model:
            click.echo(f"{MODELS[name]}: skipped: {model['skipped']}")
    if found["covered"]:
        click.echo(f"functions conflict on {found['conflict']:.1%} of covered rows")
    if found["gold"]:
        for rows in ("all", "covered"):
            _compared_scores({name: model["valid"][rows] for name, model in fitted.items()}, rows)
        _reliability_table(found["reliability"], MODELS[found["chosen"]])
        click.echo("Intervals are 95 %; those of gains hold for all models together.")
    click.echo(found["majority_vote"]["sentence"])


def _compared_scores(scores: dict[str, dict[str, Any]], rows: str) -> None:
    from workbench.project.overview import MODELS

    n = scores["majority_vote"]["n"]
    if not n:
        return
    columns = ("model", "accuracy", "points over majority", "macro-F1", "log loss", "ECE")
    table = _table(f"valid split, {rows} rows with gold: {n:,}", columns, tight=True)
    for name, score in scores.items():
        more, points = score.get("over_majority_vote"), ""
        if more:
            value, low, high = (100 * figure for figure in (more["value"], *more["interval"]))
            points = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
        figures = (f"{score[metric]:.3f}" for metric in ("macro_f1", "log_loss", "ece"))
        table.add_row(MODELS[name], _accuracy(score), points, *figures)
    _print(table)


def _reliability_table(lines: Sequence[dict[str, Any]], model: str) -> None:
    table = _table(f"reliability of {model}, covered rows of valid", ("confidence", "n", "mean confidence", "accuracy"))
    for line in lines:
        accuracy = f"{line['accuracy']:.3f} [{line['accuracy_low']:.3f}, {line['accuracy_high']:.3f}]"
        table.add_row(f"{line['low']:.1f} - {line['high']:.1f}", f"{line['n']:,}", f"{line['confidence']:.3f}", accuracy)
    _print(table)


def _accuracy(score: dict[str, Any]) -> str:
    if score["accuracy"] is None:
        return ""
    low, high = score["interval"]
    return f"{score['accuracy']:.3f} [{low:.3f}, {high:.3f}]"


def show_table(title: str, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print lines of texts under the names of their columns."""
    table = _table(title, columns)
    for line in lines:
        table.add_row(*line)
    _print(table)


def answer_table(found: dict[str, Any]) -> None:
    """Print what the end model decides on one row, and what the label model and the functions say of it."""
    models = {"end model": found["end_model"], "label model": found["label_model"]}
    told = {name: one["probs"] for name, one in models.items() if "probs" in one}
    if told:
        table = _table("probabilities", ("class", *told))
        for label in next(iter(told.values())):
            table.add_row(label, *(f"{probs[label]:.1%}" for probs in told.values()))
        _print(table)
    if "decision" in found["end_model"]:
        about = found["end_model"]
        notes([about["promise"]])
        click.echo(f"decision: {about['decision']}" + (f", as {about['why']}" if about["why"] else ""))
        most = sorted(about["words"]["drops"].items(), key=lambda item: -abs(item[1]))[:_WORDS]
        drops = ", ".join(f"{word} {drop:+.2f}" for word, drop in most)
        click.echo(f"words, and the log probability of {about['words']['label']} each adds: {drops or 'none'}")
    for name, one in models.items():
        if "reason" in one:
            click.echo(f"{name}: {one['reason']}")
    if found["label_model"].get("covered") is False:
        click.echo("label model: no function votes, so this is the class balance")
    said = found["functions"]
    if "reason" in said:
        click.echo(f"functions: {said['reason']}")
        return
    for vote in said["votes"]:
        click.echo(f"{vote['lf']} votes {vote['label']}" + (f" ({vote['since']} since the run)" if vote["since"] else ""))
    for fault in said["faults"]:
        click.echo(f"{fault['lf']} fails: {fault['error']}")
    for name in said["unasked"]:
        click.echo(f"{name} would call its client, and was not asked")
    click.echo(f"{said['silent']} functions abstain")


def _table(title: str, columns: Sequence[str], tight: bool = False) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=tight)
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console(markup=False)  # names are data: no [red] in them is a colour
    # A pipe has no width of its own: give it enough for every column rather than fold figures.
    (console if console.is_terminal else Console(width=160, markup=False)).print(table)
