"""Whether a passphrase is the one that a saved state was made with, before a run needs it.

Pulumi's passphrase provider keeps one encrypted word in each state, to try a passphrase on.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode

from .state import Saved

ROUNDS = 1_000_000
KEY_BYTES = 32


def opens(saved: Saved, passphrase: str) -> bool:
    """Say whether a passphrase opens what a state has encrypted; a state that says nothing is open.

    It takes some tenths of a second: the key is derived slowly on purpose.
    """
    provider = saved.deployment.get("secrets_providers") or {}
    if provider.get("type") != "passphrase":
        return True
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        _, salt, _, nonce, word = str(provider["state"]["salt"]).split(":")
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), b64decode(salt), ROUNDS, KEY_BYTES)
        AESGCM(key).decrypt(b64decode(nonce), b64decode(word), None)
    except InvalidTag:
        return False
    except (KeyError, TypeError, ValueError):
        return True  # a later form, which Pulumi itself will judge
    return True
