"""Labeling functions for `data/mini`: support messages of a B2B product that are about billing, auth, bugs or wishes.

Written while reading the train split, checked on the valid split. Rules that need no code stand in data/mini/rules.toml.
"""

import re

from workbench import ABSTAIN, labeling_function

MONEY = re.compile(
    r"[$€£]\s?\d|\d\s?([$€£]|(eur|euros?|usd|chf|dollars?)\b)"
    r"|\bper[- ](user|seat)\b|\b(yearly|annual|monthly) (fee|plan)\b|\b(annually|quarterly)\b",
    re.IGNORECASE,
)
CANNOT = re.compile(r"\b(can'?t|cannot|can not|won'?t|unable to|no longer|how do i|how can i)\b", re.IGNORECASE)
ENTER = re.compile(r"\b(log(ged)? (me )?(in|on|out)|sign(ed)? ?(in|on|out)|get (back )?in|sign-in)\b", re.IGNORECASE)
OUT = re.compile(r"\b(locked out|session expired|logs? (me|us|itself|everyone) (out|off))\b", re.IGNORECASE)
CHANGED = re.compile(
    r"\b(since|after|until)\b.{0,30}\b(update|release|migration|maintenance|version|v\d|yesterday|monday|tuesday|morning|\d+:\d\d)",
    re.IGNORECASE,
)
# A wish that opens a sentence. "Could you" alone is no wish: half of all support mail asks for something that exists.
WISH = re.compile(
    r"\b(i|we)('d| would) (really )?(love|like to see|pay extra)|\bi wish\b"
    r"|(\bwould|'d) be (great|nice|cool|handy|wonderful|useful)\b"
    r"|\b(feature|idea|suggestion|roadmap|missing:|please (add|consider|let us)|any plans)\b",
    re.IGNORECASE,
)
SYMPTOM = re.compile(
    r"\b(app|page|bar|list|table|charts?|report|export|import|button|pdf|csv|api|webhook|search|filter|sync|form|map)\b"
    r".{0,25}\b(shows?|stays?|says|jumps?|returns?|cuts?|counts?|loses|keeps|gives|has|have|is|are|crash(es)?|freezes|hangs)\b"
)
OUTSIDER = re.compile(
    r"\b(former|another company|other companies|someone else|interns?|guests?|outsiders?|viewers)\b", re.IGNORECASE
)
SIGHT = re.compile(r"\b((can|who can|still) (see|open|look|read)|look into|logged in as|private|confidential)\b", re.IGNORECASE)
WORDS = {
    "billing": "rechnung abgebucht erstattung kündigen factura cobrado pago cuesta facture devis montant carte umsatzsteuer",
    "auth": "passwort konto anmeldung zugriff contraseña entrar acceso usuario connecter passe invité",
    "bug": "fehler lädt verschwindet falsch fallo vacíos cierra guardan blanche retard faux reconnaît",
    "feature_request": "schön wäre könnte pläne posible gustaría estaría serait aimerions ajouter manque",
}


@labeling_function(labels=["billing"], fires=["We want a refund of $49", "they took 30 EUR again"], abstains=["Is it free?"])
def names_an_amount(row):
    """Amounts in a currency, and what is due a seat or a year, are written by people who talk about what they pay."""
    return "billing" if MONEY.search(row.text) else ABSTAIN


@labeling_function(
    labels=["billing"],
    fires=["I want my money back", "Please stop the automatic renewal", "We'd like to cancel"],
    abstains=["Cancel does nothing in the import dialog"],
)
def ends_or_changes_contract(row):
    """Ending, renewing or changing a contract is handled by the billing team."""
    text = row.text.lower()
    ends = re.search(r"\b(renewal|money back|refund|downgrade|upgrade|close our account|stop paying|cancelled)\b", text)
    return "billing" if ends or re.search(r"\b(to|i|we) cancel\b", text) else ABSTAIN


@labeling_function(
    labels=["auth"],
    fires=["I can't log in", "How do I get back in?", "It logs me out all day"],
    abstains=["After I log in the chart is empty", "I can't print"],
)
def cannot_get_in(row):
    """Who asks how to get in, or says that it does not work, stands before the door."""
    text = row.text
    return "auth" if OUT.search(text) or (CANNOT.search(text) and ENTER.search(text)) else ABSTAIN


@labeling_function(
    labels=["auth"],
    fires=["A former colleague can still look into our files", "Viewers can see the salaries"],
    abstains=["I can see the chart", "Guests love it"],
)
def outsider_sees_something(row):
    """Somebody sees what is not meant for them: a security report, however politely and quietly it is put."""
    return "auth" if OUTSIDER.search(row.text) and SIGHT.search(row.text) else ABSTAIN


@labeling_function(
    labels=["bug"],
    fires=["The sums are wrong since the last release", "Nothing loads since monday"],
    abstains=["We have been customers since 2019"],
)
def changed_since(row):
    """What was different before an update, or before a named day, worked then and does not now."""
    return "bug" if CHANGED.search(row.text) else ABSTAIN


@labeling_function(
    labels=["bug"],
    fires=["The bar stays at 99%", "The page shows 0 visitors", "the list has only nine"],
    abstains=["Could the page show more?"],
)
def describes_behaviour(row):
    """A statement in the present tense about what a part of the product does is a symptom; questions and wishes differ."""
    text = row.text.lower()
    if "?" in text or "please" in text or WISH.search(text):
        return ABSTAIN
    return "bug" if SYMPTOM.search(text) else ABSTAIN


@labeling_function(
    labels=["feature_request"],
    fires=["I wish there was a map", "It would be nice to have folders", "Please add Portuguese"],
    abstains=["Could you send the invoice?"],
)
def wishes(row):
    """People who want something new say so: they wish, would love, suggest or ask about plans."""
    return "feature_request" if WISH.search(row.text) else ABSTAIN


@labeling_function(
    fires={"billing": ["Bitte schicken Sie die Rechnung"], "auth": ["No puedo entrar"], "feature_request": ["Ce serait bien"]},
    abstains=["Guten Tag", "Could you resend the invoice?"],
)
def german_spanish_french(row):
    """One message in nine is not in English, which the English rules cannot read: the class with most known words wins."""
    words = set(re.findall(r"\w+", row.text.lower()))
    known = {label: len(words & set(listed.split())) for label, listed in WORDS.items()}
    best = max(known, key=lambda label: known[label])
    tied = list(known.values()).count(known[best]) > 1
    return ABSTAIN if tied else best
