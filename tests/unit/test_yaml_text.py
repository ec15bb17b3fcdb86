"""What is written for people's own tools is read by them as it was meant."""

from __future__ import annotations

import pytest
import yaml

from provisioner.archive import packing
from provisioner.manifest.yaml_text import as_yaml

TAKEN_OTHERWISE = ["08", "09", "1e5", "61e05", ".5", "5.", "-3", "0o17", "y", "N", "no", "1_000"]
"""Texts that some reader of YAML takes for a number or a truth; 08 is the eighth wave."""


@pytest.mark.parametrize("text", TAKEN_OTHERWISE)
def test_a_text_stays_a_text_to_every_reader(text):
    written = as_yaml([{"value": text}])

    assert written.strip() in (f"value: '{text}'", f'value: "{text}"')
    assert yaml.safe_load(written) == {"value": text}


@pytest.mark.parametrize("value", [8, 1.5, True, None, "100m", "10.0.0.0/8", "a", [], {}])
def test_what_is_no_such_text_is_written_as_it_is(value):
    written = as_yaml([{"value": value}])

    assert "'" not in written
    assert yaml.safe_load(written) == {"value": value}


def test_an_archived_object_can_be_applied_by_hand():
    labels = {"practicum.dev/wave": "08"}
    object = {"kind": "Namespace", "metadata": {"name": "a", "labels": labels}}

    assert b"practicum.dev/wave: '08'" in packing._text(object)
