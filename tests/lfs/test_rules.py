"""Rules without code: each maker, its errors, and one row against many."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.lfs import column, keyword, lookup, phrase, regex, threshold
from workbench.lfs.chunk import Chunk
from workbench.lfs.search import words_of
from workbench.tables import WorkbenchError


@pytest.mark.parametrize(
    ("options", "votes"),
    [
        ({}, [1, 1, -1, -1, -1]),
        ({"match": "all"}, [-1, 1, -1, -1, -1]),
        ({"whole_word": False}, [1, 1, 1, -1, -1]),
        ({"case": True}, [-1, 1, -1, -1, -1]),
    ],
    ids=["any", "all", "part of a word", "case"],
)
def test_keywords(votes_of, options, votes):
    texts = ["Your REFUND", "invoice and refund", "prefunded", "nothing", ""]
    assert votes_of(keyword(["refund", "invoice"], "spam", **options), texts) == votes


@pytest.mark.parametrize(
    ("word", "yes", "no"),
    [
        ("überfällig", ["Die Rechnung ist überfällig!", "ÜBERFÄLLIG", "(überfällig)"], ["unüberfällig", "überfällige", "berf"]),
        ("fällig", ["fällig."], ["überfällig", "fällige"]),
        ("año", ["¿Qué año?", "año nuevo"], ["años", "baño"]),
        ("été", ["l'été dernier", "Été"], ["étés", "répété"]),
        ("der", ["in der Tat"], ["wieder", "anderes", "ü-ünder"]),
        ("id", ["id: 7", "(id)", "the-id"], ["user_id", "id_", "id7", "7id", "idé"]),
        ("ा", [], ["का"]),
        ("क", ["क ख"], ["का"]),
        ("c++", ["C++ rocks", "c++"], ["c++11", "xc++"]),
        ("a.b", ["a.b"], ["axb"]),
        ("two words", ["two words here"], ["two  words", "two wordsmiths"]),
        ("日本", ["日本 語"], ["日本語"]),
    ],
    ids=["german", "german part", "spanish", "french", "short", "underscore and digit", "a mark", "before a mark", "signs",
         "a dot is a dot", "two words", "japanese"],
)  # fmt: skip
def test_a_whole_word_has_no_letter_digit_or_underscore_beside_it(votes_of, word, yes, no):
    assert votes_of(keyword(word, "spam"), [*yes, *no]) == [1] * len(yes) + [-1] * len(no)


def test_a_word_stands_at_the_start_the_end_and_beside_line_breaks(votes_of):
    assert votes_of(keyword("refund", "spam"), ["refund", "a\nrefund\nb", "refund now", "now refund", "refund\n"]) == [1] * 5


def test_a_regex_is_found_anywhere_and_ignores_case_unless_told(votes_of):
    assert votes_of(regex(r"re-?fund\d", "spam"), ["xREFUND1y", "re-fund2", "refund"]) == [1, 1, -1]
    assert votes_of(regex("^Re", 1, case=True), ["Re: x", "re: x", "x\nRe:"]) == [1, -1, -1]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"refund(?!ed)", r"'\(\?!'.* has no look-around and no back-references: write the condition as two rules"),
        (r"(?<=x)y", r"uses '\(\?<='"),
        (r"(a)\1", r"uses '\\\\1'"),
        (r"(?P<a>x)(?P=a)", r"uses '\(\?P='"),
        (r"(open", r"missing \): .*in TOML write patterns in single quotes"),
        ("[z-a]", "not a valid pattern"),
        ("\ud800", "not a valid pattern"),
        ("", "pattern is ''; give a non-empty string"),
        (7, "pattern is 7"),
        ("\bapp\b", r"holds a backspace, .*write it in single quotes, '\.\.\.', or in Python as r\"\.\.\.\""),
    ],
    ids=["look-ahead", "look-behind", "back-reference", "named back-reference", "open group", "range", "surrogate", "empty",
         "int", "backspace"],
)  # fmt: skip
def test_a_pattern_re2_cannot_read_says_what_to_write(pattern, said):
    with pytest.raises(WorkbenchError, match=said):
        regex(pattern, "spam")


def test_a_pattern_that_hangs_other_engines_runs_in_linear_time(votes_of):
    assert votes_of(regex("(a+)+$", "spam"), ["a" * 5_000 + "b"]) == [-1]


PIECES = ["abc", "bca", "ab", "c", "é", " ", "|", "(ab|abc)", "(?:bc)?", "(a(b)c)", "[abc]", "[]a]", "[^c|]", r"[\]b]",
          r"\b", r"\(", r"\.", r"\\\\", r"\x61", r"\Qa?c\E", r"\pL", "(?i)", "[[:alpha:]]", ".", "^", "$", "?", "*", "+", "+?",
          "{2}", "{0,1}"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    texts=st.lists(st.text("abcABCé .|(?]\\", max_size=10), min_size=1, max_size=8),
    case=st.booleans(),
)
def test_a_pattern_is_found_where_re2_alone_finds_it(pieces, texts, case):
    pattern = "".join(pieces)
    try:
        expected = pc.match_substring_regex(pa.array(texts), pattern, ignore_case=not case).to_pylist()
    except pa.ArrowInvalid:
        return  # no pattern
    votes, faults = regex(pattern, 0, case=case).votes(Chunk(pd.DataFrame({"text": texts}), ("text",), None))
    assert faults == [] and (votes == 0).tolist() == expected


WORDS = ["a", "k", "sk", "kk", "é", "aé", "a k", "_a", "ß", "K", "ſ", "\u0301", "a.", "ABA"]


@settings(max_examples=150, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=9),
    texts=st.lists(st.text("abBAkKsSſeéßẞ\u212a\u0301_1. \n", max_size=12), min_size=1, max_size=8),
    whole=st.booleans(),
    case=st.booleans(),
    block=st.sampled_from([1, 5, 2**18]),
)
def test_words_are_found_where_re2_finds_them(words, texts, whole, case, block):
    pattern = "(?:" + "|".join(word.replace(".", r"\.") for word in words) + ")"
    pattern = rf"(?:^|[^\pL\pM\pN_]){pattern}(?:$|[^\pL\pM\pN_])" if whole else pattern
    expected = pc.match_substring_regex(pa.array(texts), pattern, ignore_case=not case).to_pylist()
    rule = keyword(words, 0, whole_word=whole, case=case)
    with patch("workbench.lfs.search._BLOCK", block):
        votes, faults = rule.votes(Chunk(pd.DataFrame({"text": texts}), ("text",), None))
    assert faults == [] and (votes == 0).tolist() == expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bpasswords?\b", ["password"]),
        (r"\b(?:lap|desk)tops? (on|off)", ["top"]),
        (r"[^a]bc+de.fgh[]a]", ["fgh"]),
        (r"(a|b)c\.de[(|]+f", []),
        (r"x*abcd*", ["abc"]),
        (r"\d error|crash(ed)?", [" error", "crash"]),
        (r"error|\d", []),
        (r"\bab{3}cdef", []),
        (r"(?i)\babcd", []),
        (r"\x61bcd", []),
        ("^abcd", []),
    ],
    ids=["optional letter", "groups", "classes", "short", "repeated", "alternatives", "one without", "count", "flag",
         "code point", "anchor"],
)  # fmt: skip
def test_the_words_of_a_pattern_are_plain_texts_of_which_every_match_holds_one(pattern, words):
    assert words_of(pattern) == words


@pytest.mark.parametrize("dtype", ["str", "object", "string", "category"], ids=str)
def test_rules_read_texts_of_any_storage(dtype):
    frame = pd.DataFrame({"a": ["refund", "x", None, "y"], "b": ["", "refund", "x", "fun"]}, index=list("abcd")).astype(dtype)
    both = Chunk(pd.concat([frame, frame.rename(str.upper)]).iloc[1:], ("a", "b"), None)
    assert (
        both.arrow_text().to_pylist()
        == both.texts()
        == ["x\nrefund", "\nx", "y\nfun", "refund\n", *["x\nrefund", "\nx", "y\nfun"]]
    )
    assert keyword("refund", 0).votes(both)[0].tolist() == [0, -1, -1, 0, 0, -1, -1]
    assert [row.a for row in both.rows()] == both.frame["a"].tolist()
    assert len(Chunk(frame.iloc[:0], ("a",), None).arrow_text()) == 0


def test_half_a_surrogate_pair_in_one_text_leaves_the_others():
    frame = pd.DataFrame({"text": pd.Series(["refund", "refund \ud83d", "\udc00"], dtype=object, index=["a", "b", "c"])})
    rule = keyword("refund", 1)
    votes, faults = rule.votes(Chunk(frame, ("text",), ("ham", "spam")))
    assert votes.tolist() == [1, 1, -1] and faults == []
    assert rule({"text": "refund \ud83d"}) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: keyword([], "spam"), "words is empty"),
        (lambda: keyword(["a", " "], "spam"), "words holds ' '"),
        (lambda: keyword(5, "spam"), "words holds 5"),
        (lambda: keyword("a", "spam", match="some"), "match is 'some'; allowed are 'any' and 'all'"),
        (lambda: phrase([], "spam"), "phrases is empty"),
        (lambda: phrase("a b", "spam", language="xx-nowhere"), "no language for 'blank:xx-nowhere'"),
        (lambda: threshold("n", "spam"), "has no bound"),
        (lambda: threshold("n", "spam", above=3, below=3), "can never hold: above = 3 and below = 3"),
        (lambda: threshold("n", "spam", above="3"), "bound '3'; give a number"),
        (lambda: threshold("n", "spam", below=float("nan")), "bound nan"),
        (lambda: lookup("c", "spam"), "takes values or a file"),
        (lambda: lookup("c", "spam", values=["a"], file="x"), "takes values or a file"),
        (lambda: lookup("c", "spam", file="nowhere.txt"), "nowhere.txt cannot be read"),
        (lambda: column("c", ["a"]), "give a map from cells to classes"),
        (lambda: keyword("a", "spam", reson="x"), "unknown setting 'reson'; .*did you mean 'reason'"),
        (lambda: keyword("a", "spam", name=""), "name is ''"),
    ],
    ids=["no words", "blank word", "no list", "match", "no phrases", "language", "no bound", "never", "text bound", "nan bound",
         "no values", "both", "no file", "list for a map", "unknown setting", "empty name"],
)  # fmt: skip
def test_a_wrong_setting_is_refused_when_the_rule_is_made(make, said):
    with pytest.raises(WorkbenchError, match=said):
        make()


def test_phrases_are_compared_token_by_token(votes_of):
    texts = ["My credit card!", "CREDIT CARDS", "credit-card", "creditcard", ""]
    assert votes_of(phrase(["credit card", "credit-card"], "spam"), texts) == [1, -1, 1, -1, -1]
    assert votes_of(phrase("Credit", "spam", case=True), ["Credit", "credit"]) == [1, -1]
    assert votes_of(phrase("nicht mehr", "spam", language="de"), ["geht nicht mehr.", "nicht"]) == [1, -1]


def test_a_threshold_is_strict_and_a_missing_number_abstains(votes_of):
    n = [1, 2.5, 3, None, np.inf]
    assert votes_of(threshold("n", "spam", above=1, below=3), n=n) == [-1, 1, -1, -1, -1]
    assert votes_of(threshold("n", "spam", above=2), n=n) == [-1, 1, 1, -1, 1]
    assert votes_of(threshold("n", "spam", below=2), n=["1", " 1.5 ", None]) == [1, 1, -1]


def test_a_cell_that_is_no_number_is_a_fault_on_its_row():
    frame = pd.DataFrame({"n": ["1", "many", "3"]}, index=["a", "b", "c"])
    votes, faults = threshold("n", 0, above=2).votes(Chunk(frame, (), ("ham", "spam")))
    assert votes.tolist() == [-1, -1, 0]
    assert [(fault.position, fault.error) for fault in faults] == [(1, "n is 'many', which is not a number")]


def test_a_lookup_compares_whole_cells(votes_of):
    cells = ["ACME.com ", "acme.com.evil", None, "b"]
    assert votes_of(lookup("c", "spam", values=["acme.com"]), c=cells) == [1, -1, -1, -1]
    assert votes_of(lookup("c", "spam", values=["acme.com"], case=True), c=cells) == [-1, -1, -1, -1]
    assert votes_of(lookup("n", "spam", values=[3]), n=[3.0, 4.5, None]) == [1, -1, -1]
    assert votes_of(lookup("n", "spam", values="3"), n=[3, 33]) == [1, -1]


def test_a_lookup_file_stands_beside_the_code(votes_of, write):
    from workbench.lfs import load_lfs

    folder = write(functions="from workbench.lfs import lookup\nbad = lookup('c', 'spam', file='bad.txt')\n")
    (folder / "bad.txt").write_text("﻿acme.com\n\n b.org \n", encoding="utf-8")
    [rule] = load_lfs(folder, labels=["ham", "spam"])
    assert votes_of(rule, c=["acme.com", "b.org", "", "c"]) == [1, 1, -1, -1]
    (folder / "bad.txt").write_bytes(b"caf\xe9")
    with pytest.raises(WorkbenchError, match=r"functions.py:2: lookup file .*bad.txt is not UTF-8 \(byte 3\)"):
        load_lfs(folder)
    (folder / "bad.txt").write_text("\n")
    with pytest.raises(WorkbenchError, match="holds no line"):
        load_lfs(folder)


def test_a_column_votes_what_its_map_says(votes_of):
    assert votes_of(column("tag", {"junk": "spam", "ok": "ham"}), tag=["junk", "ok", "other", None]) == [1, 0, -1, -1]
    assert votes_of(column("n", {1: "spam"}), n=[1.0, None, 2.0]) == [1, -1, -1]
    assert votes_of(column("flag", {True: "spam"}), flag=[True, False]) == [1, -1]


def test_a_column_of_class_names_or_indexes_needs_no_map(votes_of):
    assert votes_of(column("worker"), worker=["spam", "ham", None, ""]) == [1, 0, -1, -1]
    assert votes_of(column("worker"), worker=[1, 0, -1]) == [1, 0, -1]
    assert votes_of(column("worker"), worker=[1.0, None, -1.0]) == [1, -1, -1]


def test_a_cell_that_is_no_class_is_a_fault_without_a_map():
    frame = pd.DataFrame({"worker": ["spam", "spamm"]}, index=["a", "b"])
    votes, faults = column("worker").votes(Chunk(frame, (), ("ham", "spam")))
    assert votes.tolist() == [1, -1] and "did you mean 'spam'" in faults[0].error


def test_a_missing_column_is_a_fault_on_every_row_that_lists_the_known():
    frame = pd.DataFrame({"text": ["a", "b"], "plan": ["x", "y"]}, index=["a", "b"])
    for rule in (keyword("a", 1, column="txt"), lookup("txt", 1, values=["a"]), threshold("txt", 1, above=0), column("txt")):
        votes, faults = rule.votes(Chunk(frame, ("text",), ("ham", "spam")))
        assert votes.tolist() == [-1, -1] and [fault.position for fault in faults] == [0, 1]
        assert faults[0].error == "there is no column 'txt'; the columns are 'text', 'plan'; did you mean 'text'?"


def test_a_rule_may_read_one_column_or_all_text_columns():
    frame = pd.DataFrame({"subject": ["refund", "x"], "body": ["y", None]}, index=["a", "b"])
    chunk = Chunk(frame, ("subject", "body"), ("ham", "spam"))
    assert keyword("refund", 1).votes(chunk)[0].tolist() == [1, -1]
    assert keyword("refund", 1, column="body").votes(chunk)[0].tolist() == [-1, -1]
    assert phrase("refund", 1).votes(chunk)[0].tolist() == [1, -1]
    assert phrase("refund", 1, column="body").votes(chunk)[0].tolist() == [-1, -1]
    assert phrase("refund", 1, column="body").fingerprint != phrase("refund", 1).fingerprint
    assert regex("refund\ny", 1).votes(chunk)[0].tolist() == [1, -1]


RULES = {
    "keyword": keyword(["über", "a b", "x_1"], 1),
    "all": keyword(["a", "1"], 1, match="all", case=True),
    "regex": regex("[aü]+ ?b?$", 0),
    "threshold": threshold("n", 1, above=0, below=10),
    "lookup": lookup("c", 1, values=["A", "3", "über"]),
    "column": column("c", {"a": 0, "3": 1, "Über": 1}),
}


@pytest.mark.parametrize("name", RULES, ids=str)
@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text("aAüÜbr xe_13\n", max_size=8),
            st.none() | st.floats(-5, 20, allow_nan=False).map(lambda x: round(x, 1)),
            st.none() | st.sampled_from(["a", "A", " 3", "3", "über", "Über"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_one_row_votes_as_it_does_among_many(name, rows):
    rule = RULES[name]
    frame = pd.DataFrame(rows, columns=["text", "n", "c"], index=[f"r{i}" for i in range(len(rows))])
    together, faults = rule.votes(Chunk(frame, ("text",), None))
    assert faults == []
    assert [rule(row) for _, row in frame.iterrows()] == together.tolist()


def test_a_cell_that_stands_for_a_list_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="column 'team' has the class \\[\\] for the cell 'billing'; give a class's name"):
        column("team", {"billing": []})  # type: ignore[dict-item]
