"""How often `workbench monitor` finds a planted shift, and how often it stays quiet where nothing changed.

    python benchmarks/monitor.py [--task data/tickets] [--batches 100] [--shifted 50] [--seed 0]

On the bundled task: the rows outside train are parted by chance into a batch of 200 or 800 rows and the rest, which is the
reference, so that without a shift both are of one world. Shifts, planted into the batch: a product nobody has heard of in 15 %
of its rows; a function that no longer votes (drawn from those that vote on 1 % of rows or more, and from those on 5 % or
more); a class twice as frequent; one row in ten in a language that was not there. 'Its check' is the one that should tell,
'any' any. In use the reference is larger: all rows of a run, of train too. Then the rows since week 22 are held against those
before week 21, from which on customers speak of a new feature. Exits with 1 where fewer than 95 % of the unshifted batches are
quiet, chance aside. Without --task it learns from a temporary copy first, which takes a minute.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy starts

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.apply import apply_lfs
from workbench.diagnose import terms_of
from workbench.monitor import Sample, compare
from workbench.project.runs import find_run
from workbench.project.steps.predict import REVIEW, ask, open_model
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix
from workbench.text.encoders import encode
from workbench.text.languages import languages

ROOT = Path(__file__).resolve().parents[1]
SIZES = (200, 800)
TOLD = 1_000  # rows whose languages and vectors are compared, as in the command
REVIEW_BELOW = 0.6  # the bundled task's run promises nothing, so that nothing would be deferred
PRODUCT = "brindlecast"
ABOUT_IT = (
    "It began when we switched on Brindlecast.",
    "The same in Brindlecast.",
    "We see this from Brindlecast as well.",
    "(This is about Brindlecast, by the way.)",
    "Our people use Brindlecast since Monday.",
    "Does that come from Brindlecast?",
)
ITALIAN = (
    "Buongiorno, non riesco più a entrare da questa mattina, la pagina mi rimanda sempre all'inizio.",
    "Abbiamo ricevuto due volte la stessa fattura, potete stornare la seconda? Grazie mille.",
    "Vorremmo poter ordinare i cantieri per colore, oggi lo facciamo a mano in un foglio di calcolo.",
    "Dopo l'aggiornamento il calendario mostra ogni appuntamento con un'ora di ritardo.",
    "Il nostro amministratore ha lasciato l'azienda, chi ci può dare i suoi diritti?",
    "L'anteprima resta bianca su tutti i telefoni, con il computer invece funziona.",
    "Quanto costa passare al piano superiore per altre dodici persone da settembre?",
    "Sarebbe utile avere una scorciatoia per copiare un lavoro da una settimana all'altra.",
    "La mail per cambiare la parola d'ordine non arriva, abbiamo già guardato nella posta indesiderata.",
    "Il totale sul documento è sbagliato, le singole righe invece sono giuste.",
    "Per favore disdite il contratto alla prima scadenza e mandateci una conferma scritta.",
    "Manca un modo per avvisare il cliente quando la squadra è in ritardo.",
    "Un ex collega vede ancora tutti i nostri file, com'è possibile?",
    "Le foto caricate ieri sono sparite, e con loro le note dei tecnici.",
    "Si può pagare con bonifico invece che con la carta? La banca ce lo chiede.",
    "Ci piacerebbe vedere i turni di tutta la squadra in una sola pagina.",
)


@dataclass(frozen=True)
class World:
    """All that is compared of some rows, row by row."""

    votes: np.ndarray
    terms: np.ndarray
    lengths: np.ndarray
    languages: np.ndarray
    vectors: np.ndarray
    probs: np.ndarray
    deferred: np.ndarray

    def take(self, rows):
        return World(*(part[rows] for part in vars(self).values()))

    def mixed(self, other, there):
        """Return the rows of this world, and where `there` those of the other."""
        parts = zip(vars(self).values(), vars(other).values(), strict=True)
        return World(*(np.where(there.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in parts))

    def sample(self, lfs, labels, answered=None):
        """Return what `compare` takes; answered: bool by row, whether the end model has not learned from it."""
        ids = pd.Index(np.arange(len(self.votes)).astype(str))
        told = slice(0, TOLD)  # rows come in the order of chance
        asked = np.ones(len(ids), bool) if answered is None else answered
        return Sample(
            VoteMatrix(ids, lfs, labels, self.votes),
            terms=self.terms.tolist(),
            lengths=self.lengths,
            languages=self.languages[told].tolist(),
            vectors=self.vectors[told],
            answers=SoftLabels(ids[asked], labels, self.probs[asked], np.ones(asked.sum(), bool)),
            deferred=self.deferred[asked],
        )


def world_of(task, opened, rows, votes=None):
    """Look at rows as the command does."""
    texts = rows.texts()
    soft, decided = ask(opened.model, opened.rule, rows)
    terms = np.empty(len(texts), dtype=object)
    terms[:] = [terms_of(text) for text in texts]
    return World(
        apply_lfs(task.functions(), rows).votes if votes is None else votes,
        terms,
        np.array([len(text) for text in texts]),
        np.array(languages(texts), dtype=object),
        encode(texts),
        soft.probs,
        (decided["decision"] == REVIEW).to_numpy(),
    )


def with_texts(rows, bodies, subjects=None):
    """Return the rows with other texts."""
    subjects = rows.frame["subject"] if subjects is None else subjects
    return Dataset(rows.frame.assign(body=list(bodies), subject=subjects), rows.labels, rows.text)


class Bench:
    """The rows outside train as they are and with each shift, and how they are parted into reference and batch."""

    def __init__(self, task, seed):
        self.rng = np.random.default_rng(seed)
        done = find_run(task, holding="end_model")
        opened = open_model(task, done, REVIEW_BELOW)
        every = task.dataset()[0]
        self.rows = task.visible(every)
        votes = done.votes()
        self.lfs, self.labels = votes.lfs, votes.labels
        self.all = world_of(task, opened, self.rows, votes.votes)
        self.outside = (self.rows.split != "train").to_numpy()
        held = self.rows.take(self.outside)
        self.gold = every.gold[self.outside].to_numpy()
        self.plain = self.all.take(self.outside)
        said = self.rng.choice(ABOUT_IT, len(held))
        self.term = world_of(task, opened, with_texts(held, held.frame["body"] + "\n" + said))
        self.italian = world_of(task, opened, with_texts(held, self.rng.choice(ITALIAN, len(held)), ""))

    def parted(self, size):
        order = self.rng.permutation(len(self.plain.votes))
        return order[size:], order[:size]

    def compared(self, reference, batch):
        checks, terms = compare(self.plain.take(reference).sample(self.lfs, self.labels), batch.sample(self.lfs, self.labels))
        return [check for check in checks if check.drifted], set(terms["term"])

    def unshifted(self, size):
        reference, pool = self.parted(size)
        return self.compared(reference, self.plain.take(pool)), None

    def new_term(self, size):
        reference, pool = self.parted(size)
        found = self.compared(reference, self.plain.take(pool).mixed(self.term.take(pool), self.rng.random(size) < 0.15))
        return found, any(PRODUCT in term.split() for term in found[1])

    def dead_function(self, size, least=0.01):
        reference, pool = self.parted(size)
        place = int(self.rng.choice(np.flatnonzero((self.plain.votes != ABSTAIN).mean(axis=0) >= least)))
        votes = self.plain.votes[pool].copy()
        votes[:, place] = ABSTAIN
        found = self.compared(reference, replace(self.plain.take(pool), votes=votes))
        return found, any((check.kind, check.of) == ("coverage", self.lfs[place]) for check in found[0])

    def class_doubling(self, size):
        reference, pool = self.parted(size)
        label = int(self.rng.integers(len(self.labels)))
        of_label = self.gold[pool] == label
        share = of_label.mean()
        weight = np.where(of_label, 2.0, (1 - 2 * share) / (1 - share))
        drawn = pool[self.rng.choice(size, size, p=weight / weight.sum())]
        found = self.compared(reference, self.plain.take(drawn))
        return found, any(check.kind == "classes" for check in found[0])

    def new_language(self, size):
        reference, pool = self.parted(size)
        found = self.compared(reference, self.plain.take(pool).mixed(self.italian.take(pool), self.rng.random(size) < 0.1))
        return found, any(check.kind == "language" for check in found[0])


SHIFTS = {
    "a new product in 15 % of rows": Bench.new_term,
    "a dead function": Bench.dead_function,
    "a dead function that voted on 5 % or more": lambda bench, size: bench.dead_function(size, 0.05),
    "a class twice as frequent": Bench.class_doubling,
    "a new language in 10 % of rows": Bench.new_language,
}


def share(hits, n):
    low, high = wilson_interval(hits, n)
    return f"{hits / n:.1%} [{low:.1%}, {high:.1%}]"


def rates(bench, batches, shifted):
    """Print the share of unshifted batches that stay quiet, then of shifted ones that are found; return the former."""
    print("| rows | unshifted batches | quiet | what was said of the others |\n|---|---|---|---|")
    quiet = []
    for size in SIZES:
        found = [bench.unshifted(size)[0][0] for _ in range(batches)]
        loud = [f"{check.kind} {check.of}".strip() for drifted in found for check in drifted]
        quiet += [not drifted for drifted in found]
        print(f"| {size} | {batches} | {share(sum(quiet[-batches:]), batches)} | {', '.join(loud) or '-'} |", flush=True)
    print("\n| shift | rows | batches | found by its check | by any |\n|---|---|---|---|---|")
    for name, plant in SHIFTS.items():
        for size in SIZES:
            found = [plant(bench, size) for _ in range(shifted)]
            counts = [sum(bool(hit) for hit in hits) for hits in ([hit for _, hit in found], [one[0] for one, _ in found])]
            print(
                f"| {name} | {size} | {len(found)} | {share(counts[0], len(found))} | {share(counts[1], len(found))} |",
                flush=True,
            )
    return quiet


def by_week(bench):
    """Hold the last weeks against those before the new feature, together and each by itself."""
    days = pd.to_datetime(bench.rows.frame["created_at"])
    week = ((days - days.min().normalize()).dt.days // 7 + 1).to_numpy()
    order = bench.rng.permutation(len(week))
    before = order[week[order] < 21]
    reference = bench.all.take(before).sample(bench.lfs, bench.labels, bench.outside[before])
    for title, which in (("22 to 26", week >= 22), *((str(number), week == number) for number in range(22, 27))):
        rows = order[which[order]]
        checks, terms = compare(reference, bench.all.take(rows).sample(bench.lfs, bench.labels))
        drifted = [check for check in checks if check.drifted]
        print(f"\nweek {title}: {len(rows):,} rows against {len(before):,} before week 21, drifted: {len(drifted)}")
        for check in drifted:
            print(f"- {check.said}")
        if title == "22 to 26":
            print(terms.to_string(index=False, float_format="{:.2g}".format) if len(terms) else "no new term")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", type=Path, help="a copy of data/tickets that holds a run with an end model")
    parser.add_argument("--batches", type=int, default=100, help="unshifted ones of each size")
    parser.add_argument("--shifted", type=int, default=50, help="batches of each size and shift")
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if settings.task is None:
            for part in ("data", "labeling_functions"):
                left_out = shutil.ignore_patterns("runs", "cache", "review", "monitor")
                shutil.copytree(ROOT / part, Path(folder) / part, ignore=left_out)
            settings.task = Path(folder) / "data" / "tickets"
            run(load_task(settings.task), until="train")
        bench = Bench(load_task(settings.task), settings.seed)
        start = time.perf_counter()
        quiet = rates(bench, settings.batches, settings.shifted)
        made = len(SIZES) * (settings.batches + len(SHIFTS) * settings.shifted)
        print(f"\n{(time.perf_counter() - start) / made:.2f} s a comparison, without functions and models")
        by_week(bench)
    least = 0.95 - 2 * np.sqrt(0.95 * 0.05 / len(quiet))
    print(f"\nquiet: {share(sum(quiet), len(quiet))} of {len(quiet)} unshifted batches, asked 95.0 %")
    sys.exit(bool(np.mean(quiet) < least))


if __name__ == "__main__":
    main()
