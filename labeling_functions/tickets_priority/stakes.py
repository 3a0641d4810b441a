"""Functions that begin with what is at stake, and let plan, log, outage, reach and haste raise or lower it.

Everyday matters get no vote between two levels: that is where the desk itself would disagree.
"""

from workbench import ABSTAIN, labeling_function

from .policy import context, stake_of


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": [
            "No hurry, but our trainee came upon the contracts of everybody",
            "Una clienta ve el presupuesto de sus vecinos",
        ],
        "urgent": [{"body": "One of the two sub-contractors read the other's rates. Same for all 5", "plan": "business"}],
    },
    abstains=["We would like to see our own contracts on one page"],
)
def somebody_sees_what_is_not_theirs(row):
    """Whoever sees or gets what is not theirs makes a ticket at least high, however politely it is put."""
    if stake_of(row) != "theirs":
        return ABSTAIN
    return "urgent" if context(row) >= 1.5 else "high"


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": ["Nothing loads, only a white page", "keiner von uns kommt rein"],
        "urgent": [{"body": "none of us get past the login", "plan": "enterprise"}],
    },
    abstains=["I cannot log in", {"body": "The list is slow", "plan": "enterprise"}],
)
def nobody_gets_in(row):
    """Nobody can work where the product is down, the door is shut for all, or the account is suspended."""
    if stake_of(row) != "nobody_in":
        return ABSTAIN
    return "urgent" if context(row) >= 1 else "high"


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": ["A week of hours gone", "Les fiches se sont vidées"],
        "urgent": [{"body": "Offline forms were overwritten", "plan": "business", "log_level": "ERROR"}],
    },
    abstains=["The button is in the wrong place"],
)
def work_is_damaged(row):
    """Work that is gone, overwritten or handed to the wrong one does not come back by waiting."""
    if stake_of(row) != "damaged":
        return ABSTAIN
    return "urgent" if context(row) >= 2 else "high"


@labeling_function(
    labels=["low", "normal", "high", "urgent"],
    fires={
        "low": [{"body": "The colour of the tile is off. No rush", "model_label": "bug", "plan": "starter"}],
        "normal": [{"body": "The tile shows last week", "model_label": "bug", "plan": "starter"}],
        "high": [{"body": "The tile shows last week", "model_label": "bug", "plan": "business"}],
        "urgent": [{"body": "The tile shows last week", "model_label": "bug", "plan": "enterprise", "log_level": "FATAL"}],
    },
    abstains=[
        {"body": "The tile shows last week", "model_label": "billing", "plan": "enterprise"},
        {"body": "I wish the tile showed last week", "model_label": "bug", "plan": "enterprise"},
    ],
)
def something_fails(row):
    """An everyday malfunction is normal; plan, log and reach make it high, and all of them together urgent."""
    if row.model_label != "bug" or stake_of(row):
        return ABSTAIN
    points = context(row)
    return "low" if points <= -1 else "normal" if points < 1 else "high" if points < 3 else "urgent"


@labeling_function(
    labels=["low", "normal", "high", "urgent"],
    fires={
        "low": [{"body": "My code was refused once. No rush", "model_label": "auth", "plan": "starter"}],
        "normal": [{"body": "The reset mail does not come", "model_label": "auth", "plan": "free"}],
        "high": [{"body": "The reset mail does not come", "model_label": "auth", "plan": "business"}],
        "urgent": [{"body": "No reset mail. Work has stopped", "model_label": "auth", "plan": "enterprise", "outage": "major"}],
    },
    abstains=[{"body": "The reset mail does not come", "model_label": "bug"}],
)
def one_person_outside(row):
    """One person who cannot sign in is normal on a small plan, high on a large one."""
    if row.model_label != "auth" or stake_of(row):
        return ABSTAIN
    points = context(row)
    return "low" if points < -1 else "normal" if points < 1 else "high" if points < 3.5 else "urgent"


@labeling_function(
    labels=["low", "normal", "high"],
    fires={
        "low": [{"body": "A question about our invoice", "model_label": "billing", "plan": "free"}],
        "normal": [{"body": "We were charged too much", "model_label": "billing", "plan": "business"}],
        "high": [{"body": "You took the money again, this is urgent", "model_label": "billing", "plan": "enterprise"}],
    },
    abstains=[{"body": "We were charged too much", "model_label": "billing", "plan": "enterprise"}],
)
def about_money(row):
    """Money can wait a little: normal, unless the customer is small and calm, or large and loud."""
    if row.model_label != "billing" or stake_of(row):
        return ABSTAIN
    points = context(row)
    return "low" if points <= -1 else "normal" if points < 2 else "high" if points >= 3 else ABSTAIN


@labeling_function(
    labels=["low", "normal"],
    fires={
        "low": [{"body": "A dark mode would be nice, dark mode please", "plan": "free"}, "Es wäre eine Wohltat. Es eilt nicht"],
        "normal": [{"body": "Please add a dark mode. ASAP!", "plan": "enterprise"}],
    },
    abstains=[{"body": "Please add a dark mode", "plan": "starter"}, "The page stays dark"],
)
def wish_at_most_normal(row):
    """A wish for something new is low, and normal where plan or haste gives it weight; never more."""
    if stake_of(row) != "wish":
        return ABSTAIN
    points = context(row)
    return "low" if points < 0 else "normal" if points >= 1 else ABSTAIN


@labeling_function(
    labels=["low", "normal"],
    fires={
        "low": [{"body": "How do I give somebody read access?", "plan": "starter"}],
        "normal": [{"body": "Which role for the auditor? We need somebody on this", "plan": "business"}],
    },
    abstains=[{"body": "How do I give somebody read access?", "plan": "business"}, "Thank you"],
)
def asks_how(row):
    """A question about how things are done hurts nobody today."""
    if stake_of(row) != "question":
        return ABSTAIN
    points = context(row)
    return "low" if points <= 0 else "normal" if 2 <= points < 3 else ABSTAIN
