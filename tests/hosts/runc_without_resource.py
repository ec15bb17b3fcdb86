#!/usr/bin/env python3
"""A runc for machines that lack CAP_SYS_RESOURCE: it starts containers without asking for it.

A privileged container asks for every capability that Docker knows, and the kernel refuses
to give one that the whole machine has not got. So it is taken out of what runc reads.

The engine calls it for every command in a container, so it imports what it cannot do without.
"""

import json
import os
import sys

LACKING = "CAP_SYS_RESOURCE"
PLACES = ("/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin")


def option(arguments, *names):
    """Find the value of an option that is written as two words or with an equals sign."""
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in names:
            return value or arguments[position + 1]
    return None


def without(path, *keys):
    """Take the capability out of every set of a bundle's or a process's description."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  (pathlib takes longest)
        content = json.load(file)
    process = content
    for key in keys:
        process = process[key]
    for held in (process.get("capabilities") or {}).values():
        if held and LACKING in held:
            held.remove(LACKING)
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(content, file)


def main(arguments):
    """Change what runc is about to read, then become runc."""
    if {"create", "run"} & set(arguments):
        bundle = option(arguments, "--bundle", "-b") or "."
        without(f"{bundle}/config.json", "process")
    elif "exec" in arguments and option(arguments, "--process", "-p"):
        without(option(arguments, "--process", "-p"))
    runc = next(path for place in PLACES if os.access(path := f"{place}/runc", os.X_OK))
    os.execv(runc, ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
