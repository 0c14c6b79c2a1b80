"""The ledger of formulas in SymPy: each can be shown, derived step by step, proved, and computed.

    from diffenc_lite.course import ledger

    ledger.show("F3")                     # the statement and every step of its derivation
    steps = ledger.LEDGER["F3"].derive()  # next(steps): one step for each cell
    ledger.LEDGER["F3"].prove()           # raises ProofError if the formula is wrong
    mean = ledger.LEDGER["F3"].lambdify("mean")

Claims of your own are made of the symbols in `ledger.notation`:

    from diffenc_lite.course.ledger.notation import sigma_s
    ledger.LEDGER["F3"].prove({"variance": sigma_s**2})  # ProofError: what is wrong with that
"""

from . import notation
from ._identity import Derivation, Identity, Proof, ProofError, Step
from .bound import L0, L1, L2
from .depth import L3, L4
from .encoders import E1, E2, E3
from .gaussian import KL
from .generation import G1, G2, G3, G4
from .processes import F1, F2, F3
from .variance_ratio import W1, W2, W3, W5
from .worlds import X4, X6, X7

# fmt: off
TAGS = (
    "KL", "F1", "F2", "F3", "G1", "G2", "G3", "G4", "E1", "E2", "E3", "L0", "L1", "L2", "L3", "L4",
    "W1", "W2", "W3", "W5", "X4", "X6", "X7",
)
ROWS = (
    KL, F1, F2, F3, G1, G2, G3, G4, E1, E2, E3, L0, L1, L2, L3, L4, W1, W2, W3, W5, X4, X6, X7,
)
# fmt: on
LEDGER: dict[str, Identity] = {row.tag: row for row in ROWS}


def show(tag: str) -> Derivation:
    """The statement of one row, every step of its derivation, and that it is proved.

    Raises KeyError, with the tags there are, if there is no such row.
    """
    if tag not in LEDGER:
        raise KeyError(f"tag must be one of {', '.join(TAGS)}; got {tag!r}")
    return LEDGER[tag].show()


def prove_all() -> dict[str, Proof]:
    """Prove every row, in the order of the ledger. Raises ProofError at the first that fails."""
    return {tag: row.prove() for tag, row in LEDGER.items()}


__all__ = [
    "LEDGER",
    "TAGS",
    "Derivation",
    "Identity",
    "Proof",
    "ProofError",
    "Step",
    "notation",
    "prove_all",
    "show",
    *TAGS,
]
