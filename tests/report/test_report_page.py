"""What a manager reads first, what is said of what is missing, and that a customer's words stay words."""

import re
import tomllib
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import workbench.report
from workbench.report import document_of, to_html, to_markdown
from workbench.report.facts import Promise, SuiteLine

ROOT = Path(workbench.report.__file__).resolve().parents[1]
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=\"alert('2')\"> \"' & [x](javascript:alert(3)) | `code` http://evil.example"
)


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and the text outside style."""

    def __init__(self):
        super().__init__()
        self.tags, self.words, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def parsed(report):
    tags = Tags()
    tags.feed(to_html(document_of(report)))
    return tags


def poisoned(value):
    """Return facts in which every string is hostile, but times and verdicts that code reads."""
    if is_dataclass(value):
        kept = ("finished", "begin", "end", "verdict", "severity")
        return replace(value, **{f.name: poisoned(getattr(value, f.name)) for f in fields(value) if f.name not in kept})
    if isinstance(value, tuple):
        return tuple(map(poisoned, value))
    if isinstance(value, dict):
        return {f"{HOSTILE}{n}": poisoned(item) for n, item in enumerate(value.values())}
    return HOSTILE if isinstance(value, str) else value


def test_the_first_sentence_says_what_is_answered_how_often_wrong_and_what_that_rests_on(full):
    lead = document_of(full).sections[0].blocks[0].words[0]
    assert lead.replace("\N{NO-BREAK SPACE}", " ") == (
        "Of 1,000 new rows the system sorts about 900 into ham and spam by itself and leaves 100 to people; at most 50 in "
        "1,000 of its answers are wrong, 95 % sure, as measured on 100 valid rows with gold (run of 9 March 2026)."
    )


def test_without_a_promise_the_first_sentence_says_that_every_row_needs_a_person(full):
    none = Promise(0.05, 0.95, 0.0, 4886, "100 valid rows with gold", None)
    said = to_markdown(document_of(replace(full, answering=replace(full.answering, promise=none))))
    assert "would give about 40 of 1,000 rows the wrong class out of ham and spam (20 to 80; 200 test rows" in said
    assert "a promise of at most 50 is not possible yet, so every row still needs a person" in said
    assert "thousands of labelled rows more may be enough" in said


def test_what_answers_now_stands_before_a_candidate_that_failed_the_gate(full):
    now = replace(full.answering, run="20260101-000000-000", finished="2026-01-01T00:00:00+00:00")
    told = replace(full.answering, reference=False, promise=replace(full.answering.promise, answered=0.0))
    said = to_markdown(document_of(replace(full, answering=told, now=now))).partition("## ")[0]
    assert said.index("about 900 into ham and spam by itself") < said.index("The rest tells of a candidate")
    assert "what answers now: the reference, run 20260101-000000-000" in said
    assert "give about 40 of 1,000 rows the wrong class (20 to 80; 200 test rows), and as nothing can be promised" in said
    assert "This run failed the gate on 9 March 2026: do not promote it." in said
    assert "do not promote" not in to_markdown(document_of(full)), "it is the reference already"


def test_a_failure_that_no_audit_measured_has_no_verdict(full):
    lines = tuple(replace(one, n=0, estimate=None, low=None, high=None, verdict="cannot tell") for one in full.failures.lines)
    said = to_markdown(document_of(replace(full, failures=replace(full.failures, plan="", lines=lines))))
    rows = [line for line in said.splitlines() if line.startswith(("| late ", "| mail lost"))]
    assert len(rows) == 4 and all(line.endswith("| not measured |") for line in rows)


def test_a_suite_of_rows_of_no_class_may_be_the_dangerous_one_and_all_suites_are_counted(full):
    strange = SuiteLine("out_of_scope", 60, None, None, 5 / 60, 0.0135, "8.3 % are answered all the same.")
    told = replace(full.suites, lines=(*full.suites.lines, strange))
    said = to_markdown(document_of(replace(full, suites=told))).replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")
    assert "Of 3 stress suites, 1 make the end model clearly worse than usual; 1 of them tells how often it is right." in said
    assert "is highest in out_of_scope: 83 in 1,000 of its 60 rows (usually 14)" in said


def test_parts_stand_in_the_order_in_which_they_are_read(full):
    titles = [section.title for section in document_of(full).sections]
    assert titles == [
        "", "What changed", "What must not happen", "Coverage and conflict", "Stress suites", "Gate", "Drift", "Audits",
        "Outcomes", "Two things to do next",
    ]  # fmt: skip


@pytest.mark.parametrize("write", [to_html, to_markdown], ids=["html", "markdown"])
def test_what_is_missing_is_said_in_one_line_with_the_command_that_fills_it(empty, write):
    said = write(document_of(empty))
    for name in ("changes", "failures", "coverage", "suites", "gate", "drift", "audits", "outcomes"):
        assert f"Nothing is known of {name}:" in said and f"workbench {name} data/mail" in said
    assert "how often it is wrong is not known" in said
    assert "NOT REDACTED" in said


@pytest.mark.parametrize(
    "words",
    [
        "right on 96.0 % of 200 test rows, before on 90.0 %: it became better",
        "12 of 960 labels flipped; most: ham → spam 12. In train and valid because functions vote otherwise (10).",
        "1 failure is over what is tolerated, by audit audit-1.",
        "Fewest votes go to rows of ham (70 % have one); most disputed are those of spam (30 %)",
        "Of 2 stress suites, 1 make the end model clearly worse than usual",
        "Failed against run 20260302-100000-000: 1 of 3 checks failed, 1 had no data",
        "1 of 40 checks against run 20260309-100000-000 drifted",
        "Of 60 rows that audit audit-1 drew from the labels of run 20260309-100000-000, 50 are answered and 10 are open",
        "Of 60 answers drawn by chance people found 5.0 % wrong",
        "answered above 0.600, a threshold given by hand (500 rows)",
        "about 21 rows in 1,000 would be answered right",
        "gain not known: nobody knows",
        "redacted (e-mail 2)",
    ],
    ids=[
        "scores",
        "flips",
        "failures",
        "coverage",
        "suites",
        "gate",
        "drift",
        "audits",
        "outcomes",
        "threshold",
        "gain",
        "no gain",
        "masked",
    ],
)
def test_page_and_markdown_say_the_same_facts(full, words):
    document = document_of(full)
    page = " ".join("".join(parsed(full).words).replace("\N{NO-BREAK SPACE}", " ").split())
    text = to_markdown(document).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ").replace("(about", "about")
    assert words in page
    assert words in text


def test_the_page_loads_nothing_and_runs_nothing(full):
    tags = parsed(full).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    for tag, attributes in tags:
        assert all(not name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    page = to_html(document_of(full))
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//|url\(|@import""", page)
    assert "default-src 'none'" in page


def test_hostile_words_in_every_place_stay_words(full):
    clean, dirty = parsed(full), parsed(poisoned(full))
    assert {tag for tag, _ in dirty.tags} <= {tag for tag, _ in clean.tags} and len(dirty.tags) <= len(clean.tags)
    assert all(not name.startswith("on") for _, attributes in dirty.tags for name in attributes)
    assert all(attributes["href"].startswith("#") for tag, attributes in dirty.tags if tag == "a")
    assert "<script>alert(1)</script>" in "".join(dirty.words)


def test_hostile_words_are_no_markup_in_markdown(full):
    for line in to_markdown(document_of(poisoned(full))).splitlines():
        bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"\\.", "", line))  # less what is escaped, and code
        assert "<" not in bare and "](" not in bare and "http:" not in bare
    table = [line for line in to_markdown(document_of(poisoned(full))).splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 5, 6, 7, 8, 10) for line in table)


@pytest.mark.parametrize(
    ("text", "written"),
    [("- a list", "\\- a list"), ("1. first", "1\\. first"), ("=== ", "\\==="), ("a\nb", "a b"), ("4-5 rows", "4-5 rows")],
    ids=["dash", "number", "line", "two lines", "range"],
)
def test_a_text_begins_no_list_in_markdown(full, text, written):
    example = replace(full.changes.examples[0], text=text)
    said = to_markdown(document_of(replace(full, changes=replace(full.changes, examples=(example,)))))
    assert f"> {written}\n" in said


def test_signs_that_html_does_not_have_are_shown_as_such(full):
    example = replace(full.changes.examples[0], text="a\x00b\x1b\ud800c")
    page = to_html(document_of(replace(full, changes=replace(full.changes, examples=(example,)))))
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}c" in page
    page.encode("utf-8")


def test_every_chart_says_in_words_what_it_draws(full):
    page = to_html(document_of(full)).replace("\N{NO-BREAK SPACE}", " ")
    assert "ham: 70 %, 10 % contradicted; spam: 90 %, 30 % contradicted</desc>" in page
    assert "typos: 80 % (74 to 85 %), usually 96 %</desc>" in page
    assert "2026-03-02: 0; 2026-03-09: 1</desc>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_bars_are_as_long_as_their_shares(full):
    page = to_html(document_of(full))
    assert '<rect class="bar" x="0" y="20" width="70.00%" height="8"/>' in page
    assert '<rect class="part" x="0" y="20" width="10.00%" height="8"/>' in page


def test_colours_are_those_of_the_app():
    theme = tomllib.loads((ROOT / "ui" / "theme.toml").read_text(encoding="utf-8"))["theme"]
    style = (ROOT / "report" / "style.css").read_text(encoding="utf-8")
    light = [theme["light"][name] for name in ("primaryColor", "backgroundColor", "textColor", "linkColor", "borderColor")]
    dark = [theme["dark"][name] for name in ("backgroundColor", "textColor", "linkColor", "borderColor")]
    assert [colour for colour in [*light, *dark] if colour not in style] == []


def test_the_appendix_holds_what_an_engineer_audits(full):
    said = to_markdown(document_of(full)).replace("\\", "")
    for fact in (
        "f" * 64,
        "a" * 64,
        "end_model.risk",
        "says_free",
        "one note",
        "coverage fell to 0.8",
        "End model on test: better.",
    ):
        assert fact in said.split("## Appendix")[1]
