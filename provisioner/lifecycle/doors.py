"""What lets students into namespaces that are to go: it goes first, before anything is counted.

What a student makes after the counting would be deleted, and be in no archive. Access is taken
before it, so that what is counted is all that there will be.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from .. import cluster
from ..errors import PracticumError
from ..manifest import WAY_IN, Manifest
from . import removal
from .access import logins
from .reading import Reading


@dataclass
class Doors:
    """The bindings that let students in, while what they made is kept."""

    client: cluster.Client
    bindings: list[Manifest] = field(repr=False)

    @classmethod
    def of(cls, reading: Reading, namespaces: Iterable[Manifest]) -> Doors:
        """Return those of some namespaces, as they were read."""
        places = {live["metadata"]["name"] for live in namespaces}
        owned = reading.found.owned.items()
        found = [
            live
            for key, live in owned
            if (key.kind, key.name) == ("RoleBinding", WAY_IN) and key.namespace in places
        ]
        return cls(reading.client, found)

    def shut(self) -> dict[str, str]:
        """Take them away, each by its UID.

        Returns:
            Why the server refused, by namespace: there a student can go on working.
        """
        refused = removal.refusals(self.client, self.bindings)
        return {
            _place(live): refused[live["metadata"]["uid"]]
            for live in self.bindings
            if live["metadata"]["uid"] in refused
        }

    def reopen(self, places: Container[str] | None = None) -> dict[str, str]:
        """Put them back, as they were.

        Args:
            places: The namespaces in which that is to be; all when None.

        Returns:
            Why the server refused, by namespace; `up` puts them back then.
        """

        def one(live: Manifest) -> str:
            try:
                logins.let_in(self.client, live, live.get("subjects") or [])
            except PracticumError as error:
                return error.message
            return ""

        back = [live for live in self.bindings if places is None or _place(live) in places]
        return {_place(live): why for live, why in self.client.each(one, back) if why}


def _place(live: Manifest) -> str:
    return str(live["metadata"]["namespace"])
