"""Text that a spreadsheet would run is written so that it does not, and can be read back as it was."""

import pandas as pd
import pytest

from workbench.io.formulas import as_written, without_formulas


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://rows.example.org")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''@x"],
    ids=["equals", "plus", "minus", "at", "tab", "carriage return", "quoted before", "quoted twice"],
)
def test_a_formula_gets_an_apostrophe_and_loses_it_again(text):
    written = without_formulas(pd.DataFrame({"row": [text]}))["row"][0]
    assert written == f"'{text}" and as_written(written) == text


@pytest.mark.parametrize("text", ["hello", "a = b", "'tis", "-5", "+49301234567", "-1.5e-3", "", "1+1"])
def test_other_text_and_numbers_stay_as_they_are(text):
    assert without_formulas(pd.DataFrame({"row": [text]}))["row"][0] == text == as_written(text)


def test_columns_of_numbers_stay_numbers_and_names_are_texts():
    safe = without_formulas(pd.DataFrame({"=size": [-1, 2], "seen": [None, "=1"]}))
    assert list(safe.columns) == ["'=size", "seen"] and safe["'=size"].tolist() == [-1, 2]
    assert safe["seen"].isna().tolist() == [True, False] and safe["seen"][1] == "'=1"


def test_the_frame_that_was_given_stays_as_it_was():
    frame = pd.DataFrame({"row": ["=1"]})
    without_formulas(frame)
    assert frame["row"].tolist() == ["=1"]
