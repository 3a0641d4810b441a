"""The text of a new task's files: an annotated task.toml, rules, a first Python function."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import tomlkit

_COMMENTS: Final = {
    "file": "the rows: .csv, .tsv, .jsonl or .parquet",
    "id": "column with the row id; without it ids are made from the content",
    "text": "text columns; [] where the rows are only numbers and categories",
    "gold": "column with class names where somebody knows them, empty where not; it scores, label models do not learn from it",
    "split": "column saying train, valid or test; or shares, drawn by content so that copies of a text share a split, "
    "of all rows or, with `without_gold`, of those with gold",
    "encoding": "encoding of the file",
    "delimiter": "what separates the cells",
    "model": "generative, majority_vote, weighted_vote, triplet, dawid_skene or snorkel; further keys are its settings",
    "workers": "processes that functions run in, so that one that hangs or crashes is stopped and named, and the others go on",
    "seconds": "what one function may take there on 10,000 rows",
    "enabled": "false where there is nothing to train on",
    "features": "what the end model sees of the text",
    "columns": "columns of numbers or categories it sees as well",
    "formats": "files of the training set",
}


def toml_value(value: Any) -> str:
    """Return a value as TOML; a table is written in one line, a list of more than eight with one item a line.

    >>> toml_value({"train": 0.7, "the rest": ["a"]})
    '{train = 0.7, "the rest" = ["a"]}'
    """
    if isinstance(value, Mapping):
        pairs = (f"{tomlkit.key(str(key)).as_string()} = {toml_value(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        items = [toml_value(item) for item in value]
        return "[\n    " + ",\n    ".join(items) + ",\n]" if len(items) > 8 else "[" + ", ".join(items) + "]"
    if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"  # a literal string: its backslashes stay single
    return str(tomlkit.item(value).as_string())


def task_toml(
    name: str, labels: Sequence[str], data: Mapping[str, Any], end_model: Mapping[str, Any], functions: str | None = None
) -> str:
    """Return an annotated task.toml; keys that are None stand as comments."""
    parts = [
        "# A task: what the rows are, who votes on them, what learns from the votes. Paths are relative to this file.",
        "",
        "# version of this file's format",
        "format = 1",
        "# what the task is called in runs and reports",
        f"name = {toml_value(name)}",
        "# class names; their order is the class index 0, 1, ...",
        f"labels = {toml_value(list(labels))}",
        "# folder of Python labeling functions; rules without Python stand in rules.toml beside this file",
        f"functions = {toml_value(functions)}" if functions else '# functions = "functions"',
    ]
    tables: dict[str, Mapping[str, Any]] = {
        "data": data,
        "apply": {"workers": None, "seconds": None},
        "label_model": {"model": "generative"},
        "end_model": end_model,
        "export": {"formats": ["parquet", "csv", "jsonl"]},
    }
    for table, keys in tables.items():
        parts += ["", f"[{table}]"]
        for key, value in keys.items():
            parts.append(f"# {_COMMENTS[key]}")
            parts.append(_EXAMPLES[key] if value is None else f"{key} = {toml_value(value)}")
    parts += [
        "",
        "[slices]",
        "# parts of the rows whose votes get figures of their own in diagnosis and app; any name",
        f"# {_SLICE}",
    ]
    return "\n".join(parts) + "\n"


_SLICE: Final = 'enterprise = {column = "plan", equals = "enterprise"}'
_EXAMPLES: Final = {
    "id": '# id = "id"',
    "gold": '# gold = "label"',
    "split": "# split = {train = 0.7, valid = 0.1, test = 0.2}",
    "workers": "# workers = 2",
    "seconds": "# seconds = 60",
    "features": '# features = ["tfidf", "static"]',
}


def stored_rules(columns: Iterable[str], reasons: Mapping[str, str]) -> str:
    """Return a rules.toml with one rule a column of stored votes."""
    parts = ["# Votes that came with the rows: each column holds class names, an empty cell abstains.", "format = 1"]
    for column in columns:
        reason = f"votes stored with the data set{': ' if column in reasons else ''}{reasons.get(column, '')}"
        settings = {"name": column, "kind": "column", "column": column, "reason": reason}
        parts += ["", "[[rule]]", *(f"{key} = {toml_value(value)}" for key, value in settings.items())]
    return "\n".join(parts) + "\n"


def first_rules(live: Mapping[str, Any], labels: Sequence[str], text: str, other: str) -> str:
    """Return a rules.toml with one live rule and a commented example of every kind; text and other are columns."""
    first, last = labels[0], labels[-1]
    examples: list[dict[str, Any]] = [
        {"name": "asks_refund", "kind": "keyword", "words": ["refund", "money back"], "label": last, "match": "any"},
        {"name": "has_link", "kind": "regex", "pattern": r"https?://\S+", "label": last},
        {"name": "says_thanks", "kind": "phrase", "phrases": ["thank you", "thanks a lot"], "label": first},
        {"name": "large_value", "kind": "threshold", "column": other, "label": last, "above": 100},
        {"name": "known_value", "kind": "lookup", "column": other, "values": ["a", "b"], "label": first},
        {"name": "old_tags", "kind": "column", "column": other, "values": {"a tag of the old system": first}},
    ]
    parts = [
        "# Rules without Python: each votes its label where it matches, and abstains elsewhere.",
        "# Text rules look at all text columns; `column` narrows them to one. Remove the # to use an example.",
        "format = 1",
        "",
        *_rule(live),
    ]
    for example in examples:
        settings = {**example, "reason": "why this is right"}
        if example["kind"] in ("keyword", "regex", "phrase"):
            settings["column"] = text
        parts += ["", *(f"# {line}" for line in _rule(settings))]
    return "\n".join(parts) + "\n"


def _rule(settings: Mapping[str, Any]) -> list[str]:
    """Return the lines of one rule."""
    return ["[[rule]]", *(f"{key} = {toml_value(value)}" for key, value in settings.items())]


def constants(labels: Sequence[str]) -> list[str]:
    """Return one Python name a class: the label in capitals, or CLASS_<index> for all where that gives no distinct names.

    >>> constants(["ham", "not spam"]), constants(["<=50K", ">50K"])
    (['HAM', 'NOT_SPAM'], ['CLASS_0', 'CLASS_1'])
    """
    names = [re.sub(r"\W+", "_", label).strip("_").upper() for label in labels]
    good = [name.isidentifier() and not keyword.iskeyword(name) and name != "ABSTAIN" for name in names]
    return names if all(good) and len(set(names)) == len(names) else [f"CLASS_{place}" for place in range(len(labels))]


def literal(value: Any) -> str:
    """Return a string, number or dict as Python source, in double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def first_function(labels: Sequence[str], name: str, label: int, condition: str, fires: Any, abstains: Any) -> str:
    """Return a functions.py with one function that votes a class where a condition on `row` holds.

    condition: a Python expression. fires, abstains: one unit example each, a text or a dict of columns.
    """
    names = constants(labels)
    classes = [
        f"{constant} = {place}  # {literal(label)}" for place, (constant, label) in enumerate(zip(names, labels, strict=True))
    ]
    lines = [
        '"""Labeling functions: each looks at one row and votes a class, or abstains."""',
        "",
        "from workbench import ABSTAIN, labeling_function",
        "",
        "# class indexes, in the order of `labels` in task.toml",
        *classes,
        "",
        "",
        f"@labeling_function(fires=[{literal(fires)}], abstains=[{literal(abstains)}])",
        f"def {name}(row):",
        '    """An example to replace: say here in one line why the vote is right."""',
        f"    return {names[label]} if {condition} else ABSTAIN",
    ]
    return "\n".join(lines) + "\n"
