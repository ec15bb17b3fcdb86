"""A FUSE file system without a program's library: one that is dead, or that never answers.

It is run by root where it is to be, for it is mounted in the namespace that runs it:
``python3 fuse.py dead|silent FOLDER UID``. A silent one lasts as long as its standard input.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import threading

INIT = 26
"""The first request, from Linux's linux/fuse.h; without an answer to it there are no others."""

LONGEST = 60
"""Seconds after which a silent one goes in any case."""


def mount(folder: str, uid: int) -> int:
    """Mount one that a user could have mounted; it is dead when the file that is returned is."""
    file = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={file},rootmode=40000,user_id={uid},group_id={uid}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"theirs", folder.encode(), b"fuse.sshfs", 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    return file


def answer_nothing(file: int) -> None:
    """Say hello, then take every request and leave it at that."""
    while True:
        request = os.read(file, 1 << 20)
        code, unique = struct.unpack_from("<IQ", request, 4)
        if code == INIT:
            major, minor = struct.unpack_from("<II", request, 40)
            body = struct.pack("<IIIIHHI", major, minor, 0, 0, 0, 0, 4096).ljust(64, b"\0")
            os.write(file, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)


def main() -> None:
    """Mount it; a dead one is left behind, a silent one goes with us."""
    kind, folder, uid = sys.argv[1:]
    file = mount(folder, int(uid))
    if kind == "silent":
        os.setresuid(int(uid), int(uid), int(uid))
        threading.Thread(target=answer_nothing, args=(file,), daemon=True).start()
        signal.alarm(LONGEST)
        os.write(1, b"mounted\n")
        sys.stdin.read()


if __name__ == "__main__":
    main()
