"""The ledger of formulas in SymPy: each can be shown, derived step by step, proved, and computed.

    from diffenc_lite.course import ledger

    print(ledger.F3)                      # what it says, assumes, and is proved from
    ledger.show("F3")                     # the statement and every entry of its derivation
    ledger.F3["bayes"]                    # one entry; ledger.F3.steps has the names of all
    ledger.F3.prove()                     # raises ProofError if a step does not follow
    mean = ledger.F3.lambdify("mean")

A claim of your own is made of the symbols in `ledger.notation` and of those of the row, or text:

    ledger.F3.prove({"variance": "sigma_s^2"})    # Wrong, for example at gamma_s = ...
    ledger.W1.symbols["m"]                        # name -> symbol, all that a claim may use

Of each form it computes, from all that it rests on, whether it is proved, from which laws and
supposing what, defined (a choice), or argued (in words); and which rows and forms it rests on:

    ledger.L4.told["loss"]                # "argued: the limit of the sum over steps and ..."
    ledger.L4.rests_on                    # the rows that it uses
    print(ledger.laws())                  # laws, their instances; what is supposed; definitions
"""

from . import notation
from .bound import L0, L2
from .change_of_output import X6
from .cheapest_grid import W4
from .checking import Loose, ProofError, Undecided, Wrong, linear
from .counterterm import G5
from .depth import L3, L4
from .encoders import E1, E2, E3
from .exact_worlds import X2, X3
from .finer_ratios import W5, W6, W7
from .gaussian import KL
from .generation import G1, G2, G3, G4
from .judge import Unclear
from .laws import Laws
from .processes import F1, F2, F3
from .row import WORDS, Closed, Derivation, Line, Row, weakest
from .three_terms import L1
from .variance_ratio import W1, W2, W1c
from .weights import W3
from .what_encoders_buy import X4, X5, X7

ROWS = (
    KL, F1, F2, F3, G1, G2, G3, G4, G5, E1, E2, E3, L0, L1, L2, L3, L4,
    W1, W1c, W2, W3, W4, W5, W6, W7, X2, X3, X4, X5, X6, X7,
)
LEDGER: dict[str, Row] = {row.tag: row for row in ROWS}
TAGS = tuple(LEDGER)


def show(tag: str) -> Derivation:
    """The statement of one row, every entry of its derivation, and what is proved of it.

    Raises KeyError, with the tags there are, if there is no such row.
    """
    if tag not in LEDGER:
        raise KeyError(f"tag must be one of {', '.join(TAGS)}; got {tag!r}")
    return Derivation(LEDGER[tag], LEDGER[tag].prove())


def laws() -> Laws:
    """Every law that the ledger uses, with its instances; its definitions; and what is argued."""
    return Laws(ROWS)


__all__ = [
    "LEDGER", "TAGS", "WORDS", "Closed", "Derivation", "Laws", "Line", "Loose", "ProofError",
    "Row", "Unclear", "Undecided", "Wrong", "laws", "linear", "notation", "show", "weakest", *TAGS,
]
