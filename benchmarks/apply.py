"""Functions over real rows, ours beside Snorkel's PandasLFApplier in the same run, on one core.

    python benchmarks/apply.py [--again] [--workers] [--million] [--data ../shared/data] [--only substring,regex]

20,000 help-desk tickets x 40 functions in three kinds of body. Snorkel runs 40 plain Python functions; we run the same
functions unchanged, and the same conditions as rules: `keyword(whole_word=False)` means "x" in text (without case it means
the lowered text), and `regex` takes the pattern as it is. Both must give Snorkel's votes. The bare loop calls the same Python
functions on our light rows without a single check: no engine that calls Python functions can be faster. The texts stand in
lower case at their source. Snorkel is timed once, the others are the median of three. --again keeps votes on disk, edits one
of the 40 functions and applies again. --workers runs 500,000 rows in one process and in two, beside two bare
loops at once: what the machine itself gains. --million repeats the texts to
a million rows, each run in a process of its own, and prints time and peak memory.
"""

import os

# before numpy and Arrow start their threads
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS"), "1"))

import argparse
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench import ABSTAIN, Dataset, apply_lfs, labeling_function
from workbench.apply import VoteCache
from workbench.engines import Processes
from workbench.lfs import keyword, regex
from workbench.lfs.chunk import Chunk

ROOT = Path(__file__).resolve().parents[1]
ROWS, FUNCTIONS, FOR_WORKERS, MILLION = 20_000, 40, 500_000, 1_000_000
LABELS = ("other", "yes")
PATTERNS = (
    r"\bpasswords?\b", r"\breset(ting)?\b", r"new (starter|joiner|employee)s?", r"\b(unable|cannot|can not) to?\b",
    r"access (card|rights?|request)", r"\blog(ged)?\s?(in|on|out)\b", r"purchase\s+po", r"\b(lap|desk)tops?\b",
    r"(monitor|keyboard|mouse|headset)s?\b", r"\binvoices?\b", r"error\s+(message|code|report)", r"\b(crash|freez|hang)\w*",
    r"leaver\s+(form|notification)", r"maternity|paternity|annual leave", r"\btime\s?(card|sheet)s?\b", r"project code",
    r"mobile (phone|device)|phone number", r"sim card|roaming", r"\blicen[cs]es?\b.*\bexpir", r"\bupgrad(e|ed|ing)\b",
    r"(un|re)?install(ed|ation|ing)?", r"disk space|storage", r"shared (folder|mailbox|drive)", r"\bmail\s?box(es)?\b",
    r"meeting room|conference", r"video (call|conference)", r"audit|compliance", r"security (incident|issue|alert)",
    r"wi ?fi|wireless|network", r"\bdomain\b.*\badmin", r"job titles?", r"change (request|of)\b",
    r"please (help|advise|assist)", r"(not|stopped) (working|responding|loading)", r"best regards (analyst|engineer)",
    r"(mon|tues|wednes|thurs|fri)day (am|pm)", r"urgent(ly)?|asap|as soon as",
    r"starts?\s+(on|in|from)\b", r"(battery|charger|adapter)s?", r"^re\b",
)  # fmt: skip


def spread_words(texts):
    """Return words from the commonest to the rarest: evenly spaced over the logarithm of their rank by tickets."""
    tickets = Counter(word for text in texts for word in set(text.split()) if len(word) > 2)
    ranked = [word for word, count in sorted(tickets.items(), key=lambda item: (-item[1], item[0])) if count > 2]
    return [ranked[rank] for rank in np.geomspace(30, len(ranked), FUNCTIONS).astype(int) - 30]


def substring(word):
    return lambda row: 1 if word in row.text else ABSTAIN


def lower_substring(word):
    return lambda row: 1 if word in row.text.lower() else ABSTAIN


def compiled_regex(pattern):
    search = re.compile(pattern).search
    return lambda row: 1 if search(row.text) else ABSTAIN


BODIES = {
    "substring": (substring, lambda word, name: keyword(word, 1, whole_word=False, case=True, name=name)),
    "lower + substring": (lower_substring, lambda word, name: keyword(word, 1, whole_word=False, name=name)),
    "compiled regex": (compiled_regex, lambda pattern, name: regex(pattern, 1, case=True, name=name)),
}


def timed(run):
    start = time.perf_counter()
    answer = run()
    return time.perf_counter() - start, answer


def snorkel_votes(functions, frame):
    from snorkel.labeling import LabelingFunction, PandasLFApplier

    theirs = [LabelingFunction(f"f{i}", f) for i, f in enumerate(functions)]
    return PandasLFApplier(theirs).apply(frame, progress_bar=False)


def measure(body, items, dataset):
    """Print the two lines of one kind of body: the same Python functions, and the same conditions as rules."""
    make, make_rule = BODIES[body]
    functions = [make(item) for item in items]
    forms = {
        "Python": [labeling_function(name=f"f{i}")(f) for i, f in enumerate(functions)],
        "rules": [make_rule(item, f"f{i}") for i, item in enumerate(items)],
    }
    rows = Chunk(dataset.frame, dataset.text, dataset.labels).rows()
    theirs, expected = timed(lambda: snorkel_votes(functions, dataset.frame))
    seconds = {form: [] for form in ("bare", *forms)}
    for _ in range(3):  # in turn, so that a busy moment of the machine falls on all
        seconds["bare"].append(timed(lambda: [[f(row) for row in rows] for f in functions])[0])
        for form, lfs in forms.items():
            took, votes = timed(lambda lfs=lfs: apply_lfs(lfs, dataset))
            same = votes.faults.empty and np.array_equal(votes.votes, expected)
            assert same, f"{body} as {form} votes otherwise than Snorkel"
            seconds[form].append(took)
    bare, *medians = map(statistics.median, seconds.values())
    for form, ours in zip(forms, medians, strict=True):
        cells = (body, form, f"{theirs:.2f}", f"{ours:.3f}", f"{theirs / ours:.1f}x", f"{bare:.3f}", f"{ours / bare:.2f}")
        print("| " + " | ".join(cells) + " |", flush=True)


def again(body, items, dataset):
    """Print how long an apply takes that finds 39 of 40 functions unchanged."""
    make = BODIES[body][0]
    lfs = [labeling_function(name=f"f{i}")(make(item)) for i, item in enumerate(items)]
    full = statistics.median(timed(lambda: apply_lfs(lfs, dataset))[0] for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "votes.sqlite"
        first, _ = timed(lambda: apply_lfs(lfs, dataset, cache=VoteCache(cache)))
        edited = []
        for i in range(3):
            lfs[-1] = labeling_function(name="edited")(make(f"new word {i}"))
            edited.append(timed(lambda: apply_lfs(lfs, dataset, cache=VoteCache(cache)))[0])
        unchanged, _ = timed(lambda: apply_lfs(lfs, dataset, cache=VoteCache(cache)))
    took = statistics.median(edited)
    cells = (body, f"{full:.3f}", f"{first:.3f}", f"{took:.3f}", f"1/{full / took:.0f}", f"{unchanged:.3f}")
    print("| " + " | ".join(cells) + " |", flush=True)


def workers(body, items, dataset):
    """Print how long one process and two worker processes take, and what two processes gain that share nothing."""
    make = BODIES[body][0]
    functions = [make(item) for item in items]
    lfs = [labeling_function(name=f"f{i}")(f) for i, f in enumerate(functions)]
    rows = Chunk(dataset.frame.iloc[: len(dataset) // 10], dataset.text, dataset.labels).rows()

    def bare():
        for f in functions:
            [f(row) for row in rows]

    loop, _ = timed(bare)
    loops, _ = timed(lambda: twice_at_once(bare))
    one, here = timed(lambda: apply_lfs(lfs, dataset))
    two, there = timed(lambda: apply_lfs(lfs, dataset, engine=Processes(workers=2), chunk_rows=50_000))
    assert here.fingerprint == there.fingerprint, f"{body}: workers vote otherwise"
    print(
        "| " + " | ".join((body, f"{one:.1f}", f"{two:.1f}", f"{one / two:.2f}x", f"{2 * loop / loops:.2f}x")) + " |",
        flush=True,
    )


def twice_at_once(work):
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def dataset_of(texts):
    return Dataset(pd.DataFrame({"text": texts}, index=pd.RangeIndex(len(texts)).astype("str")), LABELS)


def million(form, texts, words):
    """Apply 40 functions of one form to a million rows and print time and peak memory of this process."""
    once, string = pa.array(texts, pa.large_string()), pa.large_string()
    pieces = [
        pc.binary_join_element_wise(once, pa.scalar(f" {i}", string), pa.scalar("", string)) for i in range(MILLION // ROWS)
    ]
    dataset = dataset_of(pd.array(pa.chunked_array(pieces), dtype="str"))
    make, make_rule = BODIES["lower + substring"]
    if form == "rules":
        lfs = [make_rule(word, f"f{i}") for i, word in enumerate(words)]
    else:
        lfs = [labeling_function(name=f"f{i}")(make(word)) for i, word in enumerate(words)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, votes = timed(lambda: apply_lfs(lfs, dataset))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    held = (dataset.frame.memory_usage(deep=True).sum() + votes.votes.nbytes) / 2**20
    cells = (form, f"{seconds:.1f}", f"{held:.0f}", f"{before:.0f}", f"{peak:.0f}", f"{peak - held:+.0f}")
    print("| " + " | ".join(cells) + " |", flush=True)


def table(*head):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", choices=list(BODIES), help="one kind of body")
    parser.add_argument("--again", action="store_true", help="apply again after editing one function")
    parser.add_argument("--workers", action="store_true", help="two worker processes")
    parser.add_argument("--million", action="store_true", help="a million rows as well: time and peak memory")
    parser.add_argument("--million-form", choices=["Python", "rules"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    file = arguments.data / "it_tickets" / "tickets.csv"
    if not file.is_file():
        sys.exit(f"skipped: there is no {file}; give --data")
    pa.set_cpu_count(1)
    texts = pd.read_csv(file, usecols=["Document"], nrows=ROWS)["Document"]
    words = spread_words(texts)
    if arguments.million_form:
        million(arguments.million_form, texts, words)
        return
    dataset = dataset_of(texts.to_numpy(dtype=object))
    print(f"{len(texts):,} tickets x {FUNCTIONS} functions, one core; words: {', '.join(words)}")
    table("body", "form", "Snorkel s", "ours s", "ratio", "bare loop s", "ours / bare")
    bodies = {body: PATTERNS if body == "compiled regex" else words for body in BODIES if arguments.only in (None, body)}
    for body, items in bodies.items():
        measure(body, items, dataset)
    if arguments.again:
        table("body, Python", "no cache s", "first s", "one of 40 edited s", "share of no cache", "nothing edited s")
        for body, items in bodies.items():
            again(body, items, dataset)
    if arguments.workers:
        table(f"{FOR_WORKERS:,} rows, Python", "one process s", "two workers s", "ratio", "two bare loops at once")
        large = dataset_of(np.tile(texts.to_numpy(dtype=object), FOR_WORKERS // ROWS))
        for body, items in bodies.items():
            workers(body, items, large)
    if arguments.million:
        table(
            "1,000,000 rows, lower + substring",
            "s",
            "frame + votes MB",
            "peak before MB",
            "peak MB",
            "peak over frame + votes MB",
        )
        for form in ("rules", "Python"):
            command = [sys.executable, __file__, "--million-form", form, "--data", str(arguments.data)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
