"""Labeling functions for `data/tickets` that learn from a few examples, or look at words as spaCy splits them."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from workbench.lfs import classifier, prototypes, token_pattern

like_our_macros = prototypes(
    {
        "billing": [
            "We were charged twice for our subscription, please refund the second debit",
            "Please send a corrected invoice with our new address and tax number",
            "We want to cancel the contract before the renewal and reduce our seats",
            "How much is the yearly plan, and can we pay by bank transfer instead of card?",
        ],
        "auth": [
            "I cannot log in, the password reset mail does not arrive and I am locked out",
            "Single sign-on fails since our identity provider changed the certificate",
            "The only administrator has left, who can give us the rights to invite people?",
            "Another company's files were visible to a user who should have no access",
        ],
        "bug": [
            "The app crashes on the phone since the last update and entries are lost",
            "The total on the PDF is wrong although every line on the screen is right",
            "Every page is very slow in the morning and the board stays blank",
            "The calendar sync creates each appointment twice and at the wrong hour",
        ],
        "feature_request": [
            "It would be great if we could choose our own columns and save them as a template",
            "Is there a plan to connect to another accounting program or messenger?",
            "We do this by hand in a spreadsheet, please add an option for it",
            "Please offer the app in more languages, with shortcuts and a dark mode",
        ],
    },
    name="like_our_macros",
    threshold=0.3,
    margin=0.12,
    column="body",
    reason="Four typical tickets a class, from the macros we answer most.",
    fires={"bug": [{"body": "The phone app crashes since the update and our entries are lost"}]},
    abstains=[{"body": "Good morning!"}],
)

like_a_help_article = classifier(
    make_pipeline(TfidfVectorizer(stop_words="english", ngram_range=(1, 2), sublinear_tf=True), MultinomialNB(alpha=0.1)),
    train="help_articles.csv",
    name="like_a_help_article",
    threshold=0.8,
    reason="Titles of help articles, sorted by the team that keeps them.",
    fires={"billing": [{"subject": "Seats", "body": "How do I give back seats before the renewal?"}]},
    abstains=[{"subject": "", "body": "Good morning!"}],
)

counts_seats = token_pattern(
    [{"LIKE_NUM": True}, {"OP": "?"}, {"LOWER": {"IN": ["seat", "seats", "licence", "licences", "licenses"]}}],
    label="billing",
    name="counts_seats",
    column="body",
    reason="People count seats when they think of what these cost.",
    fires=[{"body": "We need seven more seats"}, {"body": "12 licences"}],
    abstains=[{"body": "The seat of the van is torn"}],
)
