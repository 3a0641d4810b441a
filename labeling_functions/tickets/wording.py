"""Labeling functions for `data/tickets` that read what customers write.

Written while reading train tickets, checked on the valid split. Rules that need no code stand in data/tickets/rules.toml.
"""

import re

from workbench import ABSTAIN, labeling_function

APPENDED = re.compile(r"\n(--|\*\*\*|Sent from |Please consider |On .{3,30} wrote:|>|20\d\d-\d\d-\d\dT).*", re.DOTALL)
ENTER = re.compile(
    r"\b((can'?t|can ?not|could not|unable to|nobody can|no longer|won'?t let|lets) (\w+ )?(to )?(log|get|sign|enter|come)"
    r"(( back| on)? in)?|logs? (me|us|everyone) out|reset (link|mail|message)|(one-time|magic|login|sign-in) link"
    r"|outside|captcha|remember me)\b",
    re.IGNORECASE,
)
OUTSIDER = re.compile(
    r"\b(other (people|clients?|compan\w+)|strangers?|outsiders?|our (competitor|rival)s?|apprentices?|ex-employees?"
    r"|third party|unknown (person|individual|program)|(can|could) still (see|read|open))\b",
    re.IGNORECASE,
)
HANDOVER = re.compile(
    r"\b(owner|administrator|admin|colleague|employee|consultant|boss|predecessor|keys?|rights)\b.{0,60}"
    r"\b(left|leaves|died|retired|deactivated|revoked?|moved on|hand(ed)? over)\b|\bno longer with us\b",
    re.IGNORECASE,
)
OURS = re.compile(
    r"\b(our|the|your) (\w+ )?(subscription|yearly fee|tax|notice|starter|business plan|enterprise plan|price)\b"
    r"|\b(charge|charged|bill|billed|invoiced) (us|me|for)\b|\b(pay|paying) (you|less|yearly|monthly)\b|\byearly\b",
    re.IGNORECASE,
)
CHANGED = re.compile(
    r"\b(since|until|after|before)\b.{0,20}\b(update|release|version|migration|clock change|sync|refresh|import)\b"
    r"|\bworked (fine|well|until|before)\b|\bversion \d|\bcan reproduce\b|\bin (chrome|safari|firefox|edge)\b",
    re.IGNORECASE,
)
BUT = re.compile(
    r"\b(page|app|screen|list|board|map|calendar|pdf|export|sync|report|document|preview|history|webhook|shelf|paper|thumbnail)s?\b"
    r".{0,50}\b(but|although|though|whereas|yet)\b|\balthough\b",
    re.IGNORECASE,
)
WISH = re.compile(
    r"\b(i|we) (would (really )?(love|like to be able)|wish|suggest|propose)\b"
    r"|\bwould(n't it)? be (great|nice|cool|handy|wonderful|useful|welcome|possible|enough)\b|\bwould do\b"
    r"|\b(feature idea|missing feature|feature request|wishlist|nice to have|roadmap|any plans?)\b|\b(wanted|needed|request):",
    re.IGNORECASE,
)
WORDS = {
    "billing": "rechnung rechnungen abbuchung abgebucht vertrag plätze paket lizenzen gutschrift erstattung steuer "
    "factura facturas reembolso devolución renovación contrato iva plazas suscripción cobran cobrado "
    "facture factures abonnement échéance échéances licences tva devis contrat prélèvement remboursement",
    "auth": "passwort kennwort anmeldung anmelden einloggen konto adminrechte ersatzcodes zugang zugriff "
    "contraseña clave acceso entrar cuenta permiso permisos códigos passe compte accès codes connecter réseau droits",
    "bug": "fehler falsch doppelt leer verschwunden stürzt funktioniert umlaute vacía vacío raros duplica salen corta "
    "vide vides décalés illisible disparu perdent erreur plante",
    "feature_request": "könnte könnten fehlt wünschen künftig wäre podría pudiera encantaría gustaría admitierais "
    "pourrait pourrait-on aimerait aimerions comptez prévu manque",
}


def without_appendix(row):
    """Leave out signature, quoted mail and log lines: the customer did not write them to say what is the matter."""
    row.body = APPENDED.sub("", row.body)
    return row


@labeling_function(
    labels=["auth"],
    pre=[without_appendix],
    fires=[{"body": "I cannot log in"}, {"body": "The reset link has expired"}],
    abstains=[{"body": "I can't print the rota"}, {"body": "It rains\n--\nSent by the login page"}],
)
def cannot_get_in(row):
    """Who says that the door is shut, or names a part of the door, stands before it."""
    return "auth" if ENTER.search(row.body) else ABSTAIN


@labeling_function(
    labels=["auth"],
    pre=[without_appendix],
    fires=[{"subject": "", "body": "I get other people's letters"}, {"subject": "A stranger", "body": "He can see the rota"}],
    abstains=[{"subject": "", "body": "Everyone sees the new menu"}],
)
def outsider_appears(row):
    """Where outsiders come up, somebody has seen what is not meant for them: a matter of rights, whatever else it is."""
    return "auth" if OUTSIDER.search(f"{row.subject} {row.body}") else ABSTAIN


@labeling_function(
    labels=["auth"],
    fires=[{"body": "The only administrator left in May, who can add people now?"}],
    abstains=[{"body": "The administrator is on holiday"}],
)
def keys_change_hands(row):
    """When people leave, somebody has to get their rights, and somebody has to take them away."""
    return "auth" if HANDOVER.search(row.body) else ABSTAIN


@labeling_function(
    labels=["billing"],
    fires=[{"body": "You charge us for May"}, {"body": "Please end our subscription"}],
    abstains=[{"body": "Our client has paid the invoice"}],
)
def money_between_us(row):
    """Their subscription, our price: money between the customer and us, not between the customer and their clients."""
    return "billing" if OURS.search(row.body) else ABSTAIN


@labeling_function(
    labels=["bug"],
    pre=[without_appendix],
    fires=[{"body": "The sums are off since the last release."}, {"body": "It worked until June."}],
    abstains=[{"body": "We are with you since March."}, {"body": "Since the update I wish there was a map."}],
)
def changed_since(row):
    """Who names the version, the browser, or the update before which it worked, has a symptom to describe."""
    return "bug" if CHANGED.search(row.body) and not WISH.search(row.body) else ABSTAIN


@labeling_function(
    labels=["bug"],
    pre=[without_appendix],
    fires=[{"body": "The preview is right, but the letters say NAME"}],
    abstains=[{"body": "The preview is right"}, {"body": "The list is long, but could you add colours?"}],
)
def one_place_contradicts_another(row):
    """The screen says this, the paper that: a statement with a 'but' is a symptom, a question is none."""
    return "bug" if BUT.search(row.body) and "?" not in row.body and not WISH.search(row.body) else ABSTAIN


@labeling_function(
    labels=["feature_request"],
    fires=[{"body": "I wish there was a map"}, {"body": "Wanted: templates for folders."}],
    abstains=[{"body": "Could you send the invoice?"}],
)
def wishes(row):
    """People who want something new say so: they wish, would love, suggest."""
    return "feature_request" if WISH.search(row.body) else ABSTAIN


@labeling_function(
    fires={
        "billing": [{"subject": "", "body": "Bitte die Rechnung ändern"}],
        "auth": [{"subject": "", "body": "No puedo entrar, la contraseña no vale"}],
        "bug": [{"subject": "", "body": "Le PDF est vide"}],
        "feature_request": [{"subject": "Tidewell", "body": "Könnte man das ändern?"}],
    },
    abstains=[{"subject": "", "body": "Guten Tag"}, {"subject": "", "body": "Could you resend the invoice?"}],
)
def german_spanish_french(row):
    """One ticket in eight is not in English, which the English rules cannot read: the class with most known words wins."""
    words = set(re.findall(r"[\w-]+", f"{row.subject} {row.body}".lower()))
    known = {label: len(words & set(listed.split())) for label, listed in WORDS.items()}
    best = max(known, key=lambda label: known[label])
    tied = list(known.values()).count(known[best]) > 1
    return ABSTAIN if tied else best
