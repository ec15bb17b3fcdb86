"""Whether a line that somebody handed in is an SSH public key and nothing else."""

from __future__ import annotations

import base64
import binascii
import re

KEY = re.compile(r"(ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9-]+@openssh\.com)"
                 r" ([A-Za-z0-9+/]+={0,2})(?: [^\r\n]*)?")  # fmt: skip


def usable_keys(lines: list[str]) -> tuple[list[str], list[str]]:
    """Tell a student's real public keys from what only looks like one."""
    usable, problems = [], []
    for position, line in enumerate(lines, start=1):
        if is_public_key(line):
            usable.append(line.strip())
        else:
            # Not what it is: it may be the private half.
            problems.append(f"SSH key {position} is no public key; it was left out")
    return usable, problems


def is_public_key(line: str) -> bool:
    """Say whether a line is one public key without options, and holds what it says."""
    found = KEY.fullmatch(line.strip())
    if not found:
        return False
    try:
        blob = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return False
    kind = found[1].encode()
    return blob.startswith(len(kind).to_bytes(4, "big") + kind) and len(blob) > len(kind) + 20
