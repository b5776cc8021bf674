"""The whole table: each address of the site, and who may GET and who may POST it.

Written by hand from the table in webapp/labs/access.py, and never computed from it. A dash (NOBODY) stands
for a method that an address does not take (405).
"""

from typing import NamedTuple

from tests.world import ROLES

Roles = frozenset[str]


def only(*roles: str) -> Roles:
    assert set(roles) <= set(ROLES)
    return frozenset(roles)


NOBODY: Roles | None = None
ADMIN = only("administrator")
OWNER = ADMIN | only("owner")
MAKE = OWNER | only("member")  # build.request, lab.launch, cluster.attach …
OPERATE = MAKE | only("lab_guest")  # also lab.pair
TYPE = OPERATE | only("typist")  # lab.shell, lab.note
TALK = TYPE | only("reader")  # lab.chat, and coming back into a pairing
SITE = OPERATE | only("viewer")  # what is no lab's: hosts, definitions, builds, attached clusters
SEE = TALK | only("viewer")  # lab.see
SIGNED_IN = SEE | only("outsider")


class Rights(NamedTuple):
    get: Roles | None
    post: Roles | None = NOBODY


# Open to whoever comes: each has tests of its own (accounts, health, pairing's guests).
PUBLIC = {"healthz", "readyz", "metrics", "sign-in", "sign-out", "first-run", "invitation"}

PEOPLE = {
    "people": Rights(ADMIN),
    "person-add": Rights(NOBODY, ADMIN),
    "person-role": Rights(NOBODY, ADMIN),
    "person-active": Rights(NOBODY, ADMIN),
    "person-password": Rights(NOBODY, ADMIN),
    "password": Rights(SIGNED_IN, SIGNED_IN),
    "activity": Rights(ADMIN),
    "palette": Rights(SIGNED_IN),
}
LABS = {
    "labs": Rights(SIGNED_IN),
    "lab-cards": Rights(SIGNED_IN),
    "lab-new": Rights(MAKE, MAKE),
    "lab-new-made": Rights(MAKE),
    **dict.fromkeys(("lab", "lab-head", "lab-machines", "lab-run", "lab-history"), Rights(SEE)),
    "lab-destroy": Rights(OWNER),
    "lab-verb": Rights(NOBODY, OPERATE),
    "lab-guest-add": Rights(NOBODY, OWNER),
    "lab-member-remove": Rights(NOBODY, OWNER),
    **dict.fromkeys(("run", "run-head", "run-steps"), Rights(SEE)),
    "run-cancel": Rights(NOBODY, OPERATE),
    "run-retry": Rights(NOBODY, OPERATE),
    **dict.fromkeys(("log-lines", "log-search", "log-raw", "log-outline", "log-findings"), Rights(SEE)),
}
HOSTS = {
    **dict.fromkeys(("hosts", "host-cards", "host", "host-facts"), Rights(SITE)),
    "host-inspect": Rights(NOBODY, MAKE),
}
DEFINITIONS = {
    **dict.fromkeys(("definitions", "definition", "definition-export", "definition-compare"), Rights(SITE)),
    "definition-new": Rights(MAKE, MAKE),
    "definition-import": Rights(NOBODY, MAKE),
    "definition-check": Rights(NOBODY, SITE),
    "definition-edit": Rights(OWNER, OWNER),
    "definition-archive": Rights(NOBODY, OWNER),
}
BUILDS = {
    **dict.fromkeys(("builds", "build-rows", "build", "build-head", "build-results"), Rights(SITE)),
    **dict.fromkeys(("artifact", "artifact-download", "components", "follows"), Rights(SITE)),
    "build-new": Rights(MAKE, MAKE),
    "build-new-resolved": Rights(MAKE),
    "artifact-inject": Rights(SITE, OPERATE),
    **dict.fromkeys(
        (
            "build-fetch",
            "build-cancel",
            "build-again",
            "artifact-upload",
            "artifact-keep",
            "component-add",
            "follow-add",
            "follow-stop",
        ),
        Rights(NOBODY, MAKE),
    ),
    "component-remove": Rights(NOBODY, OWNER),
    "follow-inject": Rights(NOBODY, OWNER),
    **dict.fromkeys(("bisects", "bisect", "bisect-trials"), Rights(SITE)),
    "bisect-new": Rights(MAKE, MAKE),
    "bisect-cancel": Rights(NOBODY, OPERATE),
}
BINARIES = {
    **dict.fromkeys(("binaries", "binary-panels", "binary-alarm"), Rights(SEE)),
    "choose-binary": Rights(OPERATE, OPERATE),
    "injection-roll-back": Rights(NOBODY, OPERATE),
}
SHELLS = {
    **dict.fromkeys(("shells", "shell-tabs", "recording", "recording-cast"), Rights(SEE)),
    "shell-open": Rights(NOBODY, TYPE),
    "shell-close": Rights(NOBODY, OWNER),  # its opener's
    "shell-baton": Rights(NOBODY, TYPE),
    "shell-record": Rights(NOBODY, OWNER),
    "shell-files": Rights(TYPE, TYPE),
    "recording-delete": Rights(NOBODY, OWNER),
}
PAIRINGS = {
    "all-pairings": Rights(SIGNED_IN),
    "my-pairings": Rights(SITE),
    **dict.fromkeys(("pairings", "pairing-panel", "pairing-chip", "pairing", "pairing-head"), Rights(SEE)),
    **dict.fromkeys(("pairing-people", "pairing-summary", "pairing-history"), Rights(SEE)),
    "pairing-new": Rights(OPERATE, OPERATE),
    "pairing-start": Rights(NOBODY, OPERATE),
    "pairing-join": Rights(NOBODY, TALK),
    "pairing-leave": Rights(NOBODY, SEE),
    "pairing-end": Rights(NOBODY, OWNER),
    "pairing-shell-open": Rights(NOBODY, TYPE),
    **dict.fromkeys(("pairing-invite", "pairing-revoke", "pairing-remove"), Rights(NOBODY, OWNER)),
    "pairing-chat": Rights(SEE, TALK),
    "pairing-notes": Rights(SEE, TYPE),
    "pairing-note": Rights(NOBODY, TYPE),
    "pairing-quote": Rights(NOBODY, TYPE),
}


def cluster(prefix: str, see: Roles, change: Roles) -> dict[str, Rights]:
    """The same pages below a lab and below an attached cluster."""
    seen = (
        "ladder", "ladder-grid", "services", "service-tables", "network", "network-facts", "logs", "log-view",
        "log-head", "workloads", "workload-rows", "connectivity", "connectivity-cells", "readiness",
        "readiness-rows", "readiness-report", "bundle", "bundle-state", "bundle-download",
    )  # fmt: skip
    changed = (
        "log-stop", "workload-apply", "workload-own", "workload-remove", "errand-cancel",
        "connectivity-start", "readiness-start", "readiness-upload", "bundle-start",
    )  # fmt: skip
    both = {name: Rights(see) for name in seen} | {name: Rights(NOBODY, change) for name in changed}
    both |= {"fix": Rights(see, change), "log": Rights(see, change)}
    return {f"{prefix}-{name}": rights for name, rights in both.items()}


CLUSTERS = {
    **cluster("cluster", SEE, OPERATE),
    **cluster("attached", SITE, OWNER),
    "attached-clusters": Rights(SITE),
    "attached-rows": Rights(SITE),
    "attach-cluster": Rights(MAKE, MAKE),
    "attach-machines": Rights(NOBODY, MAKE),
    "attached-machines": Rights(SITE, OWNER),
    "attached-machine-remove": Rights(NOBODY, OWNER),
    "detach-cluster": Rights(OWNER, OWNER),
}
GROUPS = {
    "people": PEOPLE,
    "labs": LABS,
    "hosts": HOSTS,
    "definitions": DEFINITIONS,
    "builds": BUILDS,
    "binaries": BINARIES,
    "shells": SHELLS,
    "pairings": PAIRINGS,
    "clusters": CLUSTERS,
}
TABLE: dict[str, Rights] = {name: rights for group in GROUPS.values() for name, rights in group.items()}
