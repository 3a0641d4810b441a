"""What is private by its form is found and masked; what only looks so is left alone; no text takes long."""

import time

import pytest

from workbench.text.private import KINDS, counts, find_private, in_words, masked, redact

PRIVATE = {
    "e-mail": [
        "Write to <ann.o'neill+shop@mail.corp.example>.",
        "ANN@CORP.EXAMPLE",
        "ann [at] corp [dot] example",
        "ann(at)corp.example",
        "ann at corp dot com",
        "schreib an jürgen@büro.example",
        "ann @ corp.example",
        "ann@corp,example",
    ],
    "card number": [
        "4111 1111 1111 1111",
        "card 4111111111111111 exp 12/27",
        "3782-822463-10005",
        "5555.5555.5555.4444",
        "3056 930902 5904",
        "order 55 4111 1111 1111 1111",
    ],
    "IBAN": [
        "DE89 3704 0044 0532 0130 00 is ours",
        "gb29nwbk60161331926819",
        "FR14-2004-1010-0505-0001-3M02-606",
        "IBAN:ES9121000418450200051332",
    ],
    "phone number": [
        "+49 30 1234567",
        "0049 (0)30 / 123 45-67",
        "(415) 555-2671",
        "415.555.2671",
        "01 23 45 67 89",
        "0171/2345678",
        "+34 612 345 678",
        "612 34 56 78",
        "Tel. 12 34 56",
        "my phone no. is 030 12345",
        "Telefonnummer: 4567890",
        "llámame al 612345678",
        "404.634.1925x412",
        "+43 (0) 7683 91454981",
        "custcare:08718720201",
    ],
    "key": [
        "sk_live_7Hd2Kq9PzLm4Xw8RtV3b",
        "AKIA7QZ2M4XW9RT3B5KD",
        "ghp_9Kq2Lm8Vb4Tn6Yw1Rc3Zx7Hd5Pz0Ws",
        "xoxb-123456789012-abcDEF123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-DEF_123",
        "token: a8F3kQ9zLm2X",
        "API key f81d4fae7dec11d0a76500a0c91e6bf6",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIB\nAAKC+/==\n-----END RSA PRIVATE KEY-----",
        "Authorization: Bearer Zx9Kq2Lm8Vb4Tn6Yw1Rc",
    ],
    "password": [
        "password: sunshine",
        "my pw is hunter2!",
        "Das Passwort lautet sommer",
        "contraseña: Verano24",
        "mot de passe : azerty",
        "the pasword for the portal is x9!kQ",
        'password is "sunshine"',
        "PIN: 4711",
        "user ann, password hunter22",
    ],
    "IP address": ["from 81.2.69.142 today", "2001:db8::8a2e:370:7334", "10.20.30.40"],
    "link": [
        "https://ann:secret@corp.example/x",
        "see https://corp.example/cb?code=8f3kq9zl.",
        "postgres://app:pw@10.0.0.8/db",
        "https://corp.example/reset-password/8f3kQ9zLm2X81kqPq01",
    ],
}
HARMLESS = [
    "Ticket 12345678 of 2026-03-02 04:27:16 is open.",
    "Invoice TW-2026-6610, 01.02.2026, 1.234.567,89 € and $12,000,000.",
    "#0301234567",
    "order 0301234567",
    "order:0301234567",
    "TW-0301234567",
    "version 1.2.3.4 and v10.20.30.40",
    "127.0.0.1 and ::1 at 12:30:45",
    "std::vector and a::b",
    "it scored 4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "my password is wrong, please reset it",
    "Passwort: vergessen",
    "the token is refused",
    "I forgot my password. The amount is $120.99",
    "contraseña incorrecta",
    "look at some point they will",
    "dinner @ eight",
    "https://corp.example/a?page=12&sort=up",
    "arrives at 97 and then sleeps. one it gave me",
    "call about ticket 1234567",
    "commit 8f3kq9zl of client_credentials_v2_flow",
    "09.30 - 10.30",
    "we have 1 000 000 rows",
    "@ann said so",
    "call me on 20260302",
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in PRIVATE.items() for text in texts], ids=lambda part: part[:40]
)
def test_a_private_thing_is_found_by_its_kind(kind, text):
    found = find_private(["nothing here", text])
    assert found["kind"].tolist() == [kind] and found["row"].tolist() == [1]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_private_is_left_alone(text):
    assert redact([text]) == ([text], {})


def test_the_whole_thing_is_covered_and_nothing_around_it():
    texts, found = redact(
        [
            "Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00. Call +49 30 1234567!",
            "pw is hunter2, sorry",
            "(ann@corp.example)",
        ]
    )
    assert texts == ["Card [card number], IBAN [IBAN]. Call [phone number]!", "pw is [password], sorry", "([e-mail])"]
    assert found == {"e-mail": 1, "IBAN": 1, "card number": 1, "phone number": 1, "password": 1}
    assert list(found) == [kind for kind in KINDS if kind in found]


def test_one_thing_has_one_mark_however_it_is_written():
    (text,), found = redact(["ann@corp.example, bob@corp.example, ANN@corp.example; +49 30 1234567 is +49-30-1234567"])
    assert text == "[e-mail], [e-mail 2], [e-mail]; [phone number] is [phone number]" and found["e-mail"] == 3
    assert redact(["bob@corp.example"])[0] == ["[e-mail]"], "numbers begin anew in each text"


def test_what_overlaps_is_one_thing():
    text = "https://ann:secret@corp.example/x?token=8f3kQ9zLm2X81kqPq01 and password: pk_test_7Hd2Kq9PzLm4Xw8RtV3b"
    found = find_private([text])
    assert found["kind"].tolist() == ["link", "key"] and redact([text])[0] == ["[link] and password: [key]"]


def test_masked_texts_hold_nothing_private_any_more():
    texts = [text for some in PRIVATE.values() for text in some]
    again = find_private(redact(texts)[0])
    assert again.empty, again


def test_half_a_character_and_empty_texts_do_no_harm():
    texts = ["", "\ud83d ann@corp.example \ud83d", "ünïcödé +49 30 1234567"]
    assert redact(texts)[0] == ["", "\ud83d [e-mail] \ud83d", "ünïcödé [phone number]"]
    assert find_private([]).columns.tolist() == ["row", "start", "end", "kind"] and redact([]) == ([], {})


def test_spans_found_once_mask_later():
    texts = ["a@corp.example", "none", "b@corp.example"]
    found = find_private(texts)
    assert masked(texts, found) == ["[e-mail]", "none", "[e-mail]"] and texts[0] == "a@corp.example"
    assert in_words(counts(found["kind"])) == "2 e-mail addresses" and in_words({}) == ""


HOSTILE = {
    "groups of four": "4444 ", "accounts": "DE89 ", "passwords": "password ", "machines": "::1 ", "at": "a at b dot ",
    "tokens": "-eyJ",
}  # fmt: skip
MORE_HOSTILE = {
    "one letter": "a", "digits": "1", "single digits": "4 ", "card starts": "4111-", "accounts in one": "DE89",
    "points": "a.", "at signs": "@",
    "addresses": "aa@aa", "spelt": "a [at] ", "password is": "pw is ", "pem": "-----BEGIN RSA PRIVATE KEY-----",
    "long token": "token-1aB2",
    "plus": "+1", "plus apart": "+1 ", "zero": "01 ", "calls": "call 1 ", "links": "a://", "colons": "a:",
    "versions": "1.1.1.", "brackets": "(((",
    "spaces": " ", "one and spaces": "1" + " " * 200, "keys": "key key=", "quotes": 'pw "', "dates": "2026-01-01 ",
}  # fmt: skip


def check_time(piece):
    """A line of a megabyte takes under a second on a quiet machine, and twice that where others compute beside it."""
    line = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]
    start = time.process_time()
    find_private([line])
    assert time.process_time() - start < 2


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_line_of_a_megabyte_takes_long(piece):
    check_time(piece)


@pytest.mark.slow
@pytest.mark.parametrize("piece", MORE_HOSTILE.values(), ids=MORE_HOSTILE)
def test_no_other_line_of_a_megabyte_takes_long(piece):
    check_time(piece)
