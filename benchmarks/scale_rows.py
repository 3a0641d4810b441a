"""Varied support tickets of any number as Parquet, a task of 40 functions over them, and the memory of processes at work.

Sentences are put together from words and numbers drawn by a seed, so that hardly two rows are the same, and vote rows neither.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import numpy as np
import pandas as pd

LABELS = ("billing", "auth", "bug", "feature_request")
WORDS = {
    "billing": ["invoice", "refund", "charge", "subscription", "seat", "receipt", "discount", "tax", "payment", "plan"],
    "auth": ["password", "login", "token", "session", "captcha", "lockout", "passkey", "invite", "cookie", "profile"],
    "bug": ["crash", "error", "timeout", "blank", "freeze", "stacktrace", "regression", "duplicate", "corrupt", "lag"],
    "feature_request": ["please add", "I wish", "wanted", "roadmap", "dark mode", "export", "webhook", "hotkey", "api", "font"],
}  # fmt: skip
OTHERS = [
    *("the", "our", "team", "since", "monday", "cannot", "open", "when", "I", "click", "on", "report", "page", "it", "says"),
    *(
        "nothing",
        "and",
        "customer",
        "account",
        "shows",
        "old",
        "data",
        "after",
        "update",
        "from",
        "browser",
        "mobile",
        "tablet",
    ),
    *("phone", "office", "every", "time", "again", "still", "yesterday", "morning", "urgent", "thanks", "hello"),
]


def rows(number: int, seed: int) -> pd.DataFrame:
    """Return some tickets: id, text, plan, amount, tag (right two times in three), label and split."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, number, p=[0.35, 0.25, 0.25, 0.15])
    noise = np.array(OTHERS, dtype=object)[rng.integers(0, len(OTHERS), (number, 18))]
    own = np.array([WORDS[label] for label in LABELS], dtype=object)
    theirs = own[truth[:, None], rng.integers(0, 10, (number, 2))]
    wrong = own[rng.integers(0, 4, number), rng.integers(0, 10, number)]
    stray = own[rng.integers(0, 4, (number, 6)), rng.integers(0, 10, (number, 6))]
    code = rng.integers(0, 1_000_000, number)
    places = rng.integers(0, 18, (number, 3))
    noise[:, :6] = np.where(rng.random((number, 6)) < 0.3, stray, noise[:, :6])  # what any ticket may mention
    noise[np.arange(number), places[:, 0]] = theirs[:, 0]
    noise[np.arange(number), places[:, 1]] = np.where(rng.random(number) < 0.6, theirs[:, 1], "so")
    noise[np.arange(number), places[:, 2]] = np.where(rng.random(number) < 0.3, wrong, "then")
    texts = [" ".join(words) for words in noise]
    tag = np.where(rng.random(number) < 0.67, truth, rng.integers(0, 4, number))
    gold = rng.random(number) < 0.0005
    names = np.array([*LABELS, None], dtype=object)
    frame = {
        "id": [f"t{seed:05d}-{place:07d}" for place in range(number)],
        "text": [f"{text} {place}" for text, place in zip(texts, code, strict=True)],
        "plan": np.array(["free", "pro", "team"], dtype=object)[rng.integers(0, 3, number)],
        "amount": np.round(rng.exponential(80, number), 2),
        "tag": names[tag],
        "label": names[np.where(gold, truth, 4)],
        "split": np.where(gold, np.where(rng.random(number) < 0.3, "valid", "test"), "train"),
    }
    return pd.DataFrame(frame)


def write_rows(folder: Path, number: int, per_file: int = 1_000_000, group: int = 250_000) -> None:
    """Write tickets as Parquet files of several row groups, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, start in enumerate(range(0, number, per_file)):
        path = folder / f"rows-{file:04d}.parquet"
        if not path.exists():
            part = rows(min(per_file, number - start), file)
            part.to_parquet(path.with_suffix(".part"), index=False, row_group_size=group)
            path.with_suffix(".part").rename(path)


def write_task(folder: Path, files: Path, **apply: object) -> Path:
    """Write a task of 40 functions: 32 keyword rules, a regex, a threshold and a column rule, and five in Python."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = []
    for label, words in WORDS.items():
        rules += [
            {"name": f"says_{word.replace(' ', '_')}", "kind": "keyword", "words": [word], "label": label} for word in words[:8]
        ]
    rules = rules[:31]
    rules += [
        {"name": "cannot_open", "kind": "keyword", "words": ["cannot open", "it says nothing"], "label": "bug"},
        {"name": "round_code", "kind": "regex", "pattern": "[0-9]+00$", "label": "billing"},
        {"name": "large_amount", "kind": "threshold", "column": "amount", "above": 300, "label": "billing"},
        {"name": "agent_tag", "kind": "column", "column": "tag"},
    ]
    lines = ["format = 1"]
    for rule in rules:
        lines += ["[[rule]]", *(f"{key} = {json.dumps(value)}" for key, value in rule.items())]
    (folder / "rules.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    functions = folder / "functions"
    functions.mkdir(exist_ok=True)
    (functions / "five.py").write_text(FIVE, encoding="utf-8")
    said = "\n".join(f"{key} = {json.dumps(value)}" for key, value in apply.items())
    (folder / "task.toml").write_text(
        TASK.format(labels=json.dumps(LABELS), files=json.dumps(str(files)), apply=said), encoding="utf-8"
    )
    return folder


TASK = """format = 1
name = "scale"
labels = {labels}
functions = "functions"
[data]
file = {files}
id = "id"
text = ["text"]
gold = "label"
split = "split"
[apply]
{apply}
[end_model]
features = ["tfidf"]
[export]
formats = ["parquet"]
"""
FIVE = '''"""Five functions in Python."""

from workbench import ABSTAIN, labeling_function

BILLING, AUTH, BUG, FEATURE = range(4)


@labeling_function()
def tax_or_plan(row):
    """Who asks about taxes asks about a bill."""
    return BILLING if " tax " in row.text or " plan " in row.text else ABSTAIN


@labeling_function()
def cookie_or_profile(row):
    """What is in a cookie or a profile is about signing in."""
    return AUTH if "cookie" in row.text or "profile" in row.text else ABSTAIN


@labeling_function()
def lags(row):
    """What lags is broken."""
    return BUG if "lag" in row.text and row.plan != "free" else ABSTAIN


@labeling_function()
def wants_more(row):
    """Who thinks of an API or a font wants more."""
    return FEATURE if "api" in row.text or "font" in row.text else ABSTAIN


@labeling_function()
def free_and_urgent(row):
    """Urgent on the free plan is mostly a lost password."""
    return AUTH if row.plan == "free" and "urgent" in row.text and "password" in row.text else ABSTAIN
'''


class Watched:
    """The most memory that this process and its descendants held, MB: each alone, and by what it is."""

    def __init__(self) -> None:
        self.driver = self.worker = 0.0

    def look(self, root: int) -> None:
        """Read the proportional set size of every process below root: memory that is shared counts by its share."""
        for pid in descendants(root):
            try:
                fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
            except (OSError, ValueError):
                continue
            size = int(fields["Pss"].split()[0]) / 1024
            if pid == root:
                self.driver = max(self.driver, size)
            else:
                self.worker = max(self.worker, size)


def descendants(root: int) -> list[int]:
    """Return the ids of a process and of all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


@contextmanager
def watched(root: int):
    """Yield what `Watched` sees of a process, every half second."""
    seen, done = Watched(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.look(root)
            sleep(0.5)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
