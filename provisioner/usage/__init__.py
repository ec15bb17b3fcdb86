"""What students used over a term: samples, kept in a small file, and what they cost.

An hour in which a sample was taken is *known*, and its use is the mean of its samples.
An hour without one is unknown: it is never counted as nothing, and never guessed.
"""

from typing import TYPE_CHECKING

from .. import late

if TYPE_CHECKING:  # what keeps a sample on the way of an `up` makes no account
    from .accounting import Day, StudentUse, Subject, Usage, account
    from .prices import NO_PRICES, Prices, load_prices
    from .rollup import Row, Taken
    from .sample import MEASURES, Sample, sample_of
    from .store import Store

__all__ = [
    "MEASURES",
    "NO_PRICES",
    "Day",
    "Prices",
    "Row",
    "Sample",
    "Store",
    "StudentUse",
    "Subject",
    "Taken",
    "Usage",
    "account",
    "load_prices",
    "sample_of",
]

__getattr__ = late.parts(
    __name__,
    {
        "accounting": "Day, StudentUse, Subject, Usage, account",
        "prices": "NO_PRICES, Prices, load_prices",
        "rollup": "Row, Taken",
        "sample": "MEASURES, Sample, sample_of",
        "store": "Store",
    },
)
