"""Functions that look at context first: plan, log, outage, words of haste, agents, and what became of a ticket later."""

from workbench import ABSTAIN, labeling_function

from .policy import CALM, PLAN, any_of, concerned, haste, reach, stake_of, text_of

CALM_LEVELS = {"free": "low", "starter": "low", "business": "normal", "enterprise": "normal"}
QUIET_LEVELS = {"free": "low", "starter": "normal"}
LOG_LEVELS = {
    ("ERROR", "starter"): "high",
    ("ERROR", "enterprise"): "urgent",
    ("FATAL", "business"): "urgent",
    ("FATAL", "enterprise"): "urgent",
}
AGENT_LEVELS = {
    ("P1", "business"): "urgent",
    ("P1", "enterprise"): "urgent",
    ("P2", "business"): "high",
    ("P3", "starter"): "normal",
    ("P3", "free"): "low",
    ("P4", "starter"): "low",
    ("P4", "free"): "low",
}
ESCALATED_LEVELS = {"free": "high", "starter": "high", "enterprise": "urgent"}


@labeling_function(
    labels=["low", "normal"],
    fires={
        "low": [{"body": "No rush at all", "plan": "starter"}, {"body": "Rien d'urgent.", "plan": "free"}],
        "normal": [{"body": "Nothing urgent, just for the list", "plan": "enterprise"}],
    },
    abstains=[{"body": "Rush, please", "plan": "free"}],
)
def can_wait_by_plan(row):
    """Who says that it can wait is nearly always right; on the larger plans it waits as normal."""
    return CALM_LEVELS.get(row.plan, ABSTAIN) if any_of(CALM, text_of(row)) else ABSTAIN


@labeling_function(
    labels=["low", "normal"],
    fires={
        "low": [{"body": "The tile shows last week", "plan": "free"}],
        "normal": [{"body": "The tile shows last week", "plan": "starter", "log_level": "INFO"}],
    },
    abstains=[
        {"body": "The tile shows last week", "plan": "enterprise"},
        {"body": "The tile shows last week", "plan": "free", "log_level": "FATAL"},
        {"body": "The tile shows last week. This is urgent", "plan": "free"},
    ],
)
def quiet_by_plan(row):
    """Where no haste, reach, log, outage or grave matter raises a ticket, the plan decides: free is low, starter normal."""
    text = text_of(row)
    raised = haste(text) > 0 or reach(text) or concerned(row) or row.log_level in ("ERROR", "FATAL")
    if raised or stake_of(row) in ("theirs", "nobody_in", "damaged"):
        return ABSTAIN
    return QUIET_LEVELS.get(row.plan, ABSTAIN)


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": [{"log_level": "ERROR", "plan": "starter"}],
        "urgent": [{"log_level": "FATAL", "plan": "business"}, {"log_level": "ERROR", "plan": "enterprise"}],
    },
    abstains=[{"log_level": "WARN", "plan": "enterprise"}, {"log_level": "ERROR", "plan": "free"}],
)
def bad_log_by_plan(row):
    """A FATAL log of those who pay most is urgent, and so is an ERROR of the largest; on starter an ERROR is high."""
    return LOG_LEVELS.get((row.log_level, row.plan), ABSTAIN)


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": [{"outage": "major", "model_label": "bug", "plan": "free"}],
        "urgent": [{"outage": "degraded", "model_label": "auth", "plan": "starter"}],
    },
    abstains=[{"outage": "major", "model_label": "billing", "plan": "starter"}, {"outage": "none", "model_label": "bug"}],
)
def during_an_outage(row):
    """While the status page is not green, sign-in and malfunction tickets are pieces of something large."""
    if not concerned(row):
        return ABSTAIN
    return "high" if row.plan == "free" else "urgent"


@labeling_function(
    labels=["high", "urgent"],
    fires={
        "high": [{"body": "Work has stopped here. It concerns everybody in accounting", "plan": "starter"}],
        "urgent": [{"body": "Every one of our 40 users is hit, please call back immediately", "plan": "business"}],
    },
    abstains=[
        {"body": "This is urgent", "plan": "enterprise"},
        {"body": "Please add a map. Same for all 5 planners, work has stopped", "plan": "enterprise"},
    ],
)
def loud_and_wide(row):
    """Haste on behalf of many lifts all but wishes and questions, as far as the plan allows."""
    text = text_of(row)
    points = haste(text) + reach(text)
    if points < 2 or stake_of(row) in ("wish", "question"):
        return ABSTAIN
    return "urgent" if points + PLAN.get(row.plan, 0) >= 3.5 else "high"


@labeling_function(
    labels=["low", "normal", "high", "urgent"],
    fires={
        "low": [{"agent_priority": "P4", "plan": "starter"}, {"agent_priority": "P3", "plan": "free"}],
        "normal": [{"agent_priority": "P3", "plan": "starter"}],
        "high": [{"agent_priority": "P2", "plan": "business"}],
        "urgent": [{"agent_priority": "P1", "plan": "enterprise"}],
    },
    abstains=[{"agent_priority": "P1", "plan": "free"}, {"agent_priority": "", "plan": "business"}],
)
def agents_level_by_plan(row):
    """Agents go by how loudly it is said and forget the plan; where both point one way they are right more often than not."""
    return AGENT_LEVELS.get((row.agent_priority, row.plan), ABSTAIN)


@labeling_function(
    labels=["high", "urgent"],
    fires={"high": [{"escalated": True, "plan": "free"}], "urgent": [{"escalated": True, "plan": "enterprise"}]},
    abstains=[{"escalated": True, "plan": "business"}, {"escalated": False, "plan": "enterprise"}],
)
def escalated_later(row):
    """What somebody escalated afterwards had deserved more: urgent on the largest plan, high on the small ones."""
    return ESCALATED_LEVELS.get(row.plan, ABSTAIN) if row.escalated else ABSTAIN
