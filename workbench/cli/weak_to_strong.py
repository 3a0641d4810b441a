"""How the weak-to-strong report looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from workbench.cli.show import show_table, summary
from workbench.io.names import shortened

_LINES = 10  # of a table: the most frequent, or nobody reads them
_NAMES = {"logistic": "logistic regression", "majority_class": "most frequent class"}
_SHORT = {"copied": "copied", "overruled_right": "put right", "overruled_wrong": "made wrong", "overruled_neither": "wrong too"}
_LENGTH = 18  # characters of a class name, three of which stand in a line


def strong_report(found: dict[str, Any]) -> None:
    """Print the models side by side on test and valid, what the end model overruled, and the crossover where it is known."""
    models = {**found["label_model"], **{name: found[name] for name in ("end_model", "logistic", "ceiling")}}
    splits = [split for split in ("test", "valid") if any(split in scores for scores in models.values())]
    if not splits:
        summary(found)
        return
    for split in splits:
        _side_by_side(models, split)
        _apart(models, found, split)
    for name, scores in models.items():
        if "skipped" in scores:
            click.echo(f"{_name(name)}: {scores['skipped']}")
    click.echo("Brackets: 95 % intervals, by a bootstrap over rows; where no function votes, by Wilson's formula.")
    _gap(found["pgr"])
    _gains(found["gains"].get(splits[0], {}), splits[0])
    if splits[0] in found["confidence"]:
        _confidence(found["confidence"][splits[0]], splits[0])
    if found["overruled"]:
        _fates(found["overruled"])
        _pairs(found["overruled"], found["rows"])
        _functions(found["overruled"])
    if found["crossover"]:
        _crossover(found["crossover"])


def _name(model: str) -> str:
    from workbench.project.overview import MODELS

    return _NAMES.get(model) or MODELS.get(model, model)


def _side_by_side(models: Mapping[str, Any], split: str) -> None:
    scored = {name: scores[split]["all"] for name, scores in models.items() if split in scores}
    lines = [
        (_name(name), *(_figure(score, metric) for metric in ("accuracy", "macro_f1", "log_loss", "ece")))
        for name, score in scored.items()
        if score["n"]
    ]
    if lines:
        n = next(iter(scored.values()))["n"]
        show_table(f"{split} split, all {n:,} rows with gold", ("model", "accuracy", "macro-F1", "log loss", "ECE"), lines)
    else:
        click.echo(f"no row of {split} has gold")


def _figure(score: Mapping[str, Any], metric: str) -> str:
    return _between(score[metric], score["intervals"][metric])


def _apart(models: Mapping[str, Any], found: Mapping[str, Any], split: str) -> None:
    """Print accuracy on rows with votes and without; silent where all rows are of one kind."""
    scored = {name: scores[split] for name, scores in models.items() if split in scores}
    one = next(iter(scored.values()))
    n = {rows: one[rows]["n"] for rows in ("covered", "uncovered")}
    if not all(n.values()):
        return
    lines = [
        (_name(name), _figure(each["covered"], "accuracy"), _share(each["uncovered"]), f"{each['uncovered']['log_loss']:.3f}")
        for name, each in scored.items()
    ]
    most = found["uncovered"][split]
    lines.append((f"always {most['majority_class']!r}", "", _share(most), ""))
    columns = ("model", f"covered, n = {n['covered']:,}", f"no votes, n = {n['uncovered']:,}", "log loss there")
    show_table(f"{split} split: accuracy where functions vote, and where none does", columns, lines)


def _share(score: Mapping[str, Any]) -> str:
    return _between(score["accuracy"], score["interval"])


def _between(value: float, ends: Sequence[float]) -> str:
    return f"{value:.3f} [{ends[0]:.2f}–{ends[1]:.2f}]"


def _gap(pgr: dict[str, Any]) -> None:
    from workbench.project.end_model import gap_in_words

    click.echo(f"performance gap recovered: {gap_in_words(pgr)}")


def _gains(by_rows: Mapping[str, Any], split: str) -> None:
    others = dict.fromkeys(name for of in by_rows.values() for name, gained in of.items() if gained["n"])
    kinds = [rows for rows, of in by_rows.items() if any(gained["n"] for gained in of.values())]
    if not others:
        return
    lines = [(_name(name), *(_points(by_rows[rows].get(name)) for rows in kinds)) for name in others]
    show_table(
        f"{split} split: points of accuracy the end model has over", ("model", *(f"{rows} rows" for rows in kinds)), lines
    )


def _points(gained: Mapping[str, Any] | None) -> str:
    if not gained or not gained["n"]:
        return ""
    value, low, high = (100 * figure for figure in (gained["value"], *gained["interval"]))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _confidence(groups: Sequence[Mapping[str, Any]], split: str) -> None:
    lines = [
        (shortened(one["group"], 2 * _LENGTH), f"{one['n']:,}", *(_or_none(one[name], ".1%") for name in ("wrong", "answered")),
         _or_none(one["wrong_answered"], ".1%"), *(_or_none(one[name], ".3f") for name in ("aurc", "best")))
        for one in groups
    ]  # fmt: skip
    columns = ("rows", "n", "wrong", "answered", "wrong of those", "AURC", "at best")
    show_table(f"{split} split: what the end model's confidence is worth", columns, lines)
    click.echo("Answered: above the threshold of the run. AURC: area under the curve of wrong answers by share answered.")


def _or_none(figure: float | None, how: str) -> str:
    return "" if figure is None else format(figure, how)


def _fates(overruled: Mapping[str, Any]) -> None:
    from workbench.project.weak_to_strong import FATES

    lines = [(said, *(f"{one[fate]:,}" for one in overruled.values())) for fate, said in FATES.items()]
    title = "what the end model made of the labels, on rows with gold"
    show_table(title, ("the end model", *(f"{split}, n = {one['n']:,}" for split, one in overruled.items())), lines)
    for split, one in overruled.items():
        if one["label_wrong"]:
            low, high = one["interval"]
            click.echo(
                f"{split}: of {one['label_wrong']:,} wrong labels it copied {one['copied_share']:.0%} [{low:.0%}, {high:.0%}]"
            )


def _pairs(overruled: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    """Print the commonest (gold, label, answer) in which one is wrong, of all splits together; ids are of valid."""
    counts: dict[tuple[str, ...], dict[str, int]] = {}
    for split, one in overruled.items():
        for pair in one["pairs"]:
            key = tuple(pair[name] for name in ("fate", "gold", "label", "answer"))
            counts.setdefault(key, {})[split] = pair["n"]
    ids: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        ids.setdefault(tuple(row[name] for name in ("fate", "gold", "label", "answer")), []).append(row["id"])
    lines = [
        (_SHORT[key[0]], *(shortened(name, _LENGTH) for name in key[1:]), *(f"{of.get(split, 0):,}" for split in overruled),
         " ".join(ids.get(key, [])[:2]))
        for key, of in sorted(counts.items(), key=lambda item: -sum(item[1].values()))[:_LINES]
    ]  # fmt: skip
    if lines:
        columns = ("the end model", "gold", "label", "answer", *overruled, "such rows of valid")
        show_table(f"where label or answer is wrong: the {len(lines)} most frequent of {len(counts)} cases", columns, lines)


def _functions(overruled: Mapping[str, Any]) -> None:
    told = overruled.get("valid", {}).get("functions", [])[:_LINES]
    if told:
        lines = [(one["lf"], f"{one['wrong']:,}", f"{one['copied']:,}", f"{one['overruled_right']:,}") for one in told]
        columns = ("function", "wrong with the label", "copied", "put right")
        show_table("functions behind wrong labels of valid, by rows", columns, lines)


def _crossover(found: Mapping[str, Any]) -> None:
    lines = [
        (f"{line['n']:,}", f"{line['mean']:.3f}", f"{min(line['accuracy']):.3f} - {max(line['accuracy']):.3f}")
        for line in found["curve"]
    ]
    title = f"the same architecture taught by gold, on {found['n_test']:,} test rows"
    show_table(title, ("gold labels", "accuracy, mean of 3 draws", "lowest - highest"), lines)
    click.echo(found["sentence"])
