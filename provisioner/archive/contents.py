"""``manifest.json``: what an archive is of, what is in it, and what is not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

FORMAT, WITH_VOLUMES = 1, 2
"""The second has what volumes hold; who knows the first alone refuses it."""

OWN, OURS, VOLUMES = "objects", "practicum", "volumes"
"""First folder of a member's path: the student's, what Practicum made around it, or a part
of what a volume holds."""

WHOLE_CLUSTER = "-"
"""In place of a namespace, for what is in none: no namespace can be called so."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What an archive is of, known before anything is read."""

    cohort: str
    student: str
    """The id, as the roster has it."""

    generation: int
    """How often the student had joined; 0 where no record was left."""

    namespaces: Mapping[str, str]
    """Name and UID."""

    cluster: str
    """UID of the cluster's kube-system namespace."""

    kubernetes: str
    practicum: str
    time: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, order=True, kw_only=True)
class Listed:
    """One list that was read: of one type in one namespace."""

    namespace: str
    type: str
    """Plural and group, as in ``deployments.apps``."""

    count: int
    resource_version: str
    """At which the count holds; of this list alone."""


@dataclass(frozen=True, order=True, kw_only=True)
class LeftOut:
    """Something that is not in the archive."""

    namespace: str
    type: str
    name: str
    """Empty where all of the type is meant."""

    count: int
    """How many objects of the list it accounts for; 0 where the object itself is in."""

    why: str


@dataclass(frozen=True, order=True, kw_only=True)
class Volume:
    """What one volume held: a tar file, cut into parts."""

    namespace: str
    claim: str
    size: int
    """Bytes of the tar file."""

    sha256: str
    """Of the whole tar file."""

    parts: int

    def path(self, number: int) -> str:
        """Return where a part lies in the archive."""
        return part_of(self.namespace, self.claim, number)


def part_of(namespace: str, claim: str, number: int) -> str:
    """Return where a part of what a volume holds lies; their names sort as they follow."""
    return f"{VOLUMES}/{namespace}/{claim}/content.tar.{number:06}"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All that ``manifest.json`` says."""

    about: About
    lists: tuple[Listed, ...]
    files: Mapping[str, str] = field(repr=False)
    """sha256 of every other member, by path."""

    left_out: tuple[LeftOut, ...]
    volumes: tuple[Volume, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the document."""
        return {
            "format": WITH_VOLUMES if self.volumes else FORMAT,
            **asdict(self.about),
            "lists": [asdict(one) for one in self.lists],
            "files": dict(sorted(self.files.items())),
            "left_out": [asdict(one) for one in self.left_out],
            **({"volumes": [asdict(one) for one in self.volumes]} if self.volumes else {}),
        }

    def encoded(self) -> bytes:
        """Return the document as the archive holds it."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode()

    def own(self) -> Contents:
        """Return what a copy for the student says, which holds what is the student's alone."""
        ours = [path for path in self.files if path.startswith(f"{OURS}/")]
        left = Counter(tuple(path.split("/")[1:3]) for path in ours)
        why = "what the course set up is not in the student's own copy"
        return replace(
            self,
            files={path: digest for path, digest in self.files.items() if path not in set(ours)},
            left_out=(
                *self.left_out,
                *(
                    LeftOut(namespace=namespace, type=type, name="", count=count, why=why)
                    for (namespace, type), count in sorted(left.items())
                ),
            ),
        )

    def disagreements(self, found: Mapping[str, str]) -> Iterator[str]:
        """Yield in what an archive is not what its manifest says.

        Args:
            found: sha256 of every member but the manifest, by path, as it was read.
        """
        for path in sorted(self.files.keys() | found.keys()):
            if path not in found:
                yield f"{path} is missing"
            elif path not in self.files:
                yield f"{path} is in no list"
            elif self.files[path] != found[path]:
                yield f"{path} was changed"
        yield from self._counts()
        yield from self._parts()

    @property
    def objects(self) -> int:
        """How many objects are in it."""
        return sum(not path.startswith(f"{VOLUMES}/") for path in self.files)

    def _parts(self) -> Iterator[str]:
        wanted = {one.path(number) for one in self.volumes for number in range(one.parts)}
        there = {path for path in self.files if path.startswith(f"{VOLUMES}/")}
        yield from (f"{path} is of no volume, or missing" for path in sorted(wanted ^ there))

    def _counts(self) -> Iterator[str]:
        objects = (path for path in self.files if not path.startswith(f"{VOLUMES}/"))
        there = Counter(tuple(path.split("/")[1:3]) for path in objects)
        for one in self.left_out:
            there[one.namespace, one.type] += one.count
        for listed in self.lists:
            have = there.pop((listed.namespace, listed.type), 0)
            if have != listed.count:
                yield f"{listed.type} in {listed.namespace}: {have} of {listed.count} object(s)"
        yield from (f"{type} in {namespace} was never listed" for namespace, type in sorted(+there))


def parse(text: bytes) -> Contents:
    """Read ``manifest.json``.

    Raises:
        ValueError: If it is not what Practicum writes, or was written by a later one.
    """
    try:
        plain = json.loads(text)
        if plain.pop("format") not in (FORMAT, WITH_VOLUMES):
            raise ValueError("it was written by a later Practicum")
        lists = tuple(Listed(**one) for one in plain.pop("lists"))
        left_out = tuple(LeftOut(**one) for one in plain.pop("left_out"))
        volumes = tuple(Volume(**one) for one in plain.pop("volumes", ()))
        files = dict(plain.pop("files"))
        if any(not 0 <= one.parts <= len(files) for one in volumes):
            raise ValueError("its manifest.json is not what Practicum writes")
        about = About(**plain)
    except (TypeError, KeyError, AttributeError):
        raise ValueError("its manifest.json is not what Practicum writes") from None
    return Contents(about=about, lists=lists, files=files, left_out=left_out, volumes=volumes)
