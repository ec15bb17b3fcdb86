"""What an hour of each thing costs, as the one who runs the cluster says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

from ..cohort import yaml_file
from ..errors import InputError, Problem

MONTH_HOURS = Decimal(730)
"""Hours of the month that clouds reckon with: 8760 / 12."""

GIB = Decimal(2**30)

_PRICE = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of what is reserved; what is not named costs nothing."""

    currency: str = ""
    """Three letters, such as EUR; empty where no prices were given."""

    cpu_hour: Decimal = Decimal(0)
    """Of one core for an hour."""

    memory_gib_hour: Decimal = Decimal(0)
    storage_gib_month: Decimal = Decimal(0)
    """Of a GiB of volumes for 730 hours."""

    gpu_hour: Decimal = Decimal(0)

    @property
    def given(self) -> bool:
        """Whether there are prices: without them nothing is said of cost."""
        return bool(self.currency)


NO_PRICES = Prices()


def load_prices(path: Path) -> Prices:
    """Read a file of prices.

    Raises:
        InputError: If it cannot be read, or has mistakes; it lists all of them.
    """
    document = yaml_file.read(path)
    said = document.value if isinstance(document.value, dict) else {}
    known = [field.name for field in fields(Prices)]
    problems = [
        Problem(_where(path, document, key), f"there is no key `{key}`", f"take one of {known}")
        for key in said
        if key not in known
    ]
    if not _CURRENCY.fullmatch(str(said.get("currency") or "")):
        where = _where(path, document, "currency")
        problems.append(Problem(where, "`currency` must be three letters", "write EUR, or USD"))
    for key in known[1:]:
        if key in said and not _PRICE.fullmatch(str(said[key])):
            where = _where(path, document, key)
            problems.append(Problem(where, f"`{key}` is no price", "write it as 0.025"))
    if problems:
        raise InputError(f"{path} has {len(problems)} mistake(s).", problems=sorted(problems))
    amounts = {key: Decimal(str(said[key])) for key in known[1:] if key in said}
    return Prices(currency=str(said["currency"]), **amounts)


def _where(path: Path, document: yaml_file.Document, key: str) -> str:
    line, column = document.keys.get((key,), (1, 1))
    return f"{path}:{line}:{column}"


def cost(prices: Prices, amounts: dict[str, float]) -> Decimal:
    """Return what unit-hours cost, to the cent of a cent.

    Args:
        prices: The prices.
        amounts: Core-hours, byte-hours and device-hours by measure.
    """
    used = {measure: Decimal(repr(amount)) for measure, amount in amounts.items()}
    whole = (
        used["cpu"] * prices.cpu_hour
        + used["memory"] / GIB * prices.memory_gib_hour
        + used["storage"] / GIB / MONTH_HOURS * prices.storage_gib_month
        + used["gpu"] * prices.gpu_hour
    )
    return whole.quantize(Decimal("0.0001"))
