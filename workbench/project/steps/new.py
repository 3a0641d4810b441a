"""`workbench new`: a task scaffolded from a file of rows."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, TypedDict, Unpack

import pandas as pd

from workbench.io.datasets import Split, read_dataset
from workbench.io.files import new_folder, write_text
from workbench.io.names import in_natural_order, listed
from workbench.io.partitions import in_partitions, partitions, read_partition
from workbench.io.readers import read_frame
from workbench.io.uploads import check_upload
from workbench.project.scaffold import first_function, first_rules, literal, task_toml
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, SPLITS, Dataset, WorkbenchError

_SHARES: Final[dict[str, float | str]] = {"train": 0.7, "valid": 0.1, "test": 0.2}
_FEW: Final[dict[str, float | str]] = {
    "valid": 0.5,
    "test": 0.5,
    "without_gold": "train",
}  # where gold is scarce, none is spent on train
_MOST: Final = 0.6  # share of rows with gold above which gold is not scarce
_ABSTAINS: Final = "nothing of the kind"
_SAMPLE: Final = 5000
_GOLD_NAMES: Final = ("gold", "label", "labels", "class", "target", "topic", "category", "intent", "sentiment", "truth", "y")
_SHORT: Final = 40  # characters of a class name at most, where it is guessed
_ANSWER_NAMES: Final = ("label", "labels", "class", "gold", "target", "split")


class Columns(TypedDict, total=False):
    """What the user says of the file; all of it may be left out."""

    text: Sequence[str] | None
    gold: str | None
    id: str | None
    split: Split
    encoding: str | None
    delimiter: str | None


def keep_upload(content: memoryview, target: Path) -> None:
    """Write what a browser sent into a new folder; one that is too large is not kept, and raises WorkbenchError."""
    target.parent.mkdir()
    target.write_bytes(content)
    try:
        check_upload(target)
    except WorkbenchError:
        shutil.rmtree(target.parent)
        raise


def preview(source: Path | str, gold: str | None = None, **reading: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a file as `new_task` reads them, and the warnings of the reader; reading: encoding, delimiter."""
    return read_frame(Path(source), text_columns=[gold] if gold else [], **reading)


def new_task(
    dest: Path | str,
    source: Path | str,
    *,
    labels: Sequence[str] | None = None,
    functions_root: Path | str | None = None,
    **columns: Unpack[Columns],
) -> list[str]:
    """Make the task folder dest from a file of rows, with a first function and a first rule; return notes in words.

    source: a file, which is copied, or a folder, pattern or URL of Parquet files, which stay where they are; of these the first
    partition is looked at. labels: by default the distinct values of the gold column. text: by default the column with the
    longest strings on average; a file without strings makes a task of numbers. split: of `default_split` where there is gold,
    in partitions by shares. Python functions go to `<functions_root>/<task>/`; functions_root is by default
    `labeling_functions` beside a folder `data` that holds dest, else the task folder itself. The file is read whole first:
    whatever is wrong with it, nothing is written.
    """
    dest, named = Path(dest), str(source)
    with _one_file(named, columns.get("id")) as source:
        return _new_task(dest, source, named, labels, functions_root, columns)


@contextmanager
def _one_file(source: str, id: str | None) -> Iterator[Path]:
    """Yield a file with the rows to look at: the file itself, or the first partition of several."""
    if not in_partitions(source):
        yield Path(source)
        return
    if id is None:
        raise WorkbenchError(f"rows of {source} are read in parts, and content alone cannot tell them apart; give --id COLUMN")
    with TemporaryDirectory() as folder:
        rows = read_partition(partitions(source)[0], [])
        rows.to_parquet(Path(folder) / "rows.parquet", index=False)
        yield Path(folder) / "rows.parquet"


def _new_task(
    dest: Path,
    source: Path,
    named: str,
    labels: Sequence[str] | None,
    functions_root: Path | str | None,
    columns: Columns,
) -> list[str]:
    parted = in_partitions(named)
    given = {"encoding": columns.get("encoding"), "delimiter": columns.get("delimiter")}
    reading = {key: value for key, value in given.items() if value is not None}
    gold, split = columns.get("gold"), columns.get("split")
    frame, _ = preview(source, gold, **reading)
    if split is None and gold in frame:
        split = _SHARES if parted else default_split(frame[gold])
    labels = _labels(frame, gold, source) if labels is None else list(labels)
    roles = [column for column in (gold, columns.get("id"), split) if isinstance(column, str)]
    chosen = columns.get("text")
    text, notes = (list(chosen), []) if chosen is not None else guess_text(frame, roles)
    dataset, warnings = read_dataset(
        source,
        labels=labels,
        text=text,
        id=columns.get("id"),
        split=split,
        gold=gold,
        **reading,  # type: ignore[arg-type]  # its other settings are no strings
    )
    file = source.name if not parted else named if "://" in named else os.path.relpath(named, dest)
    data = {"file": file, "id": columns.get("id"), "text": text, "gold": gold, "split": split, **reading}
    end_model = {"features": None if text else [], "columns": [] if text else list(dataset.frame.columns)}
    functions = _functions_folder(dest, functions_root)
    example = _text_example(dataset) if text else _table_example(dataset)
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder(dest))
        if functions.exists():
            notes.append(f"{functions} exists already and stays as it is")
        else:
            inside = functions.is_relative_to(dest.resolve())
            written = folder / "functions" if inside else stack.enter_context(new_folder(functions))
            code = first_function(dataset.labels, *example[:-1])
            write_text(written / "functions.py", code)
        if not parted:
            shutil.copyfile(source, folder / source.name)
        other = next((column for column in dataset.frame.columns if column not in text), "a_column")
        write_text(folder / "rules.toml", first_rules(example.rule, dataset.labels, text[0] if text else other, other))
        place = Path(os.path.relpath(functions, dest.resolve())).as_posix()
        write_text(folder / "task.toml", task_toml(dest.resolve().name, dataset.labels, data, end_model, place))
    chosen_of = "first partition: " if parted else ""
    return [chosen_of + _chosen(dataset, columns.get("id"), split), *notes, *_doubts(dataset), *warnings]


def _chosen(dataset: Dataset, id: str | None, split: Split) -> str:
    """Return in words what the rows are to the task."""
    known = 0 if dataset.gold is None else int((dataset.gold != ABSTAIN).sum())
    sizes = dataset.split.value_counts()
    parts = ", ".join(f"{sizes[name]:,} {name}" for name in SPLITS if name in sizes)
    how = f"split by {split!r}" if isinstance(split, str) else "not split" if split is None else "split by content"
    return (
        f"{len(dataset):,} rows, {known:,} of them labelled; classes {listed(dataset.labels)}; {how}: {parts}; "
        f"text {listed(dataset.text) or 'none'}; ids {'made from the content' if id is None else f'of {id!r}'}"
    )


def _doubts(dataset: Dataset) -> list[str]:
    """Return in words what is allowed, but hardly meant."""
    found = []
    answers = [name for name in dataset.frame.columns if name.casefold() in _ANSWER_NAMES]
    if answers:
        what = " and ".join(repr(name) for name in answers)
        found.append(
            f"columns {what} stay among the features; if they hold known classes or splits, say so with --gold and --split"
        )
    if dataset.gold is not None:
        known = dataset.gold != ABSTAIN
        in_train = int((known & (dataset.split == "train")).sum())
        if in_train > known.sum() / 2 and known.mean() < 0.5:
            found.append(
                f"{in_train} of {known.sum()} known classes stand in train, where they score nothing and teach the ceiling "
                "alone: give a split column that puts those rows into valid and test"
            )
    return found


def _functions_folder(dest: Path, root: Path | str | None) -> Path:
    """Return where the Python functions of a new task go."""
    task = dest.resolve()
    if root is not None:
        return Path(root).resolve() / task.name
    return task.parent.parent / "labeling_functions" / task.name if task.parent.name == "data" else task / "functions"


def _labels(frame: pd.DataFrame, gold: str | None, source: Path) -> list[str]:
    """Return the distinct values of the gold column; raises WorkbenchError where they can hardly be classes."""
    if gold is None:
        raise WorkbenchError(f'{source}: name the classes, --labels "ham,spam", or the column of known ones, --gold COLUMN')
    cells = [cell for cell in frame[gold].unique() if cell]
    if all(re.fullmatch(r"-?\d+\.0", cell) for cell in cells):  # a gap made floats of whole numbers
        cells = [cell.removesuffix(".0") for cell in cells]
    others = set(cells) - {"-1"}
    if "-1" in cells and others == {str(number) for number in range(len(others))}:
        count = frame[gold].isin(["-1", "-1.0"]).sum()
        raise WorkbenchError(
            f"{source}: the gold column {gold!r} is -1 in {count:,} of {len(frame):,} rows, beside "
            f"{listed(in_natural_order(others))}; empty these cells if -1 says that there is no label, as in Snorkel; "
            f'if it is a class, name them all: --labels "{",".join(in_natural_order(cells))}"'
        )
    if len(cells) < 2 or len(cells) > max(20, len(frame) // 2):
        raise WorkbenchError(
            f"{source}: the gold column {gold!r} holds {len(cells):,} different values in {len(frame):,} rows, hardly its "
            'classes; name them, --labels "ham,spam"'
        )
    return in_natural_order(cells)


def guess_text(frame: pd.DataFrame, roles: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the column with the longest strings on average, if any, and what was guessed in words."""
    strings = [name for name in frame.columns if name not in roles and isinstance(frame[name].dtype, pd.StringDtype)]
    if not strings:
        return [], ["no column holds text: the task is one of numbers, and the end model sees all columns"]
    lengths = {name: float(frame[name].str.len().fillna(0).mean()) for name in strings}
    longest = max(lengths, key=lambda name: lengths[name])
    return [longest], [f"text column: {longest!r}, the longest with {lengths[longest]:,.0f} characters on average"]


def default_split(gold: pd.Series[Any]) -> Split:
    """Return how rows are split whose file does not say: where gold is scarce, all of it goes to valid and test."""
    return _FEW if (gold.fillna("").astype("str") != "").mean() <= _MOST else _SHARES


def guess_gold(frame: pd.DataFrame) -> str | None:
    """Return the first column that is named as known classes are, and that holds a few short values, or None."""
    for name in frame.columns:
        cells = frame[name].dropna().astype("str")
        values = [cell for cell in cells.unique() if cell]
        few = 2 <= len(values) <= max(20, len(frame) // 10)
        if str(name).casefold() in _GOLD_NAMES and few and max(map(len, values)) <= _SHORT:
            return str(name)
    return None


class Example(NamedTuple):
    """A first Python function and a first rule that fire on some rows of the user's own."""

    name: str
    label: int
    condition: str
    fires: Any
    abstains: Any
    rule: dict[str, Any]


def _text_example(dataset: Dataset) -> Example:
    """Make an example of two words, each for the class that it speaks for."""
    column = dataset.text[0]
    (word, label), *others = _telling_words(dataset, column)
    second, other = next(((one, its) for one, its in others if its != label), (word, label))
    name = f"mentions_{word}"
    return Example(
        name=name if name.isidentifier() else "mentions_a_word",
        label=label,
        condition=f"{literal(word)} in row[{literal(column)}].casefold()",
        fires=f"this row says {word}",
        abstains=_ABSTAINS,
        rule=_live("keyword", dataset, other, words=[second], fires=[f"this row says {second}"], abstains=[_ABSTAINS]),
    )


def _telling_words(dataset: Dataset, column: str) -> list[tuple[str, int]]:
    """Return words with the class they speak for, best first: by the known labels of valid, where there are any.

    Without known labels these are words that are frequent, but not in most rows, for the first and the last class.
    """
    together: Counter[tuple[str, int]] = Counter()
    if dataset.gold is not None:
        valid = dataset.frame[column][((dataset.split == "valid") & (dataset.gold != ABSTAIN)).to_numpy()].head(_SAMPLE)
        known = list(zip(_long_words(valid), dataset.gold[valid.index].tolist(), strict=True))
        together.update((word, label) for words, label in known for word in words if word not in _ABSTAINS)
    if together:
        rows, of_class = Counter(word for words, _ in known for word in words), Counter(label for _, label in known)
        # How much likelier the word makes its class, at the least: a word seen once says little.
        lift = {pair: float(wilson_interval(n, rows[pair[0]])[0]) / of_class[pair[1]] for pair, n in together.items()}
        return sorted(lift, key=lambda pair: (-lift[pair], pair))
    found = _long_words(dataset.frame[column].head(_SAMPLE))
    counts = Counter(word for words in found for word in words)
    # Words of at most a fifth of the rows tell rows apart; the most frequent of those fire often enough to be seen.
    usable = sorted((-n, word) for word, n in counts.items() if n <= max(1, len(found) / 5) and word not in _ABSTAINS)
    frequent = [word for _, word in usable[:2]] or ["example"]
    return [(frequent[0], 0), (frequent[-1], len(dataset.labels) - 1)]


def _long_words(texts: Iterable[str]) -> list[set[str]]:
    return [set(re.findall(r"[^\W\d_]{4,}", text.casefold())) for text in texts]


def _table_example(dataset: Dataset) -> Example:
    """Make an example of the first numeric column, else of the first column that holds anything."""
    for name in dataset.frame.select_dtypes("number").columns:
        cells = dataset.frame[name].dropna()
        if len(cells):
            high, low = float(cells.quantile(0.9)), float(cells.quantile(0.1))
            rule = _live("threshold", dataset, len(dataset.labels) - 1, column=name, below=low)
            return Example("is_high", 0, f"row[{literal(name)}] > {high}", {name: high + 1}, {name: high - 1}, rule)
    for name in dataset.frame.columns:
        common = dataset.frame[name].dropna().astype("str").value_counts().index.tolist()
        if common:
            rule = _live("lookup", dataset, len(dataset.labels) - 1, column=name, values=[common[-1]])
            return Example(
                "is_common", 0, f"str(row[{literal(name)}]) == {literal(common[0])}", {name: common[0]}, {name: "?"}, rule
            )
    raise WorkbenchError("no column holds anything to write a first function about; give the text column")


def _live(kind: str, dataset: Dataset, label: int, **settings: Any) -> dict[str, Any]:
    """Return the settings of the first rule."""
    reason = "an example to replace: say why this is right"
    return {"name": "first_rule", "kind": kind, **settings, "label": dataset.labels[label], "reason": reason}
