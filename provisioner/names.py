"""Names for things in a cluster: always valid, and never one name for two students.

* A name is its parts joined with ``--`` (``mls26--ada``), or, where that would not be
  valid, what is left of it plus ``---`` and a hash of the parts as they were typed.
* The two forms cannot meet: a plain part never holds ``--``, so a plain name never
  holds ``---``. Only the last of several parts may be in the hashed form already,
  and then ``--`` before it tells the name from a hashed one.
* A student's name is short enough for a namespace with any cohort's name before it.

A name that a student has is kept in ``students.json`` and never worked out again.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Container

MAX_LENGTH = 63
"""A DNS label, RFC 1123: the longest name of a namespace, and of most that is in one."""

MAX_STUDENT = 31
"""The longest name of a student."""

MAX_CLUSTER = 50
"""The longest name of a kind cluster: kind's own limit."""

MAX_GROUP = MAX_STUDENT - len("group--")
"""The longest title of a group that is its name too: a group's is as short as a student's."""

MAX_COHORT = 30
"""The longest name of a cohort: with ``--`` and a student it fills a DNS label."""

RESERVED = frozenset({"default", "identity", "labs"})
"""Names that belong to Kubernetes or to us, whatever stands in a roster."""

SCRATCH_USERS = ("own", "neighbour", "revoked")
"""Whom a verification acts as, beside the students."""

RESERVED_PREFIXES = ("kube-", "openshift-", "practicum")

_HASH_LENGTH = 12  # base32: 60 bits, far from a chance meeting even of a million ids
_PLAIN = re.compile(r"[a-z](-?[a-z0-9])*")
_HASHED = re.compile(rf"[a-z](-?[a-z0-9])*---[a-z2-7]{{{_HASH_LENGTH}}}")
_DIGITS = re.compile(r"[0-9]+")  # not \d, which takes the digits of every script
_MADE_FROM_DIGITS = re.compile(r"s[0-9]+")
_COHORT = re.compile(r"[a-z](-?[a-z0-9])*")
_CLUSTER = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_OTHER = re.compile(r"[^a-z0-9]+")


def join(*parts: str) -> str:
    """Return one name for the parts, the same one every time.

    >>> join("mls26", "ada")
    'mls26--ada'
    >>> join("mls26", "Ada@example.org")
    'mls26-ada-example-org---yfgriguotbyb'
    """
    name = "--".join(parts)
    if len(name) <= MAX_LENGTH and _fits(parts):
        return name
    return _hashed(parts, MAX_LENGTH)


def student(id: str) -> str:
    """Return the name of a student, made from nothing but the id as it was typed.

    A number N becomes ``sN``, because Unix and YAML read a bare number as something
    else. An id that has that form already is hashed, so that the two cannot meet.

    >>> student("20261234")
    's20261234'
    >>> student("s20261234")
    's20261234---za6cil7lia2z'
    >>> student("ada")
    'ada'
    """
    return _short(id, MAX_STUDENT)


def another_student(id: str, taken: Container[str]) -> str:
    """Return a name for a student whose usual one is somebody else's by now.

    That happens when an id that was given up, by a correction, comes to somebody new.

    >>> another_student("ada", {"ada"})
    'ada-2---2lo56stirhog'
    """
    numbered = (_hashed((id, str(number)), MAX_STUDENT) for number in itertools.count(2))
    return next(name for name in numbered if name not in taken)


def namespace(cohort: str, student_name: str) -> str:
    """Return the namespace of one student in one cohort, given the student's *name*.

    >>> namespace("mls26", "s20261234")
    'mls26--s20261234'
    """
    return join(cohort, student_name)


def cluster(cohort: str, student_name: str) -> str:
    """Return the kind cluster of one student in one cohort, given the student's *name*.

    >>> cluster("mls26", "s20261234")
    'mls26--s20261234'
    >>> len(cluster("m" * 30, "s" * 31))
    50
    """
    name = join(cohort, student_name)
    return name if len(name) <= MAX_CLUSTER else _hashed((cohort, student_name), MAX_CLUSTER)


def is_cluster(name: str) -> bool:
    """Say whether a kind cluster could have this name from us.

    >>> is_cluster("mls26--ada"), is_cluster("Ada"), is_cluster("a" * 51)
    (True, False, False)
    """
    return len(name) <= MAX_CLUSTER and bool(_CLUSTER.fullmatch(name))


def assistant(name: str) -> str:
    """Return the account of an assistant, given the name that the cohort file has.

    >>> assistant("lee")
    'assistant--lee'
    """
    return join("assistant", student(name))


def scratch_user(cohort: str, which: str) -> str:
    """Return who a verification acts as where students have no account of ours.

    It has the prefix of no login, so that nobody at the school can be called so.

    >>> scratch_user("mls26", "own")
    'practicum-verify:mls26:own'
    """
    return f"practicum-verify:{cohort}:{which}"


def group(title: str) -> str:
    """Return the name of a group, given what the roster calls it.

    No student has such a name: theirs hold no ``--``, or three dashes and a hash.

    >>> group("alpha"), group("3")
    ('group--alpha', 'group--s3')
    """
    return join("group", _short(title, MAX_GROUP))


def group_namespace(cohort: str, title: str) -> str:
    """Return the namespace that a group shares, given what the roster calls it.

    >>> group_namespace("mls26", "alpha")
    'mls26--group--alpha'
    """
    return join(cohort, "group", _short(title, MAX_GROUP))


def is_group(name: str) -> bool:
    """Say whether a name is a group's and no student's.

    >>> is_group("group--alpha"), is_group("group"), is_group(student("group--alpha"))
    (True, False, False)
    """
    return name.startswith("group--") and not name.startswith("group---")


def identity_namespace(cohort: str) -> str:
    """Return the namespace of the cohort's service accounts, where no student works.

    >>> identity_namespace("mls26")
    'practicum-mls26'
    """
    return f"practicum-{cohort}"


def volume(namespace: str, name: str) -> str:
    """Return the PersistentVolume of one namespace's share in a course's data.

    No namespace holds a dot, so that no two have one name.

    >>> volume("mls26--ada", "datasets")
    'mls26--ada.datasets'
    """
    return f"{namespace}.{name}"


def is_own_namespace(cohort: str, namespace: str) -> bool:
    """Say whether a namespace has a name that only this cohort's have.

    >>> is_own_namespace("mls26", "mls26--ada"), is_own_namespace("mls26", "mls26")
    (True, False)
    """
    return namespace == identity_namespace(cohort) or namespace.startswith(f"{cohort}--")


def is_reserved(name: str) -> bool:
    """Say whether a name belongs to Kubernetes, to OpenShift or to Practicum itself.

    >>> is_reserved("kube-system"), is_reserved("ada")
    (True, False)
    """
    return name in RESERVED or name.startswith(RESERVED_PREFIXES)


def cohort_mistake(name: str) -> str | None:
    """Say in words why a cohort cannot have this name; None when it can.

    >>> cohort_mistake("mls26") is None
    True
    >>> cohort_mistake("labs")
    'this name is reserved'
    """
    if is_reserved(name):
        return "this name is reserved"
    if len(name) > MAX_COHORT:
        return f"a cohort's name has at most {MAX_COHORT} characters"
    if not _COHORT.fullmatch(name):
        return "a cohort's name is a-z, 0-9 and single dashes, and starts with a letter"
    return None


def _short(id: str, most: int) -> str:
    """Return the name that an id has among others of at most so many characters."""
    if _DIGITS.fullmatch(id) and len(id) < most:
        return f"s{id}"
    plain = _PLAIN.fullmatch(id) and len(id) <= most
    if plain and not _MADE_FROM_DIGITS.fullmatch(id) and not is_reserved(id):
        return id
    return _hashed((id,), most)


def _fits(parts: tuple[str, ...]) -> bool:
    """Say whether the parts can be told apart again in the plain form."""
    *front, last = parts
    if not all(_PLAIN.fullmatch(part) for part in front):
        return False
    hashed_already = bool(front) and _HASHED.fullmatch(last)
    return bool(_PLAIN.fullmatch(last) or hashed_already)


def _hashed(parts: tuple[str, ...], room: int) -> str:
    """Return the form that any text fits in; it is never a reserved name."""
    # 0xff never occurs in UTF-8, so ("ab", "c") and ("a", "bc") hash differently.
    raw = b"\xff".join(part.encode("utf-8", "surrogatepass") for part in parts)
    digest = base64.b32encode(hashlib.sha256(raw).digest()).decode().lower()
    stem = _OTHER.sub("-", "-".join(parts).lower()).strip("-")
    if not stem[:1].isalpha() or is_reserved(stem):
        stem = f"x-{stem}".rstrip("-")
    stem = stem[: room - _HASH_LENGTH - 3].rstrip("-")
    return f"{stem}---{digest[:_HASH_LENGTH]}"
