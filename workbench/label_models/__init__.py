"""Label models: one a file, one contract (`fit`, `predict_proba`), all listed in LABEL_MODELS."""

from workbench.label_models.contract import LabelModel
from workbench.label_models.dawid_skene import DawidSkene
from workbench.label_models.generative import GenerativeModel
from workbench.label_models.kept import load, save
from workbench.label_models.majority import MajorityVote
from workbench.label_models.snorkel import SnorkelModel
from workbench.label_models.triplet import Triplet
from workbench.label_models.weighted import WeightedVote

LABEL_MODELS: dict[
    str,
    type[MajorityVote] | type[GenerativeModel] | type[SnorkelModel] | type[WeightedVote] | type[DawidSkene] | type[Triplet],
] = {
    "majority_vote": MajorityVote,
    "generative": GenerativeModel,
    "snorkel": SnorkelModel,
    "weighted_vote": WeightedVote,
    "dawid_skene": DawidSkene,
    "triplet": Triplet,
}

__all__ = [
    "LABEL_MODELS",
    "DawidSkene",
    "GenerativeModel",
    "LabelModel",
    "MajorityVote",
    "SnorkelModel",
    "Triplet",
    "WeightedVote",
    "load",
    "save",
]
