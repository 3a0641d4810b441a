"""Makers of rules without code: keyword, regex, phrase, threshold, lookup, column. `rules.toml` uses the same ones.

A rule runs over a whole column at once (Arrow's RE2: linear time, so that no pattern can hang); its path for one row is the
same path over a column of one row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.lfs.chunk import Chunk, texts_of
from workbench.lfs.function import About, LabelingFunction, beside_caller, caller_place
from workbench.lfs.search import Search, escape, words_of
from workbench.lfs.votes import Fault, Outputs, resolve_label
from workbench.tables import ABSTAIN, WorkbenchError

Match = Callable[[Chunk], tuple[NDArray[np.bool_], list[Fault]]]

# Not a letter (with the marks set on it), digit or underscore of any script: RE2's \b knows ASCII only, so that \büber\b would
# find nothing.
_EDGE_LEFT, _EDGE_RIGHT = r"(?:^|[^\pL\pM\pN_])", r"(?:$|[^\pL\pM\pN_])"


class Rule(LabelingFunction):
    """One class where a condition holds over the columns, else abstain."""

    alone = False

    def __init__(
        self,
        kind: str,
        label: str | int,
        match: Match,
        settings: Mapping[str, Any],
        **about: Unpack[About],
    ) -> None:
        about.setdefault("labels", (label,))
        super().__init__(caller_place(2), f"{kind}_{_first(settings)}", **about)
        self.kind, self.label, self.match, self.settings = kind, label, match, dict(settings)

    @property
    def content(self) -> tuple[Any, ...]:
        """Class and settings."""
        return self.label, self.settings

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Return the class where the condition holds."""
        holds, faults = self.match(chunk)
        return np.where(holds, resolve_label(self.label, chunk.labels), ABSTAIN), faults


def _first(settings: Mapping[str, Any]) -> str:
    """Return the first word of a rule's first setting, to name it by."""
    value = next(iter(settings.values()))
    return value if isinstance(value, str) else str(value[0])


def _check_pattern(pattern: str, case: bool, what: str) -> None:
    """Refuse a pattern that RE2 cannot read, saying why and what to write."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(pattern, str) or not pattern:
        raise WorkbenchError(f"{what} is {pattern!r}; give a non-empty string")
    if "\b" in pattern:
        way_out = """write it in single quotes, '...', or in Python as r"...\""""
        raise WorkbenchError(f'{what} {pattern!r} holds a backspace, which is what "\\b" in double quotes means; {way_out}')
    try:
        pc.match_substring_regex(pa.array(["x"]), pattern, ignore_case=not case)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        reason = str(error).partition("\n")[0]
        around = re.search(r"\(\?<?[=!]|\(\?P=|\\[1-9]", pattern)
        way_out = (
            f"it uses {around.group()!r}, and RE2, which runs rules in linear time, has no look-around and no back-references: "
            "write the condition as two rules, or as a Python function"
            if around
            else "a sign that is meant as text, such as a bracket, needs a backslash before it; "
            "in TOML write patterns in single quotes, so that a backslash stays one"
        )
        shown = pattern if len(pattern) <= 80 else f"{pattern[:77]}..."
        raise WorkbenchError(f"{what} {shown!r} is not a valid pattern ({reason}); {way_out}") from None


def _listed(words: Sequence[Any] | str, what: str) -> list[str]:
    listed = [words] if isinstance(words, str) or not isinstance(words, Iterable) else list(words)
    if not listed:
        raise WorkbenchError(f"{what} is empty; give at least one")
    for word in listed:
        if not isinstance(word, str) or not word.strip():
            raise WorkbenchError(f"{what} holds {word!r}; give non-empty strings")
    return listed


def keyword(
    words: Sequence[str] | str,
    label: str | int,
    *,
    match: str = "any",
    whole_word: bool = True,
    case: bool = False,
    column: str | None = None,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote where the text holds any (or all) of the words, literally.

    whole_word: no letter, digit or underscore of any script on either side. case: whether upper and lower case differ. column:
    one column instead of all text columns.
    """
    listed = _listed(words, "words")
    if match not in ("any", "all"):
        raise WorkbenchError(f"match is {match!r}; allowed are 'any' and 'all'")

    def search(group: Sequence[str]) -> Search:
        literal = "|".join(map(escape, group))
        pattern = f"{_EDGE_LEFT}(?:{literal}){_EDGE_RIGHT}" if whole_word else literal
        _check_pattern(pattern, case, "words make a pattern, and")
        return Search(pattern, group, "whole" if whole_word else "part", column, case)

    searches = [search(group) for group in ([listed] if match == "any" else [[word] for word in listed])]

    def holds(chunk: Chunk) -> tuple[NDArray[np.bool_], list[Fault]]:
        return np.asarray(np.logical_and.reduce([search(chunk) for search in searches])), []

    settings = {"words": listed, "match": match, "whole_word": whole_word, "case": case, "column": column}
    return Rule("keyword", label, holds, settings, **about).sharing(*(search.share for search in searches))


def regex(
    pattern: str, label: str | int, *, case: bool = False, column: str | None = None, **about: Unpack[About]
) -> LabelingFunction:
    """Vote where an RE2 pattern is found (no look-around, no back-references; `\\b` is ASCII)."""
    _check_pattern(pattern, case, "pattern")
    search = Search(pattern, words_of(pattern), "pattern", column, case)
    settings = {"pattern": pattern, "case": case, "column": column}
    return Rule("regex", label, lambda chunk: (search(chunk), []), settings, **about).sharing(search.share)


def phrase(
    phrases: Sequence[str] | str,
    label: str | int,
    *,
    language: str = "en",
    case: bool = False,
    column: str | None = None,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote where spaCy's PhraseMatcher finds one of the phrases, compared token by token as the language splits them.

    language: a code such as `de`; an unknown one is an error when the function is made. column: one column instead of all text
    columns.
    """
    from workbench.text.docs import check_pipeline, pipeline_version

    listed = _listed(phrases, "phrases")
    pipeline = f"blank:{language}"
    check_pipeline(pipeline)

    def match(chunk: Chunk) -> tuple[NDArray[np.bool_], list[Fault]]:
        matcher = _phrase_matcher(tuple(listed), pipeline, case)
        return np.array([bool(matcher(doc)) for doc in chunk.docs(pipeline, column)], dtype=bool), []

    settings = {"phrases": listed, "language": pipeline_version(pipeline), "case": case, "column": column}
    return Rule("phrase", label, match, settings, **about).sharing(("docs", pipeline, column, None))


@cache
def _phrase_matcher(phrases: tuple[str, ...], pipeline: str, case: bool) -> Any:
    """Return a matcher, made once a process: a function that held it would be sent with the whole vocabulary."""
    from spacy.matcher import PhraseMatcher

    from workbench.text.docs import make_docs

    patterns = make_docs(phrases, pipeline)
    matcher = PhraseMatcher(patterns[0].vocab, attr="ORTH" if case else "LOWER")
    matcher.add("phrase", patterns)
    return matcher


def _no_number(bound: Any, column: str) -> str:
    """Return a bound that is no number, and what to write in its place."""
    if not re.match(r"\d{4}-\d\d-\d\d", str(bound)):
        return f"{bound!r}; give a number"
    return f"{bound}, a date; compare dates as text, in a Python function: row[{column!r}] >= '{str(bound)[:10]}'"


def threshold(
    column: str, label: str | int, *, above: float | None = None, below: float | None = None, **about: Unpack[About]
) -> LabelingFunction:
    """Vote where a number lies strictly above and / or strictly below a bound; a missing cell abstains."""
    for bound in (above, below):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, (int, float)) or bound != bound):
            raise WorkbenchError(f"threshold on {column!r} has the bound {_no_number(bound, column)}")
    if above is None and below is None:
        raise WorkbenchError(f"threshold on {column!r} has no bound; give above, below or both")
    if above is not None and below is not None and above >= below:
        raise WorkbenchError(f"threshold on {column!r} can never hold: above = {above} and below = {below}")

    def match(chunk: Chunk) -> tuple[NDArray[np.bool_], list[Fault]]:
        cells = chunk.column(column)
        numbers = pd.to_numeric(cells, errors="coerce")
        wrong = (numbers.isna() & cells.notna()).to_numpy()
        faults = [Fault(i, f"{column} is {cells.iloc[i]!r}, which is not a number", "") for i in np.flatnonzero(wrong).tolist()]
        values = numbers.to_numpy(dtype=float, na_value=np.nan)
        holds = ~np.isnan(values)
        if above is not None:
            holds &= values > above
        if below is not None:
            holds &= values < below
        return np.asarray(holds), faults

    settings = {"column": column, "above": above, "below": below}
    return Rule("threshold", label, match, settings, **about)


def lookup(
    column: str,
    label: str | int,
    *,
    values: Sequence[Any] = (),
    file: str | Path | None = None,
    case: bool = False,
    **about: Unpack[About],
) -> LabelingFunction:
    """Vote where a cell equals one of the values (or lines of a UTF-8 file), spaces at the ends aside.

    file: a relative path is one beside the file that calls this.
    """
    values = [values] if isinstance(values, str) else values
    if bool(len(values)) == (file is not None):
        raise WorkbenchError(f"lookup on {column!r} takes values or a file, one of the two")
    listed = [str(value) for value in values] if file is None else _lines(beside_caller(file, 1))

    def fold(text: str) -> str:
        return text.strip() if case else text.strip().casefold()

    wanted = pd.Index(sorted({fold(value) for value in listed}))

    def match(chunk: Chunk) -> tuple[NDArray[np.bool_], list[Fault]]:
        cells = chunk.column(column)
        folded = pd.Series([fold(text) for text in texts_of(cells)], dtype=object)
        return np.asarray(folded.isin(wanted).to_numpy() & cells.notna().to_numpy(), dtype=bool), []

    settings = {"column": column, "values": sorted(listed), "case": case}
    return Rule("lookup", label, match, settings, **about)


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise WorkbenchError(f"lookup file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"lookup file {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    listed = [line for line in lines if line]
    if not listed:
        raise WorkbenchError(f"lookup file {path} holds no line; write one value a line")
    return listed


class ColumnRule(LabelingFunction):
    """Vote what another column says: a historical tag, a crowd worker, an outcome."""

    kind = "column"

    def __init__(self, column: str, values: Mapping[Any, str | int] | None, **about: Unpack[About]) -> None:
        if values is not None:
            about.setdefault("labels", tuple(dict.fromkeys(values.values())))
        super().__init__(caller_place(2), f"column_{column}", **about)
        self.column = column
        cells = texts_of(pd.Series(list(values or ()), dtype=object))
        self.values = None if values is None else dict(zip(cells, values.values(), strict=True))

    @property
    def content(self) -> tuple[Any, ...]:
        """Column and value map."""
        return self.column, self.values

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Map every cell; with a value map other cells abstain, without one they are faults."""
        codes, kinds = pd.factorize(chunk.column(self.column), use_na_sentinel=True)
        texts = texts_of(pd.Series(kinds, dtype=object))
        outputs = [self._vote(cell, text, chunk.labels) for cell, text in zip(kinds.tolist(), texts, strict=True)]
        return [outputs[code] if code >= 0 else ABSTAIN for code in codes.tolist()], []

    def _vote(self, cell: Any, text: str, labels: Sequence[str] | None) -> Any:
        if self.values is not None:
            return resolve_label(self.values[text], labels) if text in self.values else ABSTAIN
        if labels is not None and text in labels:
            return labels.index(text)
        whole = isinstance(cell, float) and cell.is_integer()  # a missing cell made a column of indexes one of fractions
        return ABSTAIN if text == "" else int(cell) if whole else cell


def column(column: str, values: Mapping[Any, str | int] | None = None, **about: Unpack[About]) -> LabelingFunction:
    """Vote what a column says: `values` maps cells to classes and other cells abstain; without it a cell is a class.

    A missing or empty cell abstains. Without `values` a cell that is neither a class name, a class index nor -1 is a fault.
    """
    if values is not None and not isinstance(values, Mapping):
        raise WorkbenchError(f"column {column!r} has the values {values!r}; give a map from cells to classes")
    for cell, label in (values or {}).items():
        if not isinstance(label, str | int | np.integer):
            raise WorkbenchError(f"column {column!r} has the class {label!r} for the cell {cell!r}; give a class's name")
    return ColumnRule(column, values, **about)


RULES: dict[str, Callable[..., LabelingFunction]] = {
    "keyword": keyword,
    "regex": regex,
    "phrase": phrase,
    "threshold": threshold,
    "lookup": lookup,
    "column": column,
}
