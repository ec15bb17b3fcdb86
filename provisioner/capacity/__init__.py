"""Will a class fit: what its students may use, weighed against what there is.

Nothing here does I/O, and nothing here knows what a place is. The namespace backend fills a
`Room` with nodes and a `Need` with a quota; one with machines would fill them with hosts and
what a student's cluster takes.
"""

from .need import Demand, Need, need_of
from .room import Amounts, Place, Room
from .weigh import MOST, Answer, Line, weigh

__all__ = [
    "MOST",
    "Amounts",
    "Answer",
    "Demand",
    "Line",
    "Need",
    "Place",
    "Room",
    "need_of",
    "weigh",
]
