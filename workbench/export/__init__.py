"""The training set: what is known about each row, which rows a filter keeps, their files, their manifest and their card.

Beside the dataset's own columns (one whose name is taken becomes `data:<name>`) stand, in this order:

- `split`, and `p_<class>`, the probability of each class
- `label`: the likeliest class, missing on uncovered rows and ties
- `entropy` of the probabilities, in nats
- `agreement`: the share of the row's votes that equal the label, missing where there is no vote or no label
- `weight`: 1 - entropy / log k on covered rows and 0 elsewhere, so that a uniform row teaches nothing
- `needs_review`: no function votes, or classes tie, or functions conflict and the two likeliest classes are under 0.2 apart
- `reviewed`: a person gave the label, and it stands whatever functions vote
- `n_votes` and `covered`; gold is left out, as a training set must not hold the answers
- `lf:<function>`: the class it voted, or missing

Where `mask` is asked for, e-mail addresses, card numbers and the like leave the own columns with a mark in their place.

A set of hard labels has neither `p_<class>` nor `entropy`, and no row without a label.
"""

from workbench.export.card import card
from workbench.export.filters import Filters, passing, quality, thresholds
from workbench.export.parts import finish_parts, write_part
from workbench.export.private import private_facts, private_in_words
from workbench.export.rows import Candidates
from workbench.export.write import FORMATS, PROVENANCE, in_columns, manifest_of, write_export, write_table

__all__ = [
    "FORMATS",
    "PROVENANCE",
    "Candidates",
    "Filters",
    "card",
    "finish_parts",
    "in_columns",
    "manifest_of",
    "passing",
    "private_facts",
    "private_in_words",
    "quality",
    "thresholds",
    "write_export",
    "write_part",
    "write_table",
]
