"""Systematic errors on the bundled tickets: what is found where labels fail on purpose, and how often on shuffled gold.

    python benchmarks/systematic.py [--shuffles 200] [--quick]

Runs the bundled task into a temporary copy. Known are valid gold alone; with it 400 random labelled train rows answered with
train truth, as an audit would; and, for this table only, valid and test, since the annotations that name the planted regions
stand on valid and test rows alone. Shuffled: the truth of rows with one label changes places, so that every region is chance.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.diagnose.systematic import SystematicErrors, systematic_errors
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN

ROOT = Path(__file__).resolve().parents[1]
PLANTED = ("new_vocabulary", "code_switched", "multi_issue", "polite_security")
LEVEL = 0.1


def said(found: SystematicErrors, name: str, hard: pd.Series, truth: pd.Series, mask: np.ndarray) -> str:
    """Return a cell: wrong of known rows of a planted region, and the least q of its tests, bold where it is found."""
    judged = mask & (hard != ABSTAIN).to_numpy() & (truth != ABSTAIN).to_numpy()
    tests = found.tested[found.tested["region"] == f"slice {name}"]
    q = tests["q"].min() if len(tests) else np.nan
    cell = f"{int((hard != truth)[judged].sum())} of {int(judged.sum())}"
    told = [*found.findings["region"], *(region for also in found.findings["also"] for region in also)]
    is_told = any(region.partition(", truly ")[0] == f"slice {name}" for region in told)
    return f"{cell}, not tested" if np.isnan(q) else f"**{cell}, q = {q:.1g}**" if is_told else f"{cell}, q = {q:.2f}"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shuffles", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="20 shuffles")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for part in ("data", "labeling_functions"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("runs", "cache", "review"))
        task = load_task(Path(folder) / "data" / "tickets")
        dataset, _ = task.dataset()
        done = run(task, until="fit")
        votes, hard, answers = done.votes(), done.soft_labels().hard(), task.train_truth(dataset)
    data = task.visible(dataset)
    masks = {f"slice {name}": mask for name, mask in slice_masks(task.slices, dataset).items()}
    valid = dataset.gold.where(dataset.split == "valid", ABSTAIN)
    rows = np.flatnonzero(((answers != ABSTAIN) & (hard != ABSTAIN)).to_numpy())
    audited = valid.copy()
    drawn = np.random.default_rng(0).choice(rows, 400, replace=False)
    audited.iloc[drawn] = answers.iloc[drawn]
    known = {"valid": valid, "valid, 400 audited": audited, "valid and test": dataset.gold}
    print(f"| known | rows | wrong | tests | {' | '.join(PLANTED)} | findings |")
    print("|---" * (5 + len(PLANTED)) + "|")
    for name, truth in known.items():
        found = systematic_errors(data, hard, truth, masks, votes, level=LEVEL)
        cells = [said(found, one, hard, truth, masks[f"slice {one}"]) for one in PLANTED]
        print(f"| {name} | {found.rows:,} | {found.errors:,} | {found.tests:,} | {' | '.join(cells)} | {len(found.findings)} |")
    print(f"\n| shuffled | runs with a finding at q <= {LEVEL} | standard error | allowed |\n|---|---|---|---|")
    shuffles = 20 if asked.quick else asked.shuffles
    for name in ("valid", "valid, 400 audited"):
        share = shuffled(
            known[name], hard, shuffles, lambda truth: systematic_errors(data, hard, truth, masks, votes, level=LEVEL)
        )
        error = np.sqrt(LEVEL * (1 - LEVEL) / shuffles)
        print(f"| {name}, {shuffles} times | {share:.3f} | {error:.3f} | {LEVEL + 2 * error:.3f} |")


def shuffled(truth: pd.Series, hard: pd.Series, times: int, find) -> float:
    """Return the share of shuffles within labels on which anything is found."""
    rng, some = np.random.default_rng(1), 0
    labels = hard.reindex(truth.index, fill_value=ABSTAIN).where(truth != ABSTAIN, ABSTAIN).to_numpy()
    for _ in range(times):
        mixed = truth.to_numpy().copy()
        for label in np.unique(labels[labels != ABSTAIN]):
            places = np.flatnonzero(labels == label)
            mixed[places] = mixed[rng.permutation(places)]
        some += len(find(pd.Series(mixed, index=truth.index)).findings) > 0
    return some / times


if __name__ == "__main__":
    main()
