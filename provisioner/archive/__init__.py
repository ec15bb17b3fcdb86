"""What a student made, as one encrypted file that says itself whether it is whole.

An archive is ``tar``, ``gzip`` and ``age``, so that standard tools open it:
``age -d -i KEY FILE | tar -xz``. Its members are

* ``objects/NAMESPACE/TYPE/NAME.yaml``: what is the student's,
* ``practicum/NAMESPACE/TYPE/NAME.yaml``: what Practicum made around it,
* ``volumes/NAMESPACE/CLAIM/content.tar.000000`` and so on, where the content of volumes can be
  had: ``cat content.tar.* | tar -x`` writes it out,
* ``manifest.json``, the last one: what the archive is of, how many objects each list had,
  the sha256 of every member, and what was left out and why.

This package is the format alone: it talks to no cluster. Nothing is written in plain.
"""

from .contents import WHOLE_CLUSTER, About, Contents, LeftOut, Listed, Volume, parse
from .member import Member
from .packing import FILE, Content, Listing, own_part, pack
from .portable import order, portable, why_not
from .reading import checked, content_of, identity, opened, unpack
from .sealing import recipient, seal, throw_away
from .tree import Tree, tree, whole

__all__ = [
    "FILE",
    "WHOLE_CLUSTER",
    "About",
    "Content",
    "Contents",
    "LeftOut",
    "Listed",
    "Listing",
    "Member",
    "Tree",
    "Volume",
    "checked",
    "content_of",
    "identity",
    "opened",
    "order",
    "own_part",
    "pack",
    "parse",
    "portable",
    "recipient",
    "seal",
    "throw_away",
    "tree",
    "unpack",
    "whole",
    "why_not",
]
