"""The mistakes that newcomers make, each made for real: one message without a traceback, which docs/troubleshooting.md quotes.

A message is what a line holds, `...` for anything. Its first word says how the command ends: `error` with 2, `problem` with 1,
`note` with 0.
"""

import errno
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from workbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
ENDS = {"error": 2, "problem": 1, "note": 0}
Make = Callable[[Path], Any]


class Mistake(NamedTuple):
    words: str
    make: Make
    said: str
    command: str = "check TASK"


def edit(old: str, new: str, file: str = "task.toml") -> Make:
    def make(task: Path) -> None:
        path = task / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return make


def new(text: str, file: str) -> Make:
    return lambda task: (task / file).write_text(text, encoding="utf-8")


def code(text: str) -> Make:
    """Add a file of Python functions."""
    return new(f"from workbench import ABSTAIN, labeling_function\n{text}", f"../../{FUNCTIONS}/mine.py")


def body(text: str) -> Make:
    """Add a labeling function of one line."""
    return code(f"@labeling_function()\ndef mine(row):\n    {text}\n")


def rule(text: str) -> Make:
    return lambda task: (task / "rules.toml").write_text(
        (task / "rules.toml").read_text() + f'[[rule]]\nname = "mine"\n{text}\n'
    )


def rules_alone(*texts: str) -> Make:
    """Leave nothing but keyword rules."""
    rules = "".join(f'[[rule]]\nname = "rule_{n}"\nkind = "keyword"\n{text}\n' for n, text in enumerate(texts))

    def make(task: Path) -> None:
        shutil.rmtree(task.parents[1] / FUNCTIONS)
        edit('functions = "../../labeling_functions/tiny"\n', "")(task)
        new(rules, "rules.toml")(task)

    return make


def rows(change: Callable[[list[str]], list[str]]) -> Make:
    """Change the lines of rows.csv, of which the first is the header."""
    return lambda task: new("\n".join(change((task / "rows.csv").read_text().splitlines())) + "\n", "rows.csv")(task)


def cells(pattern: str, by: str) -> Make:
    """Change the rows below the header."""
    return rows(lambda lines: [lines[0], *(re.sub(pattern, by, line) for line in lines[1:])])


def both(one: Make, other: Make) -> Make:
    return lambda task: (one(task), other(task))


def nothing(task: Path) -> None:
    """Leave the task as it is."""


FUNCTIONS = "labeling_functions/tiny"
SNORKEL = new("message,topic\n" + "".join(f"hello {n},{n % 3 - 1}\n" for n in range(30)), "raw.csv")
RAW = new("message,topic\n" + "".join(f"hello {n},{'ab'[n % 2]}\n" for n in range(40)), "raw.csv")
SWAPPED = edit('labels = ["billing", "bug"]', 'labels = ["bug", "billing"]')
BILLING = 'words = ["invoice"]\nlabel = "billing"'

STARTING = [
    Mistake("no classes", RAW, "error: ...raw.csv: name the classes, --labels ..., or the column of known ones, --gold COLUMN",
            "new TASK/mails --from TASK/raw.csv"),
    Mistake("no such gold column", RAW, "error: ...raw.csv has no column 'label'; its columns are 'message', 'topic'",
            "new TASK/mails --from TASK/raw.csv --gold label"),
    Mistake("text as gold", RAW, "error: ...the gold column 'message' holds 40 different values in 40 rows, hardly its classes",
            "new TASK/mails --from TASK/raw.csv --gold message"),
    Mistake("no label as in Snorkel", SNORKEL,
            "error: ...raw.csv: the gold column 'topic' is -1 in 10 of 30 rows, beside '0', '1'; empty these cells if -1 says",
            "new TASK/mails --from TASK/raw.csv --gold topic"),
    Mistake("one class", edit('["billing", "bug"]', '["bug"]'),
            "error: labels in ...task.toml are 'bug'; give at least two, each of them once"),
    Mistake("folder exists", RAW, "error: ...tiny exists already; choose another folder, or remove it first",
            "new TASK --from TASK/raw.csv --gold topic"),
    Mistake("task misspelt", nothing,
            "error: ...tiyn is no task: there is no ...; did you mean '...tiny'?", "check TASK/../tiyn"),
    Mistake("a file as task", nothing, "error: ...rows.csv is no task, but a file; give the folder that holds task.toml",
            "check TASK/rows.csv"),
    Mistake("command misspelt", nothing, "error: there is no command 'chekc'; did you mean 'check'?", "chekc TASK"),
    Mistake("no quotes in TOML", edit('gold = "label"', "gold = label"),
            "error: ...task.toml is not valid TOML: Invalid value (at line ..., column 8), 'gold = label'; text needs quotes"),
    Mistake("bracket left open", edit('"bug"]', '"bug"'),
            "error: ...task.toml is not valid TOML: Unclosed array ...; close every quote and bracket, there and above"),
    Mistake("key misspelt", edit("gold =", "glod ="),
            "error: unknown key 'glod' in ...task.toml [data]; ...did you mean 'gold'?"),
    Mistake("labels in one string", edit('["billing", "bug"]', '"billing, bug"'),
            "error: labels in ...task.toml is 'billing, bug'; it must be a list of strings"),
    Mistake("label model misspelt", edit('"generative"', '"generativ"'),
            "error: ...model 'generativ' is unknown; known are ...; did you mean 'generative'?"),
    Mistake("functions moved away", lambda task: shutil.rmtree(task.parents[1] / FUNCTIONS),
            "error: there is no folder ...tiny, which ... names; write where they are"),
]  # fmt: skip
DATA = [
    Mistake("file moved away", lambda task: (task / "rows.csv").unlink(),
            "error: ...rows.csv does not exist; its folder holds 'rules.toml', 'task.toml'"),
    Mistake("text column misspelt", edit('["text"]', '["txt"]'),
            "error: ...rows.csv has no column 'txt'; ...did you mean 'text'?"),
    Mistake("gold in another spelling", cells(r",billing,(\w+)$", r",Billing,\1"),
            "error: ...gold column 'label' is 'Billing' on row 1 (id '000'); allowed are 'billing', 'bug', or an empty cell"),
    Mistake("gold of no class", cells(r",bug,(\w+)$", r",other,\1"),
            "error: ...gold column 'label' is 'other' on row 2 (id '001'); ...; correct the cell, or add the class to"),
    Mistake("gold in numbers", cells(r",bug,(\w+)$", r",1,\1"),
            "error: ...gold column 'label' is '1' on row 2 ...; write names, not numbers: if 0 is 'billing', in pandas ..."),
    Mistake("split in other words", cells(",valid", ",dev"),
            "error: ...split column 'split' is 'dev' on row 81; allowed are 'train', 'valid', 'test'"),
    Mistake("an id twice", rows(lambda lines: [*lines, lines[5]]),
            "error: ...id '004' in column 'id' stands twice, on rows 5 and 121; ids must be unique, or leave id out"),
    Mistake("an id missing", cells("^004", ""), "error: ...id column 'id' is empty on row 5; fill it, or leave id out"),
    Mistake("semicolons", rows(lambda lines: [line.replace(",", ";") for line in lines]),
            "error: ...rows.csv has the single column ...; it looks separated by ';': ..., or with ... --delimiter \";\""),
    Mistake("another encoding", lambda task: (task / "rows.csv").write_bytes(b"id,text,label,split\n1,R\xfcckgabe,bug,train\n"),
            "error: ...rows.csv is not utf-8 text: byte 0xfc on line 2 ...; name its encoding"),
    Mistake("a comma in a text", rows(lambda lines: [*lines, "120,hello, you,free,bug,bug,train"]),
            "error: ...rows.csv, line 122 has 7 fields, but the header has 6 (...; a cell that holds ',' needs quotes"),
    Mistake("no rows", rows(lambda lines: lines[:1]),
            "error: ...rows.csv has a header (...) and no rows; it needs at least one row"),
    Mistake("an Excel file called CSV", lambda task: (task / "rows.csv").write_bytes(b"PK\x03\x04" + bytes(200)),
            "error: ...rows.csv holds a zip file, as Excel writes them under .xlsx; open it there"),
    Mistake("an Excel file", both(new("", "rows.xlsx"), edit("rows.csv", "rows.xlsx")),
            "error: ...rows.xlsx ends in '.xlsx'; tables are read from '.csv', '.tsv', '.jsonl', '.parquet'"),
]  # fmt: skip
FUNCTION = [
    Mistake("returns None", body('if "refund" in row.text: return 0'),
            "problem: mine failed on 90 of 120 sampled rows, first on ...: returned None; return ABSTAIN"),
    Mistake("returns another word", body('return "Bug"'),
            "problem: mine failed on ...: returned 'Bug' (str); allowed are ... ('billing', 'bug'), or a class name"),
    Mistake("returns a probability", body("return 0.7"),
            "problem: mine failed on ...: returned 0.7 (float); allowed are -1 (abstain)"),
    Mistake("returns a truth value", body('return "error" in row.text'),
            "problem: mine failed on ...; return a class or ABSTAIN, not a truth value"),
    Mistake("column misspelt", body('return 0 if "refund" in row.txt else ABSTAIN'),
            "problem: mine failed on ...: the row has no column 'txt'; it has text, plan, tag; did you mean 'text'?"),
    Mistake("raises on some rows", body('return 0 if row.text.index("refund") else ABSTAIN'),
            "problem: mine failed on 90 of 120 sampled rows, first on ...: ValueError: substring not found"),
    Mistake("no ABSTAIN", body("return 0"),
            "note: Function 'mine' votes for 'billing' on all 120 rows, which tells nothing; return ABSTAIN"),
    Mistake("no decorator", code("def mine(row):\n    return 0\n"),
            "note: ...mine.py:2: mine does not vote, as it has no @labeling_function() on the line above; add it"),
    Mistake("copied under one name", code(2 * "@labeling_function()\ndef mine(row):\n    return ABSTAIN\n"),
            "error: two functions are called 'mine', at mine:2 and mine:5; rename one"),
    Mistake("syntax", body('if "refund" in row.text'), "error: ...mine.py:4: expected ':', in the line 'if ...'"),
    Mistake("library not installed", code("import no_such_library\n"),
            "error: ...mine.py:2: ...No module named 'no_such_library'; install it with pip, or correct its name"),
    Mistake("import of a file beside", both(code("from words import W\n"), new("", f"../../{FUNCTIONS}/words.py")),
            "error: ...mine.py:2: ...words.py stands in the same folder: write ..."),
    Mistake("example that does not fire", edit("my invoice is wrong", "my bill is wrong", "rules.toml"),
            "problem: says_invoice abstained on 'my bill is wrong', which it says it fires on"),
    Mistake("kind of rule misspelt", rule('kind = "keywords"\nwords = ["refund"]\nlabel = "billing"'),
            "error: rule 'mine' of ...rules.toml, line 18: kind 'keywords' is unknown; ...did you mean 'keyword'?"),
    Mistake("words in one string", rule('kind = "keyword"\nwords = "tap, heating"\nlabel = "bug"'),
            "error: words in rule 'mine' of ...rules.toml, line 18 is 'tap, heating'; it must be a list of strings"),
    Mistake("a date as bound", rule('kind = "threshold"\ncolumn = "day"\nabove = 2026-07-01\nlabel = "bug"'),
            "error: rule 'mine' of ...has the bound 2026-07-01, a date; compare dates as text, in a Python function: ..."),
    Mistake("rule for no class", rule('kind = "keyword"\nwords = ["refund"]\nlabel = "bugs"'),
            "error: rule 'mine' of ...rules.toml, line 18: label 'bugs' is not among the labels ...; did you mean 'bug'?"),
    Mistake("pattern with an open bracket", rule("kind = 'regex'\npattern = '(refund'\nlabel = 'billing'"),
            "error: rule 'mine' of ...pattern '(refund' is not a valid pattern ...; a sign that is meant as text"),
    Mistake("pattern in double quotes", rule('kind = "regex"\npattern = "\\d+"\nlabel = "bug"'),
            "error: ...rules.toml is not valid TOML: Unescaped ...; write patterns in single quotes"),
    Mistake("word boundary in double quotes", rule('kind = "regex"\npattern = "\\bapp\\b"\nlabel = "bug"'),
            "error: rule 'mine' of ...holds a backspace, ...; write it in single quotes"),
    Mistake("rule on a column that is not there", edit('"tag"', '"tags"', "rules.toml"),
            "problem: agent_tag failed on ...: there is no column 'tags'; the columns are ...; did you mean 'tag'?"),
]  # fmt: skip
RUNNING = [
    Mistake("words that no row holds", rules_alone('words = ["zzz"]\nlabel = "billing"', 'words = ["yyy"]\nlabel = "bug"'),
            "note: No function votes: each of the 2 abstains on all 120 rows; read some rows and write words into the rules"),
    Mistake("a class without a voter", rules_alone(*2 * [BILLING]),
            "note: None of the 2 functions votes for class 'bug'; write one"),
    Mistake("two functions", lambda task: (task / "rules.toml").unlink(),
            "note: Only 0 of 2 functions vote on a row where another does, and a label model needs three"),
    Mistake("no train rows", cells(",train", ",test"),
            "note: No row is in the split train, so models learn from the rows that score them", "fit TASK"),
    Mistake("filters that leave nothing", edit("[end_model]", "[export]\nmin_confidence = 1.0\n[end_model]"),
            "note: No row is left to export: of 120 rows the filters removed ...; loosen [export] in task.toml", "export TASK"),
    Mistake("answers before any run", nothing, "error: task 'tiny' has no run with an end model yet; run ...",
            "predict TASK TASK/rows.csv TASK/out.csv"),
    Mistake("why, before any run", nothing,
            "error: task 'tiny' has no run with a fitted label model yet; run ...", "explain TASK 000"),
]  # fmt: skip
RESULTS = [
    Mistake("labels swapped", SWAPPED,
            "error: the end model in ... learned 'billing', 'bug', not the labels 'bug', 'billing'; run again, or put",
            "predict TASK TASK/rows.csv TASK/out.csv"),
    Mistake("labels swapped, then scored", SWAPPED,
            "error: run ... answered with the labels ['billing', 'bug'], and the task now has others; run", "evaluate TASK"),
    Mistake("another file's columns", new("message\nhello\n", "other.csv"),
            "error: ...other.csv has no column 'text'; its columns are 'message'", "predict TASK TASK/other.csv TASK/out.csv"),
    Mistake("rows without ids", new("text\nhello\n", "other.csv"),
            "note: ...other.csv has no column 'id': its rows are known by their content, and rows of equal text are one",
            "predict TASK TASK/other.csv TASK/out.csv"),
    Mistake("rows with semicolons", new("id;text\n1;hello\n", "other.csv"),
            "note: ...other.csv is read as separated by ';', as its header is, not by ','",
            "predict TASK TASK/other.csv TASK/out.csv"),
    Mistake("answers over a file", new("mine\n", "out.csv"),
            "error: ...out.csv exists already; choose another file, or overwrite it with --overwrite",
            "predict TASK TASK/rows.csv TASK/out.csv"),
    Mistake("a row that is not there", nothing,
            "error: there is no row 'zzz' in this run; its ids are such as '000', '001', '002'",
            "explain TASK zzz"),
    Mistake("a run that is not there", nothing,
            "error: task 'tiny' has no run '2020'; the newest are ...", "evaluate TASK --run 2020"),
    Mistake("a decision on no row", nothing, "error: there is no row '999' in the data; give the id of one that is there",
            "review TASK --decide 999=bug"),
    Mistake("a decision for no class", nothing, "error: there is no class 'bgu', on row '000'; ...did you mean 'bug'?",
            "review TASK --decide 000=bgu"),
    Mistake("a decision without class", nothing,
            "error: '000' is no decision; write the row's id, = and a class, as 000=billing",
            "review TASK --decide 000"),
    Mistake("a file of other decisions", new("id,answer\n000,bug\n", "decisions.csv"),
            "error: ...decisions.csv, line 2: unknown column 'answer'; a decision has 'row', ...",
            "review TASK --import TASK/decisions.csv"),
    Mistake("no task to open", nothing, "error: ...tiyn is no task: there is no ...; did you mean '...tiny'?",
            "app TASK/../tiyn"),
]  # fmt: skip
DISK = {
    errno.ENOSPC: "error: data/tiny/runs: No space left on device; make room on the disk and run again",
    errno.EACCES: "error: data/tiny/runs: Permission denied; you may not read or write there: choose another folder",
}


MACHINE = (
    "error: port ... is taken by another program; leave --port out, which finds a free one, or give another",
    "error: the package 'torch' is missing from ...; take the Python of .venv, into which make app installs all of it",
)


@pytest.fixture(scope="module")
def finished(write_tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a task that ran once."""
    root = tmp_path_factory.mktemp("finished")
    assert typed("run TASK", write_tiny(root)).exit_code == 0
    return root


def typed(command: str, task: Path) -> Any:
    return CliRunner().invoke(main, [word.replace("TASK", str(task)) for word in command.split()])


def told(answer: Any, said: str) -> None:
    """Hold that a command ended as the message says, in one line without a traceback."""
    kind = said.partition(":")[0]
    lines = [line for line in answer.stderr.splitlines() if line.startswith(f"{kind}: ")]
    assert answer.exit_code == ENDS[kind], answer.output
    assert "Traceback" not in answer.output
    pattern = ".*".join(map(re.escape, said.split("...")))
    assert [line for line in lines if re.match(pattern, line)], f"{said}\nis not among\n" + "\n".join(lines)
    assert kind == "note" or len(lines) == 1, "one mistake is one message"


@pytest.mark.parametrize("mistake", [*STARTING, *DATA, *FUNCTION, *RUNNING], ids=lambda mistake: mistake.words)
def test_a_mistake_is_one_message_in_words(tiny_task: Path, mistake: Mistake) -> None:
    mistake.make(tiny_task)
    told(typed(mistake.command, tiny_task), mistake.said)


@pytest.mark.parametrize("mistake", RESULTS, ids=lambda mistake: mistake.words)
def test_a_mistake_after_a_run_is_one_message_in_words(finished: Path, tmp_path: Path, mistake: Mistake) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    mistake.make(tmp_path / "data" / "tiny")
    told(typed(mistake.command, tmp_path / "data" / "tiny"), mistake.said)


@pytest.mark.parametrize(("number", "said"), DISK.items(), ids=["full disk", "no permission"])
def test_what_the_disk_refuses_is_one_message(tiny_task: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(
            number, {errno.ENOSPC: "No space left on device", errno.EACCES: "Permission denied"}[number], "data/tiny/runs"
        )

    monkeypatch.setattr("workbench.project.steps.run.new_folder", refuse)
    told(typed("apply TASK", tiny_task), said)


def test_a_port_that_is_taken_is_one_message(tiny_task: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        told(typed(f"app TASK --port {other.getsockname()[1]}", tiny_task), MACHINE[0])


def test_a_port_that_may_not_be_used_says_why(tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    told(typed("app TASK --port 80", tiny_task), "error: port 80 cannot be had: ...Permission denied; leave --port out")


def test_a_package_that_is_missing_is_one_message(tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("workbench.project.steps.run.new_folder", missing)
    told(typed("apply TASK", tiny_task), MACHINE[1])


def test_the_page_of_troubles_quotes_these_messages_and_no_others() -> None:
    quoted = set(re.findall(r"^\| `((?:error|problem|note): .+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    provoked = {mistake.said for mistake in [*STARTING, *DATA, *FUNCTION, *RUNNING, *RESULTS]} | {*DISK.values(), *MACHINE}
    assert quoted - provoked == set(), "no test provokes these"
    assert provoked - quoted == set(), "the page lacks these"
