"""What the bundled tickets are like: duplicates, the words that tell classes, models side by side, hard slices, and context.

    python benchmarks/tickets.py

Runs both bundled tasks into a temporary copy. Scores are accuracy on all rows of test; the ceiling learns from train truth.
"""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.io.votes import read_soft_labels
from workbench.project.runs import find_run
from workbench.project.steps.evaluate import train_ceiling
from workbench.project.task import Task, load_task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset
from workbench.text.duplicates import find_duplicates

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = ("majority_vote", "generative", "snorkel", "end_model", "ceiling")


def corpus(dataset: Dataset) -> None:
    """Print size, languages, lengths, and how many rows have a near twin in another split."""
    texts, split = dataset.texts(), dataset.split.to_numpy()
    print("rows:", dict(pd.Series(split).value_counts()), "languages:", dict(dataset.frame["language"].value_counts()))
    words = pd.Series([len(text.split()) for text in texts])
    print("words a ticket: 5 %, median, 95 %, longest:", *words.quantile([0.05, 0.5, 0.95, 1]).astype(int))
    group = pd.Series(find_duplicates(texts).near)
    across = pd.Series(split).groupby(group).transform("nunique") > 1
    print(f"near duplicates (Jaccard 0.8 of 5-character shingles) across splits: {across.mean():.2%} of rows")


def strongest_words(dataset: Dataset, truth: pd.Series, top: int = 20) -> None:
    """Print the words that a linear model trained on train truth finds strongest for each class."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    known = (truth != ABSTAIN).to_numpy()
    terms = TfidfVectorizer(min_df=3, sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=500).fit(terms.fit_transform(dataset.take(known).texts()), truth[known])
    names = terms.get_feature_names_out()
    for label, weights in zip(dataset.labels, model.coef_, strict=True):
        print(f"{label}: {', '.join(names[np.argsort(-weights)[:top]])}")


def models(task: Task, dataset: Dataset) -> None:
    """Run the task and print every model on test, over all rows and over each slice."""
    subprocess.run([sys.executable, "-m", "workbench", "run", str(task.folder)], check=True, capture_output=True)
    run = find_run(task)
    votes, test = run.votes(), (dataset.split == "test").to_numpy()
    shares = f"covered {votes.covered.mean():.1%}, conflicting {votes.conflicting.mean():.1%} of all rows"
    print(f"{shares}; {len(votes.lfs)} functions")
    gold = dataset.gold[test]
    right = {}
    for name in ANSWERS:
        soft = read_soft_labels(run.folder / "answers" / f"{name}.parquet")
        soft = soft.take(soft.ids.get_indexer(gold.index))
        best = np.isclose(soft.probs, soft.probs.max(axis=1, keepdims=True))  # ties count as random
        right[name] = best[np.arange(len(gold)), gold] / best.sum(axis=1)
    table = pd.DataFrame(right)
    slices = {"all": np.ones(len(gold), bool), **slice_masks(task.slices, dataset.take(test))}
    print(pd.DataFrame({name: {"n": mask.sum(), **table[mask].mean().round(3)} for name, mask in slices.items()}).T.to_string())
    print("PGR:", json.dumps(run.metrics()["pgr"]))


def context(task: Task, dataset: Dataset) -> None:
    """Print the ceiling with the text alone beside text and context."""
    test = dataset.select("test")
    for what, columns in (("text alone", []), ("text and context", task.end_model["columns"])):
        model = train_ceiling(dataclasses.replace(task, end_model={**task.end_model, "columns": columns}), dataset)
        accuracy = (model.predict_proba(test).probs.argmax(axis=1) == test.gold).mean()
        print(f"ceiling from {what}: {accuracy:.3f} on {len(test):,} test rows")


def main() -> None:
    """Print everything about both tasks."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("data", "labeling_functions"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("runs", "cache"))
        for name in ("tickets", "tickets_priority"):
            task = load_task(Path(folder) / "data" / name)
            dataset, _ = task.dataset()
            print(f"\n## {name}\n")
            if name == "tickets":
                corpus(dataset)
            strongest_words(dataset, task.train_truth(dataset))
            models(task, dataset)
            context(task, dataset)


if __name__ == "__main__":
    main()
