"""Label models: one a file, one contract (`fit`, `predict_proba`), all listed in LABEL_MODELS."""

from workbench.label_models.contract import LabelModel
from workbench.label_models.generative import GenerativeModel
from workbench.label_models.majority import MajorityVote
from workbench.label_models.snorkel import SnorkelModel

LABEL_MODELS: dict[str, type[MajorityVote] | type[GenerativeModel] | type[SnorkelModel]] = {
    "majority_vote": MajorityVote,
    "generative": GenerativeModel,
    "snorkel": SnorkelModel,
}

__all__ = ["LABEL_MODELS", "GenerativeModel", "LabelModel", "MajorityVote", "SnorkelModel"]
