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
    escaped = plain(text)
    assert escaped.replace("\\", "") == text.replace("\\", "")
    assert all(escaped[place - 1] == "\\" for place, sign in enumerate(escaped) if sign in "![]()*_`<>$^:|~.#")


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
