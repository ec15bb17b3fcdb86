"""Pack lists of objects into a stream of bytes, one object at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import yaml

from .. import names
from ..manifest import COHORT, PREFIX, Manifest
from ..manifest.yaml_text import Dumper
from .contents import (
    OURS,
    OWN,
    VOLUMES,
    WHOLE_CLUSTER,
    About,
    Contents,
    LeftOut,
    Listed,
    Volume,
    parse,
    part_of,
)
from .stream import compressed

FILE = "manifest.json"
PART = 16 << 20
"""Bytes of a volume's content that are held at a time, and make one member."""

LONGEST = 240
"""Bytes of a file name, less than the 255 that file systems take; an object's name has 253."""

TOKENS = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
VOLUME = "the content of the volume is not included, only the claim"
COURSES = "it is the course's data, which every student could read and which stays where it is"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list as it comes from the cluster: its items are read while they are packed."""

    namespace: str
    type: str
    resource_version: str
    items: Iterable[Manifest] = field(repr=False, default=())
    skipped: int = 0
    """Objects that are counted and not read."""

    why: str = ""
    """Why they are not read."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What one volume holds, as it comes from the cluster: read while it is packed."""

    namespace: str
    claim: str
    pieces: Iterable[bytes] = field(repr=False)
    """A tar file."""


def pack(
    about: About,
    listings: Iterable[Listing],
    volumes: Sequence[Content] = (),
    reasons: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Iterator[bytes]:
    """Yield an archive in plain, piece by piece; nothing of it is kept but the sums.

    Args:
        about: What the archive is of.
        listings: Every list of the student's namespaces, empty ones too.
        volumes: What claims among them hold, where that can be had.
        reasons: Why it cannot of others, by namespace and claim.
    """
    tally = _Tally(about, frozenset((one.namespace, one.claim) for one in volumes), reasons)
    yield from compressed(_members(tally, listings, volumes), about.time)


def own_part(members: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the student's own copy of an archive, in plain, piece by piece.

    Args:
        members: Path and content of each, the manifest last.
    """
    yield from compressed(_own_members(members), "")


class _Tally:
    """What a manifest will say, counted while the members go by."""

    def __init__(
        self,
        about: About,
        with_content: frozenset[tuple[str, str]],
        reasons: Mapping[tuple[str, str], str],
    ) -> None:
        self.about, self.reasons = about, reasons
        self.with_content = with_content
        """Claims whose volume's content is in the archive, by namespace and name."""

        self.volumes: list[Volume] = []
        self.files: dict[str, str] = {}
        self.lists: list[Listed] = []
        self.left_out: list[LeftOut] = []

    def contents(self) -> Contents:
        return Contents(
            about=self.about,
            lists=tuple(sorted(self.lists)),
            files=self.files,
            left_out=tuple(sorted(self.left_out)),
            volumes=tuple(sorted(self.volumes)),
        )


def _members(
    tally: _Tally, listings: Iterable[Listing], volumes: Iterable[Content]
) -> Iterator[tuple[str, bytes]]:
    for listing in listings:
        count = listing.skipped
        if listing.skipped:
            tally.left_out.append(_left(listing, "", listing.skipped, listing.why))
        for item in listing.items:
            count += 1
            yield from _member(tally, listing, item)
        tally.lists.append(
            Listed(
                namespace=listing.namespace or WHOLE_CLUSTER,
                type=listing.type,
                count=count,
                resource_version=listing.resource_version,
            )
        )
    for volume in volumes:
        yield from _parts(tally, volume)
    yield FILE, tally.contents().encoded()


def _parts(tally: _Tally, volume: Content) -> Iterator[tuple[str, bytes]]:
    whole, size, parts = hashlib.sha256(), 0, 0
    for part in _cut(volume.pieces):
        path = part_of(volume.namespace, volume.claim, parts)
        tally.files[path] = hashlib.sha256(part).hexdigest()
        whole.update(part)
        size, parts = size + len(part), parts + 1
        yield path, part
    tally.volumes.append(
        Volume(
            namespace=volume.namespace,
            claim=volume.claim,
            size=size,
            sha256=whole.hexdigest(),
            parts=parts,
        )
    )


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in parts of one size."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= PART:
            yield bytes(rest[:PART])
            del rest[:PART]
    if rest:
        yield bytes(rest)


def _member(tally: _Tally, listing: Listing, item: Manifest) -> Iterator[tuple[str, bytes]]:
    name = item["metadata"]["name"]
    if why := _why_left_out(listing.type, item):
        tally.left_out.append(_left(listing, name, 1, why))
        return
    is_claim = listing.type == "persistentvolumeclaims"
    if is_claim and (listing.namespace, name) not in tally.with_content:
        why = COURSES if _is_ours(item) else tally.reasons.get((listing.namespace, name), "")
        tally.left_out.append(_left(listing, name, 0, _volume(item) + (f"; {why}" if why else "")))
    content = _text(item)
    path = _path(listing, item)
    tally.files[path] = hashlib.sha256(content).hexdigest()
    yield path, content


def _left(listing: Listing, name: str, count: int, why: str) -> LeftOut:
    return LeftOut(
        namespace=listing.namespace or WHOLE_CLUSTER,
        type=listing.type,
        name=name,
        count=count,
        why=why,
    )


def _why_left_out(type: str, item: Manifest) -> str:
    """Say why an object is not to be kept: Secrets that are no student's work."""
    if type != "secrets":
        return ""
    if item.get("type") in TOKENS:
        return "a token of the cluster, which is dead without its account"
    if _is_ours(item) or str(item.get("type", "")).startswith(PREFIX):
        return "a Secret of the course, not of the student"
    return ""


def _volume(claim: Manifest) -> str:
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "?")
    size = (status.get("capacity") or {}).get("storage", asked)
    return f"{VOLUME}: {size}, volume {spec.get('volumeName') or 'not bound'}"


def _path(listing: Listing, item: Manifest) -> str:
    root = OURS if _is_ours(item) else OWN
    name = item["metadata"]["name"]
    if len(name) > LONGEST:
        name = names.join(name)  # hashed, since it does not fit
    return f"{root}/{listing.namespace or WHOLE_CLUSTER}/{listing.type}/{name}.yaml"


def _is_ours(item: Manifest) -> bool:
    return COHORT in (item["metadata"].get("labels") or {})


def _text(item: Manifest) -> bytes:
    plain = {key: item[key] for key in ("apiVersion", "kind", "metadata") if key in item}
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    text: str = yaml.dump(
        plain | {"metadata": metadata} | {k: v for k, v in item.items() if k not in plain},
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=200,
    )
    return text.encode()


def _own_members(members: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for path, content in members:
        if path == FILE:
            yield FILE, parse(content).own().encoded()
        elif path.startswith((f"{OWN}/", f"{VOLUMES}/")):
            yield path, content
