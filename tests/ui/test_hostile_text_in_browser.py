"""What users write stays text on every page and in the report: rows, columns, classes, functions, reviewers, notes, names."""

import re
from urllib.parse import urlencode

import pandas as pd
import pytest

from workbench.project.reference import promote
from workbench.project.reviewing import open_record, request
from workbench.project.runs import list_runs
from workbench.project.steps import evaluate
from workbench.project.steps.report import report
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.review.decision import Decision
from workbench.ui.frame import _LISTED

pytestmark = pytest.mark.browser
#: What is written, under a word that stands nowhere else; {x} is that word.
ATTACKS = {
    "xscript": "<script>window.__xss='{x}'</script>",
    "ximage": "<img src=x onerror=\"window.__xss='{x}'\" data-xss=1>",
    "xsvg": "<svg/onload=window.__xss='{x}' data-xss=1>",
    "xclosing": "\"'></p></div></section></textarea></title></style></script><b data-xss=1>{x}</b>",
    "xjson": '"}}]}}</script><script>window.__xss="{x}"</script>',
    "xlink": "[{x}](javascript:alert(1))",
    "xauto": "http://rows.example.org/{x} www.{x}.org {x}@rows.example.org",
    "xpicture": "![{x}](http://rows.example.org/a.png)",
    "xbold": "**{x}** __{x}__ ~~{x}~~",
    "xcode": "`{x}` ```{x}```",
    "xlatex": "$\\frac{{{x}}}{{2}}$ $$ {x} $$",
    "xicon": ":material/{x}: :{x}: :smile_{x}:",
    "xcolour": ":red[{x}] :blue-background[{x}] :small[{x}]",
    "xentity": "&lt;{x}&gt; &#60;{x}&#62;",
    "xtemplate": "{{{{{x}}}}} ${{{x}}} {{% {x} %}} %({x})s",
    "xbidi": "\u202e{x}\u2066 {x}\u2069",
    "xsigns": "-> {x} <- {x} -- {x} >= {x}",
}
SAID = {word: attack.format(x=word) for word, attack in ATTACKS.items()}
HALVES = [" ".join(list(SAID.values())[place::3]) for place in range(3)]
NAME = "<img src=x onerror=window.__xss=1 data-xss=1> **xbold** $$ xlatex $$"  # of a folder: no slash
FUNCTION, REVIEWER = f"free {HALVES[0]}", HALVES[0][:200]
LABELS = [f"ham {HALVES[0]}", f"spam {HALVES[1]}"]
COLUMN = f"plan {HALVES[2]}"
ALL = " ".join(SAID.values())


def quoted(text):
    """Return a string of TOML."""
    signs = {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(signs.get(sign, sign) for sign in text) + '"'


def rule(name, words, label, reason):
    listed, fires = ", ".join(map(quoted, [*words, *SAID.values()] if label else words)), quoted(f"{words[0]} {ALL}")
    return (
        f"[[rule]]\nname = {quoted(name)}\nkind = 'keyword'\nwhole_word = false\nwords = [{', '.join(map(quoted, words))}]\n"
        f"label = {quoted(LABELS[label])}\nreason = {quoted(reason)}\ntags = [{listed}]\nfires = [{fires}]\n"
    )


def write_hostile(folder):
    """Write a task of 48 rows in which every name and every text is an attack."""
    folder.mkdir(parents=True)
    texts = [("free", 1), ("hello", 0), ("free win", 1), ("hello win", 0)]
    rows = [
        {
            "id": f"{split}{place} {attack}",
            "text": f"{words} {attack} {'great' if gold else 'dear'} friend",
            COLUMN: list(SAID.values())[place % len(SAID)],
            "gold": LABELS[gold],
            "split": split,
        }
        for split in ("train", "valid", "test")
        for place, attack in enumerate(SAID.values())
        for words, gold in (texts[place % 4],)
    ]
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    (folder / "task.toml").write_text(
        f"""format = 1
name = {quoted(ALL)}
labels = [{", ".join(map(quoted, LABELS))}]
[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"
[end_model]
features = ["tfidf"]
[review]
failure_modes = [{", ".join(map(quoted, SAID.values()))}]
[slices]
{quoted(HALVES[0])} = {{column = "text", contains = "win"}}
{quoted(HALVES[1])} = {{column = {quoted(COLUMN)}, equals = {quoted(SAID["xbold"])}}}
""",
        encoding="utf-8",
    )
    rules = [
        rule(FUNCTION, ["free"], 1, ALL),
        rule(f"hello {HALVES[1]}", ["hello"], 0, ALL),
        rule(f"win {HALVES[2]}", ["win"], 1, ALL),
    ]
    (folder / "rules.toml").write_text("\n".join(rules), encoding="utf-8")
    (folder / "failures.toml").write_text(
        f"""format = 1
[[failure]]
name = {quoted("".join(sign for sign in HALVES[1][:200] if sign.isprintable()))}
why = {quoted(ALL)}
severity = "high"
owner = {quoted(ALL)}
tolerated = 0.01
rule = {{kind = "keyword", words = ["free"]}}
predicted = {quoted(LABELS[1])}
""",
        encoding="utf-8",
    )
    return folder


def decide(task):
    """Let two people with hostile names answer, and note hostile things."""
    rows = [row for row in task.dataset()[0].ids if row.startswith("train")]
    record = open_record(task)
    said = [
        Decision(row, "label", reviewer, label=LABELS[(place + second) % 2], failure_mode=HALVES[1][:200], reason=ALL, note=ALL)
        for second, reviewer in enumerate((REVIEWER, HALVES[2][:200]))
        for place, row in enumerate(rows[:6])
    ]
    record.decide(said)
    request(task, rows[6:8], ALL)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = write_hostile(tmp_path_factory.mktemp("hostile") / "data" / NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SLOW_CELLS", 0)
        run(load_task(folder))
        decide(load_task(folder))
        run(load_task(folder))
    promote(load_task(folder), list_runs(load_task(folder))[0].id, why=ALL, by=HALVES[0])
    return folder


#: Text of the page, of what is hidden in it, of open shadows, and what is said to who does not see.
WORDS = """() => {
  const found = [];
  const walk = node => {
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    if (["SCRIPT", "STYLE"].includes(node.nodeName)) return;
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
    if (node.nodeType === Node.ELEMENT_NODE && getComputedStyle(node).display !== "inline") found.push("\\n");
  };
  walk(document.body);
  return found.join("");
}"""


def not_as_written(told):
    """Return where a word of the attacks stands without the two signs that stand before it where it was written.

    What stands between backticks may be shown as code.
    """
    wrong = []
    for word, said in SAID.items():
        if word == "xcode":
            continue
        places = [place for place in range(len(said)) if said.startswith(word, place)]
        before = {said[max(place - 2, 0) : place] for place in places}
        found = [place for place in range(len(told)) if told.startswith(word, place)]
        wrong += [told[max(at - 40, 0) : at + 20] for at in found if not any(told[:at].endswith(signs) for signs in before)]
    return wrong


@pytest.fixture
def visit(chromium):
    """Return a function that opens a URL; what runs, is made or is fetched by the words of the task fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    trouble = []

    def visit_(url, here):
        page = context.new_page()
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith((here, here.replace("http", "ws", 1), "data:", "blob:")) or trouble.append(asked.url)
            ),
        )
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(url)
        return page

    yield visit_
    context.close()
    assert trouble == []


def check(page, markdown=False):
    """Assert that nothing of the task ran or became an element, and return what the page says; markdown: as its source."""
    assert page.evaluate("window.__xss") is None
    made = page.locator("[data-xss], a[href*='rows.example']:not([href^='#']), a[href*='//www.xauto'], a[href^='javascript']")
    assert [one.evaluate("made => made.parentNode.outerHTML") for one in made.all()] == []
    told = page.evaluate(WORDS).replace("\N{WORD JOINER}", "").replace('\\"', '"')  # so it stands in TOML
    told = re.sub(r"\\([\\`*<>\[\]|!&])", r"\1", told) if markdown else told
    assert not_as_written(told) == []
    return told


def test_the_report_shows_hostile_words_as_words(visit, hostile):
    written = report(load_task(hostile), to=hostile.parent / "report.html")[0]
    told = check(visit(written.as_uri(), written.as_uri()))
    assert all(word in told for word in SAID)


#: what pages show when they are asked for more than their first sight
VIEWS = {
    "functions": [{"lf": FUNCTION}, {"lf": FUNCTION, "rows": "wrong"}],
    "write_rule": [{"find": "friend"}],
    "disagreement": [{"part": view} for view in ("Vote patterns", "Coverage", "Redundant functions")],
    "label_model": [{"view": view} for view in ("functions", "classes", "certainty", "row", "runs")],
    "review": [{"reviewer": REVIEWER, "queue": "random", "votes": votes} for votes in ("false", "true")],
    "audit": [{"audit": view} for view in ("errors", "gaps", "failures", "feedback", "weekly", "new plan")],
    "training_set": [{"shown": "Card"}],
    "end_model": [{"end": view} for view in ("Classes", "Differences", "Confidence", "Training", "Try it")],
    "runs": [{"show": view} for view in ("Compare", "Drift", "Suites", "Gate", "Outcomes")],
    "open": [{"file": "rows.csv"}],
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_page_shows_hostile_words_as_words(visit, hostile, serve, monkeypatch):
    monkeypatch.chdir(hostile)
    server = serve(hostile)
    seen, wrong = "", {}
    for _, _, _, path, _ in _LISTED:
        for asked in ({}, *VIEWS.get(path, ())):
            page = visit(f"{server.url}/{'' if path == 'overview' else path}?{urlencode({'task': NAME, **asked})}", server.url)
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
            page.wait_for_timeout(500)  # charts and canvases are drawn after the script
            try:
                seen += check(page, markdown="Card" in asked.values())
            except AssertionError as error:
                wrong[path, *asked.values()] = str(error)[:600]
            page.close()
    assert wrong == {}
    assert all(word in seen for word in SAID)
