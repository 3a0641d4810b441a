"""How much of what is private do the detectors find, and how much do they take for private that is not?

Things of each kind are planted, 400 a kind, into sentences in English, German, Spanish and French: in the ways in which people
write them, with other signs between the groups, with doubled or lost spaces, and with slips in the words around them. Recall is
the share of which every character is found; what is found of one in part counts as missed. Sentences and detectors are by the
same hands, so recall on your texts may be lower. False alarms are counted on texts that hold none of these things: numbered
phrases written for this, and with `--shared FOLDER` public sets of questions; a sample of what is found there is printed. The
bundled tickets, which hold signatures, addresses and logs, are listed with a sample by kind, to be judged by eye.
"""

import argparse
import json
import os
import random
import string
import time
from collections import Counter
from pathlib import Path

from private_sentences import AROUND, HARMLESS

from workbench.io.readers import read_frame
from workbench.text.private import KINDS, find_private

TICKETS = Path(__file__).resolve().parents[1] / "data" / "tickets" / "tickets.jsonl"
N = 400
LANGUAGES = ("en", "de", "es", "fr")

# fmt: off

# ---------------------------------------------------------------- the things themselves

FIRST = [
    "ann", "bob", "carla", "dieter", "eva", "fátima", "gül", "hans", "inés", "jürgen", "kim", "lucía", "marc", "nadia",
    "olek", "pia", "quentin", "rosa", "sven", "tariq",
]
LAST = ["meyer", "garcía", "dubois", "smith", "o'neill", "kowalski", "van-dijk", "rossi", "müller", "lópez", "lefèvre", "brown"]
HOSTS = [
    "corp.example", "mail.shop.example", "büro.example", "gmail.com", "web.de", "orange.fr", "correo.es", "firm.co.uk",
    "my-firm.example", "x1.io",
]


def email(r):
    local = r.choice(
        [
            f"{r.choice(FIRST)}.{r.choice(LAST)}", r.choice(FIRST), f"{r.choice(FIRST)}{r.randrange(100)}",
            f"{r.choice(LAST)}+shop", f"{r.choice(FIRST)}_{r.choice(LAST)}",
        ]
    )
    host = r.choice(HOSTS)
    dotted = host.replace(".", r.choice([" dot ", " [dot] ", "(dot)", " punkt ", " punto ", " point "]))
    spelt = [f"{local} [at] {host}", f"{local}(at){host}", f"{local} @ {host}", f"{local} {{at}} {host}"]
    spelt += [
        f"{local} [at] {dotted}" if "[" in dotted else f"{local} at {dotted}" if " " in dotted else f"{local}(at){dotted}"
    ]
    plain = f"{local}@{host}"
    return r.choice([plain] * 6 + [plain.upper(), f"{local}@{host.replace('.', ',', 1)}", *spelt])


def luhn(digits):
    doubled = [int(d) if place % 2 else sum(divmod(2 * int(d), 10)) for place, d in enumerate(reversed(digits))]
    return digits + str(-sum(doubled) % 10)


def numbers(r, n):
    return "".join(r.choice(string.digits) for _ in range(n))


def grouped(digits, sizes, sep):
    parts, at = [], 0
    for size in sizes:
        parts.append(digits[at : at + size])
        at += size
    return sep.join([*parts, digits[at:]] if at < len(digits) else parts)


def card(r):
    start, n = r.choice(
        [
            ("4", 16),
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("35", 16),
            ("62", 16),
        ]
    )
    digits = luhn(start + numbers(r, n - len(start) - 1))
    sizes = {15: (4, 6, 5), 14: (4, 6, 4), 16: (4, 4, 4, 4)}[n]
    return r.choice(
        [
            digits,
            grouped(digits, sizes, " "),
            grouped(digits, sizes, "-"),
            grouped(digits, sizes, "."),
            grouped(digits, sizes, "  "),
            grouped(digits, (sizes[0], n - sizes[0]), " "),
            grouped(digits, sizes, "\u00a0"),
            grouped(digits, (8, n - 8), " "),
            grouped(digits, sizes, " - "),
        ]
    )


BANKS = {
    "DE": "#" * 18,
    "AT": "#" * 16,
    "CH": "#" * 17,
    "ES": "#" * 20,
    "FR": "#" * 20 + "a##",
    "NL": "aaaa" + "#" * 10,
    "GB": "aaaa" + "#" * 14,
    "IT": "a" + "#" * 22,
    "BE": "#" * 12,
    "IE": "aaaa" + "#" * 14,
    "PL": "#" * 24,
    "PT": "#" * 21,
    "LU": "#" * 3 + "a" * 3 + "#" * 10,
}


def iban(r):
    country = r.choice(list(BANKS))
    bank = "".join(r.choice(string.digits if sign == "#" else string.ascii_uppercase) for sign in BANKS[country])
    check = 98 - int("".join(str(int(sign, 36)) for sign in f"{bank}{country}00")) % 97
    whole = f"{country}{check:02d}{bank}"
    fours = grouped(whole, (4,) * (len(whole) // 4), " ")
    return r.choice(
        [
            whole,
            fours,
            fours,
            fours.replace(" ", "-"),
            whole.lower(),
            fours.replace(" ", "  "),
            f"{whole[:2]} {whole[2:4]} {whole[4:]}",
            fours.replace(" ", "", 2),
            fours.replace(" ", "."),
        ]
    )


PHONES = {  # # any digit, N 2 to 9
    "en": [
        "+1 N## N## ####", "+1-N##-N##-####", "(N##) N##-####", "N##-N##-####", "N##.N##.####", "+44 20 7### ####",
        "07### ######", "020 7### ####", "+44 (0)7### ######", "+353 1 ### ####", "1-800-N##-####", "+1N##N######",
        "0044 20 7#######", "N## N## ####",
    ],
    "de": [
        "+49 30 1######", "030 / 1### ###", "030-1######", "0171 #######", "0171/#######", "+49 (0) 171 ### ## ##",
        "0049 30 1#####", "089 1## ### ##", "(030) 1###-##", "+43 1 #######", "+41 79 ### ## ##", "0151 ########",
        "+49171########", "0171########", "030 1#####",
    ],
    "es": [
        "+34 6N# ### ###", "6N# ## ## ##", "91 ### ## ##", "9N# ### ###", "+34 91 ### ## ##", "0034 6N#######", "6N#######",
        "+346N#######", "6N#-###-###",
    ],
    "fr": [
        "01 ## ## ## ##", "06.##.##.##.##", "+33 6 ## ## ## ##", "+33 (0)1 ## ## ## ##", "0033 1 ########", "06########",
        "06-##-##-##-##", "+331########", "06 #### ####",
    ],
}


def phone(r, language):
    pattern = r.choice(PHONES[language])
    number = "".join(
        r.choice(string.digits) if sign == "#" else r.choice("23456789") if sign == "N" else sign for sign in pattern
    )
    return number.replace(" ", "  ", 1) if r.random() < 0.1 else number


def signs(r, n, alphabet=string.ascii_letters + string.digits):
    return "".join(r.choice(alphabet) for _ in range(n))


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def key(r):
    pem = f"-----BEGIN {r.choice(['RSA ', 'EC ', ''])}PRIVATE KEY-----\n" + "\n".join(signs(r, 64) for _ in range(4)) + "=\n"
    kinds = [
        "sk_live_" + signs(r, 24), "pk_test_" + signs(r, 24), "rk_live_" + signs(r, 24), "AKIA" + signs(r, 16, UPPER),
        "ghp_" + signs(r, 36), "github_pat_" + signs(r, 22) + "_" + signs(r, 40), "glpat-" + signs(r, 20),
        "xoxb-" + numbers(r, 11) + "-" + signs(r, 24), "AIza" + signs(r, 35),
        "eyJ" + signs(r, 30) + "." + signs(r, 60) + "." + signs(r, 43), "SG." + signs(r, 22) + "." + signs(r, 43),
        "hf_" + signs(r, 34), "npm_" + signs(r, 36), signs(r, 32, HEX), signs(r, 40), signs(r, 20), signs(r, 24, UPPER),
        signs(r, 43) + "=",
        f"{signs(r, 8, HEX)}-{signs(r, 4, HEX)}-{signs(r, 4, HEX)}-{signs(r, 4, HEX)}-{signs(r, 12, HEX)}",
        pem + pem.splitlines()[0].replace("BEGIN", "END"),
    ]
    return r.choice(kinds)


WORDS = ["sommer", "tiger", "dragon", "hunter", "soleil", "verano", "bonjour", "schatz", "fluffy", "monkey", "winter", "madrid"]


def password(r):
    word = r.choice(WORDS)
    return r.choice(
        [
            f"{word}{r.randrange(10, 9999)}", f"{word.title()}{r.randrange(1, 99)}!", signs(r, 10),
            signs(r, 8) + r.choice("!#$%&"), f"{word}-{r.choice(WORDS)}-{r.randrange(10)}", numbers(r, r.randint(5, 8)),
            word.replace("e", "3").replace("o", "0").replace("i", "1"), f"{word.title()}@{r.randrange(2000, 2030)}",
            f'"{word}"', word,
        ]
    )


def machine(r):
    four = ".".join(str(r.randrange(1, 255)) for _ in range(4))
    long = ":".join(signs(r, 4, HEX) for _ in range(8))
    return r.choice(
        [four, four, four, long, f"2001:db8::{signs(r, 4, HEX)}:{signs(r, 3, HEX)}", f"fe80::{signs(r, 4, HEX)}", long.upper()]
    )


def link(r):
    host = r.choice(["app.corp.example", "portal.firm.example:8443", "10.0.0.8", "git.corp.example"])
    return r.choice(
        [
            f"https://{r.choice(FIRST)}:{signs(r, 9)}@{host}/x", f"ftp://{r.choice(FIRST)}:{signs(r, 9)}@{host}",
            f"https://{host}/cb?code={signs(r, 20)}&state=1", f"https://{host}/view?id=7&access_token={signs(r, 30)}",
            f"https://{host}/reset-password/{signs(r, 32)}", f"https://{host}/f?sig={signs(r, 24)}",
            f"postgres://{r.choice(FIRST)}:{signs(r, 12)}@{host}/db", f"https://{host}/login?user=a&password={signs(r, 8)}",
            f"https://{host}/invite/{signs(r, 24)}",
        ]
    )


def harmless(r, language):
    text = (
        r.choice(HARMLESS[language])
        .replace("{y}", str(r.randrange(2021, 2028)))
        .replace("{h}", signs(r, 7, HEX))
        .replace("{0}", "0")
    )
    for n in range(1, 11):
        while f"{{{n}}}" in text:
            text = text.replace(f"{{{n}}}", str(r.randrange(1, 10)) + numbers(r, n - 1), 1)
    return text


# fmt: on
def planted(seed=0):
    """Return by kind the texts, where in each the thing stands, and of which language it is."""
    makers = {
        "e-mail": email,
        "card number": card,
        "IBAN": iban,
        "key": key,
        "password": password,
        "IP address": machine,
        "link": link,
    }
    found = {}
    for kind in KINDS:
        r = random.Random(f"{kind} {seed}")
        lines = []
        for i in range(N):
            language = LANGUAGES[i % 4]
            thing = phone(r, language) if kind == "phone number" else makers[kind](r)
            before, after = r.choice(AROUND[kind][language]).split("{}")
            opening = harmless(r, language) + " " if r.random() < 0.3 else ""
            before = opening + (before.lower() if r.random() < 0.2 else before)
            lines.append((before + thing + after, len(before), len(before) + len(thing), language))
        found[kind] = lines
    return found


def recall(show):
    print(f"{N} planted of each kind; recall, and of those found the share that is called by its kind")
    print(f"{'kind':14} {'all':>6} " + " ".join(f"{language:>6}" for language in LANGUAGES) + f" {'named':>6}")
    for kind, lines in planted().items():
        found = find_private([text for text, *_ in lines])
        whole, named, missed = Counter(), 0, []
        for row, (text, start, end, language) in enumerate(lines):
            here = found[(found["row"] == row) & (found["start"] < end) & (found["end"] > start)]
            quoted = text[start] == '"'
            if len(here) and here["start"].min() <= start + quoted and here["end"].max() >= end - quoted and len(here) == 1:
                whole[language] += 1
                named += here["kind"].iloc[0] == kind
            else:
                missed.append(text)
        total = sum(whole.values())
        shares = " ".join(f"{whole[language] / (N / 4):6.3f}" for language in LANGUAGES)
        print(f"{kind:14} {total / N:6.3f} {shares} {named / max(total, 1):6.3f}")
        for text in missed[:show]:
            print("      missed:", repr(text))


def report(name, texts, show, seed=0):
    found = find_private(texts)
    rows = found["row"].nunique()
    counts = ", ".join(f"{n} {kind}" for kind, n in Counter(found["kind"]).items()) or "nothing"
    print(f"{name}: {counts} in {rows:,} of {len(texts):,} texts ({1000 * rows / len(texts):.2f} in 1,000)")
    r = random.Random(seed)
    for kind in KINDS:
        places = found.index[found["kind"] == kind].tolist()
        for i in r.sample(places, min(show, len(places))):
            one = found.loc[i]
            text = texts[one["row"]]
            around = (
                text[max(0, one["start"] - 30) : one["start"]],
                text[one["start"] : one["end"]],
                text[one["end"] : one["end"] + 12],
            )
            print(f"      {kind}: {around[0]!r} >>{around[1]!r}<< {around[2]!r}")


def shared_sets(folder):
    """Yield public sets of short texts with no private thing in them by their makers' word, and messages that may hold some."""
    for name in ("banking77", "trec", "youtube", "sms"):
        files = sorted(folder.joinpath(name).glob("t*.json"))
        yield name, [row["data"]["text"] for file in files for row in json.loads(file.read_text(encoding="utf-8")).values()]
    whole = json.loads(folder.joinpath("clinc150", "data_full.json").read_text(encoding="utf-8"))
    yield "clinc150", [text for part in whole.values() for text, _ in part]
    yield "it_tickets", read_frame(folder / "it_tickets" / "tickets.csv", text_columns=["Document"])[0]["Document"].tolist()


def outside():
    """Print recall of what the Faker library makes, whose formats are none of ours: phones by country, alone or introduced."""
    from faker import Faker

    said = {
        "en_US": "contact me: {}",
        "en_GB": "phone {} any time",
        "de_DE": "Meine Nummer: {}",
        "de_AT": "Tel. {}",
        "es_ES": "Mi teléfono es {}",
        "fr_FR": "Joignable au {}",
        "it_IT": "Tel. {}",
        "nl_NL": "Tel. {}",
    }
    found = Counter()
    for country, words in said.items():
        fake = Faker(country)
        fake.seed_instance(1)
        makers = {
            "IBAN": fake.iban,
            "card number": fake.credit_card_number,
            "e-mail": fake.email,
            "IPv4": fake.ipv4_public,
            "IPv6": fake.ipv6,
        }
        cases = [
            (f"phone {country}, introduced", fake.phone_number, words),
            (f"phone {country}, alone", fake.phone_number, "{}"),
        ]
        for name, make, around in [*cases, *((name, make, "see {} please") for name, make in makers.items())]:
            for _ in range(N // 4):
                thing = make()
                text = around.format(thing)
                table, start = find_private([text]), text.index(thing)
                whole = len(table) > 0 and table["start"].min() <= start and table["end"].max() >= start + len(thing)
                found[name, bool(whole)] += 1
    for name in dict.fromkeys(name for name, _ in found):
        n = found[name, True] + found[name, False]
        print(f"Faker, {name}: {found[name, True] / n:.3f} of {n}")


def speed(texts):
    """Print how many texts of 100 words are read a second."""
    words = " ".join(texts).split(" ")
    hundred = [" ".join(words[at : at + 100]) for at in range(0, len(words) - 100, 100)]
    for name, clock in (("a second", time.perf_counter), ("a second of one core", time.process_time)):
        start = clock()
        find_private(hundred)
        print(f"{len(hundred):,} texts of 100 words of tickets: {len(hundred) / (clock() - start):,.0f} {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder of public sets, as README names it")
    parser.add_argument("--show", type=int, default=4, help="missed and falsely found ones printed of each kind")
    parser.add_argument("--faker", action="store_true", help="also try what the Faker library makes (pip install faker)")
    asked = parser.parse_args()
    recall(asked.show)
    r = random.Random(1)
    report("harmless phrases", [harmless(r, language) for language in LANGUAGES for _ in range(500)], asked.show)
    frame = read_frame(TICKETS, text_columns=["subject", "body", "error_log"])[0]
    tickets = [f"{row.subject}\n{row.body}\n{row.error_log}" for row in frame.itertuples()]
    report("tickets, by eye", tickets, asked.show)
    for name, texts in shared_sets(asked.shared) if asked.shared else ():
        report(name, texts, asked.show)
    if asked.faker:
        outside()
    speed(tickets)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
