"""How the app writes figures and foreign text."""

import pytest

from workbench.ui.wording import ago, interval, percent, plain


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://example.org/x.png)",
        "**bold** _it_ ` <b>",
        "$x^2$ :red[a] | ~~b~~",
        "1. a\\b # c",
        "``a`![x](u)`",
        "`![x]\n\n(u)`",
    ],
    ids=["image", "emphasis", "mathematics and colours", "list and heading", "two backticks", "a break inside backticks"],
)
def test_foreign_text_is_no_markup(text):
    escaped = plain(text).replace("\N{WORD JOINER}", "")
    assert escaped.replace("\\", "") == text.replace("\\", "")
    assert all(escaped[place - 1] == "\\" for place, sign in enumerate(escaped) if sign in "![]()*_`<>$^:|~.#")


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("http://example.org", "http|://example.org"),
        ("see www.example.org", "see www|.example.org"),
        ("ann@example.org", "ann|@example.org"),
        (":skull: :material/home:", ":|skull: :material/home:"),
        ("a -> b <- c -- d >= e", "a -|> b <|- c -|- d >|= e"),
        ("at 10:30, 5 - 3, spam.py:1: wrong", "at 10:30, 5 - 3, spam.py:1: wrong"),
    ],
    ids=["link", "link without http", "address", "emoji", "arrows", "other signs"],
)
def test_what_streamlit_makes_of_plain_text_is_parted_by_a_sign_without_width(text, parted):
    assert plain(text).replace("\\", "").replace("\N{WORD JOINER}", "|") == parted


def test_a_command_in_a_message_stays_code():
    assert plain("run `workbench run a_b` *now*") == r"run `workbench run a_b` \*now\*"


def test_figures_are_written_one_way():
    assert (percent(0.7345), percent(None), interval(0.341, 1.0), interval(0.678, 0.8415, 1)) == (
        "73.5%",
        "",
        "34–100%",
        "67.8–84.2%",
    )
    assert ago("2020-01-01T00:00:00+00:00").endswith("days ago")
