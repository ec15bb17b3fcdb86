"""What other programs say is kept without what opens something."""

from __future__ import annotations

import base64
import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import shell
from provisioner.errors import ToolError
from provisioner.redaction import MARK, RedactedStream, redact

PEM = "\n".join(
    ["-----BEGIN EC PRIVATE KEY-----", "c2VjcmV0LXNlY3JldA==" * 3, "-----END EC PRIVATE KEY-----"]
)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzMSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

SECRETS = {
    "a bearer token": ("Authorization: Bearer opaque-1234 x", "opaque-1234"),
    "a JSON web token": (f"got {TOKEN}, refused", TOKEN),
    "its signature": (f"got {TOKEN}", TOKEN.rsplit(".", 1)[1]),
    "a private key": (f"cannot parse:\n{PEM}\nend", "c2VjcmV0LXNlY3JldA=="),
    "half a private key": (f"cannot parse:\n{PEM[:60]}", "c2VjcmV0"),
    "a private key within JSON": (f"{ascii(PEM)[1:-1]!r}", "c2VjcmV0LXNlY3JldA=="),
    "a private key in base64": (base64.b64encode(PEM.encode()).decode(),) * 2,
    "an age key": ("AGE-SECRET-KEY-1QYQSZQGPQYQSZ", "1QYQSZ"),
    "an age key in small letters": ("age-secret-key-1qyqszqgpqyqsz", "1qyqsz"),
    "a token in a kubeconfig": ('user: {"token": "0123456789abcdef"}', "0123456789abcdef"),
    "an escaped token": ('{\\"token\\":\\"0123456789abcdef\\"}', "0123456789abcdef"),
    "a password in a URL": ("https://ops:hunter2@proxy:3128/", "hunter2"),
    "a passphrase": ("passphrase=correct-horse-battery", "correct-horse"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_taken_out(text, secret):
    assert secret in text
    assert secret not in redact(text)
    assert MARK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "No token for s1: the account is gone",
        "incorrect passphrase, set PULUMI_CONFIG_PASSPHRASE_FILE to the file",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "age1qyqszqgpqyqszqgpqyqszqgp is its recipient",
        "GET https://127.0.0.1:6443/api/v1/namespaces?limit=500",
        "token: expired",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


def test_text_around_a_secret_stays():
    assert redact(f"before\n{PEM}\nafter") == f"before\n{MARK}\nafter"


@given(st.lists(st.integers(1, 30)))
def test_a_stream_hides_a_secret_however_it_is_cut(sizes):
    text, below = f"one\n{PEM}\ntwo {TOKEN}\nthree", io.StringIO()
    stream = RedactedStream(below)
    for size in sizes:
        stream.write(text[:size])
        stream.flush()
        text = text[size:]
    stream.write(text)
    stream.close()

    assert below.getvalue() == f"one\n{MARK}\ntwo {MARK}\nthree"


def test_a_line_is_written_when_it_ends():
    below = io.StringIO()
    stream = RedactedStream(below)
    stream.write("one\ntw")

    assert below.getvalue() == "one\n"


def test_what_a_failed_program_wrote_is_redacted():
    with pytest.raises(ToolError) as caught:
        shell.run("sh", "-c", f"echo refused {TOKEN} >&2; exit 1", env={"PATH": "/usr/bin:/bin"})

    assert caught.value.details == f"refused {MARK}"


def test_the_log_of_a_command_is_redacted():
    from provisioner.cli.verbose import _Redacted

    record = logging.LogRecord("x", logging.DEBUG, "", 0, "sent %s", (TOKEN,), None)

    assert _Redacted("%(name)s: %(message)s").format(record) == f"x: sent {MARK}"
