"""Reviewing by keyboard in a real browser: nothing is lost or said twice, whatever happens in between."""

import re
import shutil
import signal

import pandas as pd
import pytest

from workbench.project.reviewing import open_record
from workbench.project.task import load_task

pytestmark = pytest.mark.browser
NASTY = '<img src="http://rows.example.org/a.png" onerror="alert(1)"> **win** ![x](http://rows.example.org/b.png) ${1}'


@pytest.fixture(scope="module")
def tasks(_ran_once, tmp_path_factory):
    """Return a folder of tasks, one for each test that shares a server."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    for name in ("ten", "pairs", "keys", "classes", "long", "notes"):
        shutil.copytree(_ran_once, folder / name)
    many = folder / "classes" / "task.toml"
    more = ", ".join(f'"class_{letter}"' for letter in "abcdefghij")
    many.write_text(many.read_text().replace('["ham", "spam"]', f'["ham", "spam", {more}]'))
    quoted = NASTY.replace('"', '""')
    for row in ("train0", "train6", "valid0", "valid6"):  # whichever of them comes first
        rows = folder / "keys" / "rows.csv"
        rows.write_text(rows.read_text().replace(f'{row},"win a free car"', f'{row},"{quoted}"'))
    rows = folder / "long" / "rows.csv"
    rows.write_text(rows.read_text().replace('train6,"win a free car"', f'train6,"{"a long story " * 400}"'))
    return folder


@pytest.fixture(scope="module")
def server(serve, tasks):
    return serve(tasks / "ten")


@pytest.fixture
def open_review(chromium):
    """Return a function that opens the page as a reviewer, in a profile of their own; foreign requests fail the test."""
    contexts, foreign, crashes = [], [], []

    def open_(server, task, reviewer, queue="random"):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        here = (server.url, server.url.replace("http", "ws", 1), "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(here) or foreign.append(request.url))
        page.on("pageerror", lambda error: crashes.append(str(error)))
        page.on("dialog", lambda dialog: crashes.append(dialog.message))
        page.goto(f"{server.url}/review?task={task}&reviewer={reviewer}&queue={queue}")
        ready(page)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert foreign == [] and crashes == []


def part(page, name):
    return page.locator(f"[data-as={name}]")


def ready(page):
    part(page, "row").filter(has_text="row ").wait_for()


def saved(page, n=None):
    """Wait until all is saved, and as much as expected."""
    part(page, "unsaved").filter(has_text=re.compile("^0 unsaved")).wait_for()
    if n is not None:
        part(page, "saved").filter(has_text=re.compile(f"^{n} saved")).wait_for()


def press(page, keys):
    """Press keys and return the row on which each was pressed."""
    rows = []
    for key in keys:
        rows.append(part(page, "row").text_content().removeprefix("row "))
        page.keyboard.press(key)
    return rows


def record(folder):
    return open_record(load_task(folder))


def current(folder):
    found = record(folder).current()
    return dict(zip(found["row"], found["label"].where(found["kind"] == "label", found["kind"]), strict=True))


def test_ten_rows_by_keyboard_with_undo_a_reload_and_a_server_that_dies(serve, open_review, ran):
    server = serve(ran)
    page = open_review(server, "toy", "Ann")
    rows = press(page, "1212us")
    assert len(set(rows)) == 6
    page.keyboard.press("z")
    page.keyboard.press("z")
    assert press(page, "21") == [rows[4], rows[5]], "undone rows come again, the last one first"
    saved(page, 6)
    page.reload()
    ready(page)
    assert part(page, "past").get_by_role("button").count() == 6
    assert part(page, "row").text_content().removeprefix("row ") not in rows
    server.stop(signal.SIGKILL)
    more = press(page, "12")
    part(page, "unsaved").filter(has_text="2 unsaved").wait_for()
    server.start()
    page.reload()
    ready(page)
    saved(page, 8)
    more += press(page, "21")
    saved(page, 10)
    expected = dict(zip(rows + more, ["ham", "spam", "ham", "spam", "spam", "ham", "ham", "spam", "spam", "ham"], strict=True))
    assert current(ran) == expected
    decisions = record(ran).decisions()
    assert decisions["kind"].value_counts().to_dict() == {"label": 10, "unsure": 1, "skip": 1, "undo": 2}
    for _ in range(10):  # any number, across restarts
        page.keyboard.press("z")
    saved(page, 0)
    assert current(ran) == {}
    part(page, "undo").and_(page.locator(":disabled")).wait_for()


def test_two_people_at_once_never_get_the_same_row(open_review, server, tasks):
    ann, bo = (open_review(server, "pairs", name) for name in ("Ann", "Bo"))
    rows = [row for _ in range(5) for page in (ann, bo) for row in press(page, "1")]
    for page in (ann, bo):
        saved(page, 5)
    assert len(set(rows)) == 10 and current(tasks / "pairs") == dict.fromkeys(rows, "ham")
    assert record(tasks / "pairs").decisions()["reviewer"].value_counts().to_dict() == {"Ann": 5, "Bo": 5}


def test_keys_meant_for_others_do_nothing_and_foreign_text_is_text(open_review, server, tasks):
    page = open_review(server, "keys", "Ann")
    texts = []
    for _ in range(20):
        texts.append(part(page, "text").text_content())
        if texts[-1] == NASTY:
            break
        page.keyboard.press("s")
    assert texts[-1] == NASTY and part(page, "text").locator("img, strong, a").count() == 0
    skipped = len(texts) - 1
    saved(page, skipped)
    for keys in ("Control+1", "Alt+1", "Meta+z", "Control+z"):
        page.keyboard.press(keys)
    page.keyboard.press("n")
    page.keyboard.type("1 2 uszf/")
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    page.keyboard.type("2 jokes")
    page.keyboard.press("Escape")
    assert part(page, "text").text_content() == NASTY
    page.keyboard.down("2")
    page.keyboard.down("2")  # held: it repeats
    page.keyboard.up("2")
    saved(page, skipped + 1)
    last = record(tasks / "keys").decisions().iloc[-1]
    assert last[["label", "note", "failure_mode"]].tolist() == ["spam", "1 2 uszf/", "2 jokes"]
    assert len(record(tasks / "keys").decisions()) == skipped + 1
    part(page, "keys").uncheck()
    page.keyboard.press("1")
    page.get_by_role("button", name="ham", exact=True).click()  # the mouse works all the same
    saved(page, skipped + 2)
    page.get_by_text("Show votes first").click()
    part(page, "model").wait_for()
    assert "votes=true" in page.url


def test_many_classes_are_found_by_typing_and_an_answer_can_be_changed(open_review, server, tasks):
    page = open_review(server, "classes", "Ann")
    (row,) = press(page, "/")
    page.keyboard.type("cl j")
    assert part(page, "found").get_by_role("option").all_text_contents() == ["class_j"]
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    assert part(page, "found").get_by_role("option").first.text_content() == "class_j", "what was used last comes first"
    page.keyboard.press("Escape")
    saved(page, 1)
    part(page, "past").get_by_role("button").first.click()
    part(page, "before").filter(has_text="You said class_j. A new answer replaces it.").wait_for()
    assert press(page, "9") == [row]
    saved(page, 2)
    assert current(tasks / "classes") == {row: "class_g"}
    page.keyboard.press("z")
    saved(page, 1)
    assert current(tasks / "classes") == {row: "class_j"}, "the answer before it stands again"
    assert part(page, "row").text_content() == f"row {row}"
    page.keyboard.press("Escape")
    assert part(page, "row").text_content() != f"row {row}"
    assert not pd.isna(record(tasks / "classes").decisions()["seconds"].iloc[0])


def test_buttons_are_in_sight_below_every_text_and_a_long_one_leaves_no_gap_behind(open_review, server):
    page = open_review(server, "long", "Ann")
    heights = []
    for _ in range(20):
        heights.append(part(page, "text").evaluate("text => text.offsetHeight"))
        assert in_sight(page, "why") and in_sight(page, "undo")
        press(page, "1")
    assert max(heights) > 1.5 * heights[0]
    assert sorted(heights)[:-1] == [heights[0]] * 19, "short texts stand in the same room before and after"
    page.keyboard.press("z")
    assert in_sight(page, "undo")


def test_who_wrote_a_note_sees_the_next_card_from_its_head_and_without_a_frame(open_review, server):
    page = open_review(server, "notes", "Ann")
    press(page, "1" * 8)  # the list below is long enough to scroll
    page.set_viewport_size({"width": 1280, "height": 560})  # the fields are below, so that the page scrolls to them
    for field in "fn":
        page.keyboard.press(field)
        page.keyboard.type("odd")
        page.keyboard.press("Enter")
        assert in_sight(page, "why")
    press(page, "1")
    assert in_sight(page, "why") and in_sight(page, "text")
    assert page.evaluate("document.activeElement.tagName") == "BODY", "keys answer, and nothing has a frame"


def in_sight(page, name):
    """Whether a part of the card begins and ends in the window."""
    box = part(page, name).bounding_box()
    return box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


def test_what_is_taken_back_is_said_to_be_unanswered(open_review, server):
    page = open_review(server, "long", "Bo")
    [row] = press(page, "1")
    page.keyboard.press("z")
    assert part(page, "before_text").text_content() == "Taken back."
    assert part(page, "leave_text").text_content() == "Leave it unanswered"
    press(page, "1")
    part(page, "past").get_by_role("button").first.click()
    assert part(page, "leave_text").text_content() == "Leave as it was"
    page.keyboard.press("z")
    assert part(page, "row").text_content() == f"row {row}"
    assert part(page, "before_text").text_content() == "Taken back.", "also where that row was open"
