"""Kubernetes quantities (``500m``, ``4Gi``, ``1e3``), read as the API server reads them.

Two spellings of one amount are the same amount: ``1000m`` is ``1`` and ``1Gi`` is
``1024Mi``. A plan that compared the text would find a change in every quota.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_UP, Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_POWERS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{letter: Decimal(10) ** (3 * place) for place, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(2) ** (10 * place) for place, letter in enumerate("KMGTPE", 1)},
}
_FINEST = Decimal("1e-9")
_LONGEST = 40  # characters; the API server's own numbers have 19 digits


def parse(text: str) -> Decimal:
    """Return the amount that a quantity stands for; finer than nano is rounded up.

    >>> parse("500m"), parse("4Ki"), parse("1e3")
    (Decimal('0.500'), Decimal('4096'), Decimal('1000'))

    Raises:
        ValueError: If the text is no Kubernetes quantity. It does not repeat the text.
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError("is no Kubernetes quantity, such as 500m, 2 or 4Gi")
    suffix = match["suffix"] or ""
    power = _POWERS.get(suffix)
    if power is None:
        power = Decimal(10) ** int(suffix[1:])
    amount = Decimal(match["number"]) * power
    finest = amount.quantize(_FINEST, rounding=ROUND_UP) if abs(amount) < 1 else amount
    return amount if finest == amount else finest


def same(one: str, other: str) -> bool:
    """Say whether two quantities are one amount, however they are written.

    >>> same("1000m", "1"), same("1G", "1Gi")
    (True, False)

    Raises:
        ValueError: If one of them is no Kubernetes quantity.
    """
    return parse(one) == parse(other)


def written(amount: Decimal, *, binary: bool, up: bool = False) -> str:
    """Write an amount shortly, as people and Kubernetes read it.

    Args:
        amount: How much.
        binary: Whether it is bytes.
        up: Round up; else it says no more than there is.

    >>> written(Decimal("1.5"), binary=False), written(Decimal(2) ** 31, binary=True)
    ('1.5', '2Gi')
    """
    suffix, finest = "", Decimal("0.001")
    if binary:
        sizes = [
            letter for letter in ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei") if amount >= _POWERS[letter]
        ]
        suffix, finest = (sizes[-1], Decimal("0.1")) if sizes else ("", Decimal(1))
    number = (amount / _POWERS[suffix]).quantize(finest, ROUND_UP if up else ROUND_DOWN)
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
