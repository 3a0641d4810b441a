"""The end model: learns from soft labels what the labeling functions could not say, and answers on every row."""

from workbench.end_model.model import EndModel

__all__ = ["EndModel"]
