"""Words and phrases worth a rule: those that tell a class apart, found in rows with a known class and in rows without votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.gaps import terms_of
from workbench.lfs.chunk import texts_of
from workbench.project.rule_draft import Ground, Tried, rule_of, try_rule
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN

_READ: Final = 4_000  # rows of each kind whose words are looked at
_FEWEST: Final = 3  # of these rows hold a word that is looked at
_TRIED: Final = 12  # candidates that are tried as rules
_COLUMNS: Final = ("right", "n", "new", "rows", "twin")


def suggestions(ground: Ground, label: str, column: str | None = None, top: int = 6) -> dict[str, pd.DataFrame]:
    """Return words and pairs of words that tell a class apart, best first, as whole words that a keyword rule finds.

    `known`: frequent in rows whose class gold or a reviewer says, against rows of other classes; right of n rows with the word
    are of the class. `uncovered`: in rows on which no function votes, and frequent where functions vote for the class; of n
    rows with the word that get a vote, it is the usual one on right rows. Where nothing tells classes apart, the words that
    most uncovered rows hold, with n = 0. Columns, by word: right, n, new (rows it adds), rows, and twin, the function that
    votes so already on nearly all of its rows. Rows that an audit plan drew are nobody's hint.
    """
    if label not in ground.data.labels or not (column or ground.data.text):
        return {"known": _table([]), "uncovered": _table([])}
    wanted = ground.data.labels.index(label)
    terms = _terms(ground, column)
    known, usual = (_telling(terms, classes, wanted) for classes in (ground.known, ground.usual))
    here = Counter(chain.from_iterable(terms[place] for place in _sample(ground.uncovered)))
    usual = usual.assign(here=[here[term] for term in usual["term"]])
    usual = usual[usual["here"] > 1]
    told = {"known": _ranked(known, known["n"]), "uncovered": _ranked(usual, usual["here"])}
    if usual.empty:  # no votes yet, or none of the class: what many rows say, and not nearly all
        many = 0.2 * min(_READ, int(ground.uncovered.sum()))
        often = sorted(here, key=lambda term: (-here[term], len(term), term))
        told["uncovered"] = [term for term in often if here[term] <= many and len(term) > 3]
    found = {kind: _best(ground, words, label, column, kind, top) for kind, words in told.items()}
    if usual.empty:  # what votes there are say nothing of the class
        found["uncovered"] = found["uncovered"].assign(right=0, n=0)
    return found


def _telling(terms: Mapping[int, Sequence[str]], classes: NDArray[np.int16], wanted: int) -> pd.DataFrame:
    """Return the terms that are surely more frequent in rows of a class: term, n rows with it, right ones, and gain.

    gain: by how much a row's being of the class is surely likelier with the term, at the lower end of the 95 % interval.
    """
    rows = _sample(classes != ABSTAIN)
    every = Counter(chain.from_iterable(terms[place] for place in rows))
    here = Counter(chain.from_iterable(terms[place] for place in rows if classes[place] == wanted))
    found = pd.DataFrame(
        [(term, right, every[term]) for term, right in here.items() if right >= _FEWEST], columns=["term", "right", "n"]
    )
    low, _ = wilson_interval(found["right"], found["n"])
    found["gain"] = low - float((classes[rows] == wanted).mean()) if rows else 0.0
    return found[found["gain"] > 0]


def _ranked(terms: pd.DataFrame, rows: pd.Series[Any]) -> list[str]:
    """Return terms by what they are worth, the same in every process: the square keeps frequent words that say little down."""
    worth = terms.assign(worth=terms["gain"] ** 2 * np.sqrt(rows), length=terms["term"].str.len())
    return list(worth.sort_values(["worth", "length", "term"], ascending=[False, True, True])["term"])


def _terms(ground: Ground, column: str | None) -> Mapping[int, Sequence[str]]:
    """Return by place the terms of the rows looked at, without single signs and what only one or two rows hold; kept."""
    asked = ("terms", column)
    if asked not in ground.kept:
        masks = (ground.known != ABSTAIN, ground.usual != ABSTAIN, ground.uncovered)
        places = sorted(set(chain.from_iterable(map(_sample, masks))))
        frame = ground.data.frame.iloc[places]
        texts = map(
            "\n".join, zip(*(texts_of(frame[name]) for name in ([column] if column else ground.data.text)), strict=True)
        )
        shared: dict[str, str] = {}  # each term once in memory, however many rows hold it
        rows = [tuple(shared.setdefault(term, term) for term in terms_of(text)) for text in texts]
        counts = Counter(chain.from_iterable(rows))
        often = [tuple(term for term in terms if counts[term] >= _FEWEST and len(term) > 1) for terms in rows]
        ground.kept[asked] = dict(zip(places, often, strict=True))
    kept: dict[int, Sequence[str]] = ground.kept[asked]
    return kept


def _sample(rows: NDArray[np.bool_]) -> list[int]:
    """Return the places of the first rows of a mask: the rows of a ground are in random order."""
    return list(np.flatnonzero(rows)[:_READ].tolist())


def _best(ground: Ground, words: Iterable[str], label: str, column: str | None, kind: str, top: int) -> pd.DataFrame:
    """Try the first candidates as rules, and keep those that vote on other rows than the ones before."""
    lines: list[dict[str, Any]] = []
    chosen: list[set[int]] = []
    for word in list(words)[:_TRIED]:
        tried = try_rule(ground, rule_of("keyword", [word], label, column=column))
        rows = set(tried.rows["all"].tolist())
        if not rows or any(len(rows & before) > 0.8 * len(rows) for before in chosen):
            continue  # a pair of words that punctuation parts, or no other rows than those of a word before
        chosen.append(rows)
        lines.append(_line(ground, word, tried, kind))
        if len(lines) == top:
            break
    return _table(lines)


def _line(ground: Ground, word: str, tried: Tried, kind: str) -> dict[str, Any]:
    rows = tried.rows["all"]
    told = (ground.known if kind == "known" else ground.usual)[rows]
    right, n = int((told == tried.votes[rows]).sum()), int((told != ABSTAIN).sum())
    counts = {"new": tried.counts["new"], "rows": tried.counts["all"]}
    return {"word": word, "right": right, "n": n, **counts, "twin": tried.twin}


def _table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=["word", *_COLUMNS]).set_index("word")
