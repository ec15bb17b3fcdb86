"""Amounts are what the API server takes them for, not how they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("2", "2"),
        ("+2", "2"),
        ("-2", "-2"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("100n", "0.0000001"),
        ("100u", "0.0001"),
        ("500m", "0.5"),
        ("3k", "3000"),
        ("3M", "3000000"),
        ("3G", "3000000000"),
        ("3T", "3000000000000"),
        ("3P", "3000000000000000"),
        ("3E", "3000000000000000000"),
        ("1Ki", "1024"),
        ("1Mi", "1048576"),
        ("1.5Gi", "1610612736"),
        ("1Ti", "1099511627776"),
        ("1Pi", "1125899906842624"),
        ("1Ei", "1152921504606846976"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("12e-1", "1.2"),
        ("1e+2", "100"),
        ("0.1n", "0.000000001"),
    ],
)
def test_every_suffix_is_read(text, amount):
    assert quantity.parse(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        "Gi",
        ".",
        "1 Gi",
        " 1",
        "1\n",
        "1GB",
        "1K",
        "1ki",
        "1gi",
        "1Mib",
        "1mi",
        "1e",
        "1e1.5",
        "1e309",
        "0x10",
        "1_000",
        "1,5",
        "nan",
        "inf",
        "--1",
        "٣",
        "１",
        "9" * 41,
    ],
)
def test_what_is_no_quantity_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="is no Kubernetes quantity") as caught:
        quantity.parse(text)

    assert str(caught.value) == "is no Kubernetes quantity, such as 500m, 2 or 4Gi"


@pytest.mark.parametrize(
    ("one", "other"),
    [("1000m", "1"), ("1Gi", "1024Mi"), ("1e3", "1k"), ("0.5", "500m"), ("0", "0Gi")],
)
def test_two_spellings_of_one_amount_are_the_same(one, other):
    assert quantity.same(one, other)


@pytest.mark.parametrize(("one", "other"), [("1G", "1Gi"), ("1m", "1M"), ("1", "-1")])
def test_two_amounts_are_not_the_same(one, other):
    assert not quantity.same(one, other)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_refused(text):
    try:
        amount = quantity.parse(text)
    except ValueError:
        return

    assert amount.is_finite()


@pytest.mark.parametrize(
    ("amount", "binary", "down", "up"),
    [
        ("0", False, "0", "0"),
        ("2", False, "2", "2"),
        ("1.5", False, "1.5", "1.5"),
        ("100", False, "100", "100"),
        ("0.33333", False, "0.333", "0.334"),
        ("0", True, "0", "0"),
        ("1023", True, "1023", "1023"),
        ("1024", True, "1Ki", "1Ki"),
        ("10737418240", True, "10Gi", "10Gi"),
        ("1100000000000", True, "1Ti", "1.1Ti"),
    ],
)
def test_an_amount_is_written_shortly_and_never_says_more_than_there_is(amount, binary, down, up):
    amount = Decimal(amount)

    assert quantity.written(amount, binary=binary) == down
    assert quantity.written(amount, binary=binary, up=True) == up
    assert quantity.parse(down) <= amount <= quantity.parse(up)
