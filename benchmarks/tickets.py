"""What the bundled tickets are like: duplicates, the words that tell classes, models side by side, hard slices, and context.

    python benchmarks/tickets.py

Runs both bundled tasks into a temporary copy. Scores are accuracy on all rows of test; the ceiling learns from train truth.
"""

import argparse
import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.evaluate import score
from workbench.io.votes import read_soft_labels
from workbench.project.steps.evaluate import train_ceiling
from workbench.project.steps.run import run
from workbench.project.task import Task, load_task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, SoftLabels
from workbench.text.duplicates import find_duplicates

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = ("majority_vote", "generative", "snorkel", "end_model", "ceiling")


def corpus(dataset: Dataset) -> None:
    """Print size, languages, lengths, and how many rows have a near twin in another split."""
    texts, split = dataset.texts(), dataset.split.to_numpy()
    print("rows:", pd.Series(split).value_counts().to_dict(), "languages:", dataset.frame["language"].value_counts().to_dict())
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


def accuracy(soft: SoftLabels, gold: pd.Series) -> float:
    """Return the accuracy on all rows, ties counted as random."""
    return score(soft, gold, split="test", rows="all")["accuracy"]


def models(task: Task, dataset: Dataset) -> None:
    """Run the task and print every model on test, over all rows and over each slice."""
    done = run(task)
    votes, test = done.votes(), (dataset.split == "test").to_numpy()
    shares = f"covered {votes.covered.mean():.1%}, conflicting {votes.conflicting.mean():.1%} of all rows"
    print(f"{shares}; {len(votes.lfs)} functions")
    gold, lines = dataset.gold[test], {}
    slices = {"all": np.ones(len(gold), bool), **slice_masks(task.slices, dataset.take(test))}
    answers = {name: read_soft_labels(done.folder / "answers" / f"{name}.parquet") for name in ANSWERS}
    for name, mask in slices.items():
        rows = gold.index[mask]
        line = {model: accuracy(soft.take(soft.ids.get_indexer(rows)), gold[mask]) for model, soft in answers.items()}
        lines[name] = {"n": len(rows), **line}
    print(pd.DataFrame(lines).T.round(3).to_string())
    print("PGR:", json.dumps(done.metrics()["pgr"]))


def text_alone(task: Task, dataset: Dataset) -> None:
    """Print the ceiling that reads the text and no context column."""
    test = dataset.select("test")
    model = train_ceiling(dataclasses.replace(task, end_model={**task.end_model, "columns": []}), dataset)
    print(f"ceiling from text alone: {accuracy(model.predict_proba(test), test.gold):.3f}")


def main() -> None:
    """Print everything about both tasks."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
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
            text_alone(task, dataset)


if __name__ == "__main__":
    main()
