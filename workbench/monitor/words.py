"""What a batch says: words not seen before, which terms are new, how long texts are, in which languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.monitor.checks import LEVEL, PAIRS, Check, from_to
from workbench.monitor.votes import of_mix
from workbench.stats import false_discovery, fisher_greater
from workbench.stats.two_samples import cohens_h, ranks_differ, told_apart

_ROWS: Final = 5  # of reference and batch together that hold a term which is tested
_SHARE: Final = 0.02  # of the batch that holds a new term
_TIMES: Final = 3  # as often as before
_EVERYWHERE: Final = 0.2  # of the rows that hold a word
_OF_ITS_OWN: Final = 0.2  # of the rows of a pair
_SHOWN: Final = 20
_NAMED: Final = 5
_LONGER: Final = 0.1  # of the middle length
_LANGUAGES: Final = 0.05  # of the rows in another language than before: fewer than of other mixes, as no function reads them
# What rises and falls with the calendar, and would be new in every month: its words, and days, hours and years in digits.
_MONTHS: Final = frozenset(
    re.findall(
        r"\w+",
        """january february march april may june july august september october november december januar februar märz mai juni
        juli oktober dezember enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre janvier
        février mars avril juin juillet août septembre octobre novembre décembre""",
    )
)
_DATE: Final = re.compile(r"\d{1,2}|\d{4}")
TERMS: Final = ["term", "rows", "share", "reference_rows", "reference_share", "p", "q"]


def word_checks(reference: Sequence[Collection[str]], batch: Sequence[Collection[str]]) -> tuple[list[Check], pd.DataFrame]:
    """Compare the terms of rows; return the checks, and the terms that came up (TERMS as columns), the surest first."""
    if not any(reference) or not any(batch):
        return [], pd.DataFrame(columns=TERMS)
    then, now = (Counter(term for row in rows for term in row) for rows in (reference, batch))
    terms, p = _came_up(then, now, len(reference), len(batch))
    terms = _told(terms, batch)
    return [_unseen(reference, batch, then), _new(terms, p, reference, batch)], terms


def _unseen(reference: Sequence[Collection[str]], batch: Sequence[Collection[str]], then: Counter[str]) -> Check:
    """Compare the share of a row's words that stand in no (other) row of the reference."""
    shares = [_unseen_shares(rows, then, alone) for rows, alone in ((reference, 1), (batch, 0))]
    p, larger = ranks_differ(*shares)
    before, now = (float(share.mean()) for share in shares)
    return Check(
        "unseen words",
        "",
        before,
        now,
        effect=larger - 0.5,
        p=p,
        matters=larger - 0.5 >= PAIRS,  # fewer are no reason to do anything
        changed=f"share of a row's words that no other row has {from_to(before, now)}",
        advice="read some of these rows: rules of words may not hold there",
    )


def _unseen_shares(rows: Sequence[Collection[str]], known: Counter[str], alone: int) -> NDArray[np.float64]:
    """float64[n]: of the words of each row those that at most so many reference rows hold; 1 is the row itself."""
    found = []
    for row in rows:
        words = [term for term in row if " " not in term]
        found.append(sum(known.get(word, 0) <= alone for word in words) / max(len(words), 1))
    return np.array(found)


def _came_up(then: Counter[str], now: Counter[str], n_then: int, n_now: int) -> tuple[pd.DataFrame, float]:
    """Return the terms that are more frequent by far than before, and the p that none is.

    All terms of enough rows count as tests, whichever side these are on; the p of all is Simes' (Biometrika 73, 1986, p. 751),
    the least q of any.
    """
    both = {term: (count, then.get(term, 0)) for term, count in now.items()}
    tested = sum(here + there >= _ROWS for here, there in both.values())
    tested += sum(count >= _ROWS and term not in both for term, count in then.items())
    share = {term: (here / n_now, there / n_then) for term, (here, there) in both.items() if here + there >= _ROWS}
    risen = [
        term
        for term, (here, there) in share.items()
        if here >= _SHARE and here >= _TIMES * there and _tells(term.split(), then, n_then)
    ]
    table = pd.DataFrame({"term": pd.Series(risen, dtype="str"), "rows": [now[term] for term in risen]})
    table = table.assign(
        share=[share[term][0] for term in risen],
        reference_rows=[then[term] for term in risen],
        reference_share=[share[term][1] for term in risen],
    )
    table["p"] = fisher_greater(table["rows"], n_now, table["reference_rows"], n_then)
    q = false_discovery(np.concatenate([table["p"], np.ones(tested - len(table))]))  # the others count with a p of 1
    table = table.assign(q=q[: len(table)], length=table["term"].str.count(" "))
    table = table.sort_values(["p", "length", "term"], ignore_index=True)[TERMS]
    return table[table["q"] <= LEVEL], float(q.min(initial=1.0))


def _told(terms: pd.DataFrame, batch: Sequence[Collection[str]]) -> pd.DataFrame:
    """Return the terms to tell: the surest of those that share a word, and no pair that hardly stands without the others."""
    words: set[str] = set()
    rows: set[int] = set()
    places = []
    for place, term in enumerate(terms["term"]):
        holding = {row for row, found in enumerate(batch) if term in found}
        if words.isdisjoint(term.split()) and (" " not in term or len(holding - rows) >= _OF_ITS_OWN * len(holding)):
            places.append(place)
            words.update(term.split())
            rows |= holding
    return terms.iloc[places[:_SHOWN]].reset_index(drop=True)


def _tells(words: Sequence[str], then: Counter[str], n: int) -> bool:
    """Return whether no word of a term is of the calendar, and none of a pair is in everybody's mouth, such as `and`."""
    everywhere = len(words) > 1 and any(then[word] >= _EVERYWHERE * n for word in words)
    return not everywhere and not any(word in _MONTHS or _DATE.fullmatch(word) for word in words)


def _new(terms: pd.DataFrame, p: float, reference: Sequence[Collection[str]], batch: Sequence[Collection[str]]) -> Check:
    """Compare how many rows hold a term that came up."""
    named = set(terms["term"])
    before, now = (sum(not named.isdisjoint(row) for row in rows) / len(rows) for rows in (reference, batch))
    told = [
        f"“{line['term']}” ({line['rows']:,} rows, {line['share']:.1%}; before {line['reference_share']:.1%})"
        for line in terms.head(_NAMED).to_dict("records")
    ]
    more = f" and {len(terms) - _NAMED} more" if len(terms) > _NAMED else ""
    return Check(
        "new terms",
        "",
        before,
        now,
        effect=float(cohens_h(now, before)),
        p=p,
        matters=bool(len(terms)),
        changed=f"new or risen terms: {', '.join(told)}{more}" if told else "no term is new",
        advice="read their rows, and write rules for them where none votes",
    )


def text_checks(
    lengths: tuple[Sequence[int], Sequence[int]],
    languages: tuple[Sequence[str], Sequence[str]],
    vectors: tuple[Any, Any],
    seed: int = 0,
) -> Iterator[Check]:
    """Compare characters of texts, their languages, and their vectors; each reference first."""
    if any(lengths[0]) and any(lengths[1]):
        advice = "see where they come from: cut, quoted and pasted texts read otherwise"
        words = "middle length of texts, in characters,", advice
        yield of_ranks("length", lengths, words, "{:,.0f}", _LONGER * float(np.median(lengths[0])))
    if len(languages[0]) and len(languages[1]):
        names = tuple(sorted({*languages[0], *languages[1]}))
        then, now = (Counter(each) for each in languages)
        counts = np.array([then[name] for name in names]), np.array([now[name] for name in names])
        advice = "see whether functions and end model know the languages that came, and defer those they do not"
        yield of_mix("language", "", counts, names, ("languages", advice), enough=_LANGUAGES, seed=seed)
    if vectors[0] is not None and vectors[1] is not None and len(vectors[0]) and len(vectors[1]):
        p, share = told_apart(vectors[0], vectors[1], seed=seed)
        yield Check(
            "embedding",
            "",
            0.5,
            share,
            effect=share - 0.5,
            p=p,
            matters=share - 0.5 >= PAIRS,
            changed=f"a linear model of what texts are about tells a new row from an old one in {share:.0%} of pairs",
            advice="they are about other things: read some, label a sample, and measure the end model on it",
        )


def of_ranks(kind: str, values: tuple[Sequence[Any], Sequence[Any]], words: tuple[str, str], form: str, least: float) -> Check:
    """Return the check of two samples of numbers, told by their medians, which have to differ by the least that matters."""
    p, larger = ranks_differ(*values)
    before, now = (float(np.median(each)) for each in values)
    return Check(
        kind,
        "",
        before,
        now,
        effect=larger - 0.5,
        p=p,
        matters=abs(larger - 0.5) >= PAIRS and abs(now - before) >= least,
        changed=f"{words[0]} went from {form.format(before)} to {form.format(now)}",
        advice=words[1],
    )
