"""Labeling functions in Python: what the subject says, what it complains of, and what the whole is most like."""

from workbench import ABSTAIN, labeling_function
from workbench.lfs import prototypes

SUBJECT = 5  # rows begin with the subject of the mail; nothing says where it ends
TITLES = {
    "Access": (
        "confluence password passwords reset license licenses user account accounts external git visitor "
        "locked unlock badge visual studio lost expire repository domain"
    ),
    "Administrative rights": "windows upgrade outlook install upgrading software",
    "HR Support": (
        "starter leaver leave annual submit timecard time sheet form maternity transfer absence interns "
        "holiday error hardware bogota submitting hours joining secured bucharest reports action"
    ),
    "Hardware": (
        "laptop monitor cable meeting room network connection connect phone mobile server servers keyboard "
        "backpack ram charger event database backup si booking port extension call slow down screen display "
        "resources"
    ),
    "Internal Project": "code codes pas pipeline setup",
    "Miscellaneous": (
        "change approval list manager mailing name groups owner members line career flow ownership approvals "
        "contract add alert tickets lists"
    ),
    "Purchase": "po purchase requisition order",
    "Storage": "wants mailbox shared folder share size storage increase full planning drive",
}
WORDS = {word: label for label, listed in TITLES.items() for word in listed.split()}
COMPLAINTS = {"not", "cannot", "unable", "issue", "issues", "problem", "problems", "error", "failed", "broken", "down", "slow"}
NOT_OURS = {word for label, listed in TITLES.items() if label != "Hardware" for word in listed.split()}


@labeling_function(
    fires={"Purchase": ["new purchase po monday"], "Storage": ["mailbox size"]},
    abstains=["hello dear colleagues", "password mailbox"],
)
def subject_names_it(row):
    """People put the matter into the subject: the class with most known words among the first five wins."""
    found = [WORDS[word] for word in row.Document.split()[:SUBJECT] if word in WORDS]
    counts = sorted(((found.count(label), label) for label in set(found)), reverse=True)
    if not counts or (len(counts) > 1 and counts[0][0] == counts[1][0]):
        return ABSTAIN
    return counts[0][1]


@labeling_function(fires=["unable to hear anything hello"], abstains=["unable to submit", "hello dear"])
def subject_complains(row):
    """A complaint in the subject is about equipment, unless the subject names what belongs to another team."""
    words = set(row.Document.split()[:SUBJECT])
    return "Hardware" if words & COMPLAINTS and not words & NOT_OURS else ABSTAIN


like_typical_tickets = prototypes(
    {
        "Access": [
            "reset password confluence account locked please unlock",
            "visual studio license expired please assign license",
            "create external user account git repository",
            "lost access card badge",
        ],
        "Administrative rights": [
            "windows upgrade error workstation",
            "outlook not updating install software center admin rights",
            "forced upgrade process two times",
        ],
        "HR Support": [
            "new starter form completed please fill start date officer",
            "leaver maternity leave form",
            "unable to submit timecard annual leave hours week",
            "time card error absence schedule",
            "secured area access for new colleague tower floor",
            "oracle hours submit error report",
        ],
        "Hardware": [
            "laptop not working slow restart",
            "monitor keyboard cable request",
            "cannot connect to network server down",
            "meeting room call phone not working",
            "database backup event notification server",
            "salut va rog si la ca",
        ],
        "Internal Project": [
            "new project code creation setup form",
            "please close project codes pas oracle",
            "create opportunity pipeline client",
        ],
        "Miscellaneous": [
            "please change line manager",
            "add members to mailing list",
            "approval flow approver changed",
            "add owner to group",
            "printer name scanner copier",
            "please cancel ticket assign to",
        ],
        "Purchase": ["new purchase po dear purchased item ordered receipts section", "requisition invoice supplier order"],
        "Storage": [
            "mailbox almost full increase mailbox size",
            "shared folder access wants to access accept decline",
            "shared mailbox permissions folder storage",
        ],
    },
    name="like_typical_tickets",
    threshold=0.3,
    margin=0.08,
    reason="Two to four typical tickets a class, in the words of this desk.",
)
