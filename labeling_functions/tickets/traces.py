"""Labeling functions for `data/tickets` that read what others left on a ticket: agents, outcomes, the small model."""

from workbench import ABSTAIN, labeling_function

CLASSES = ["billing", "auth", "bug", "feature_request"]
CAREFUL = {"marta", "oskar", "priya"}


@labeling_function(
    labels=CLASSES,
    fires={"bug": [{"agent": "marta", "agent_tag": "bug"}]},
    abstains=[{"agent": "ruth", "agent_tag": "billing"}, {"agent": "oskar", "agent_tag": ""}],
)
def tag_of_a_careful_agent(row):
    """Marta, Oskar and Priya read to the end before they tag; Ruth's "billing" is only what her form begins with."""
    return row.agent_tag if row.agent in CAREFUL and row.agent_tag in CLASSES else ABSTAIN


@labeling_function(
    labels=["bug"],
    fires=[{"escalated": True, "plan": "starter", "refund_issued": False}],
    abstains=[
        {"escalated": True, "plan": "enterprise", "refund_issued": False},
        {"escalated": True, "plan": "free", "refund_issued": True},
    ],
)
def went_to_engineers(row):
    """What we escalate goes to the engineers, who mend what is broken; refunds and enterprise customers are left out."""
    return "bug" if row.escalated and not row.refund_issued and row.plan != "enterprise" else ABSTAIN


@labeling_function(
    batch=True,
    labels=CLASSES,
    fires={"auth": [{"language": "en", "model_label": "auth", "model_score": 0.999}]},
    abstains=[
        {"language": "en", "model_label": "auth", "model_score": 0.9},
        {"language": "de", "model_label": "auth", "model_score": 0.999},
    ],
)
def small_model_is_sure(rows):
    """Last year's model learned from English tickets, and only its highest scores mean what they say."""
    sure = (rows.language == "en") & (rows.model_score > 0.995)
    return rows.model_label.astype(object).where(sure, ABSTAIN)
