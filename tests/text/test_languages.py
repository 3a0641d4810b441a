"""The language of a text."""

import pytest

from workbench.text.languages import languages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Nobody in our office can open the calendar since this morning.", "en"),
        ("Seit heute früh kann bei uns niemand mehr den Kalender öffnen.", "de"),
        ("Desde esta mañana nadie en la oficina puede abrir el calendario.", "es"),
        ("Depuis ce matin, plus personne au bureau ne peut ouvrir l'agenda.", "fr"),
        ("С утра никто в офисе не может открыть календарь.", "ru"),
        ("NIEMAND KANN SEIT HEUTE MORGEN DEN KALENDER ÖFFNEN!!", "de"),
    ],
    ids=["English", "German", "Spanish", "French", "Russian", "shouted German"],
)
def test_a_sentence_is_told(text, code):
    assert languages([text]) == [code]


@pytest.mark.parametrize(
    "text", ["", "   ", "123 456", "\ud800", "#!?"], ids=["empty", "blank", "digits", "half a pair", "signs"]
)
def test_what_is_no_language_is_undetermined(text):
    assert languages([text]) == ["und"]


def test_each_text_is_told_by_itself_and_a_book_by_its_first_page():
    german = "Die Rechnung stimmt nicht und niemand antwortet mir. "
    assert languages([german, "The invoice is wrong and nobody answers me.", german * 50_000]) == ["de", "en", "de"]


def test_no_text_has_no_language():
    assert languages([]) == []
