"""Programs whose output or input is too large to hold: read and fed piece by piece."""

from __future__ import annotations

import psutil
import pytest

from provisioner import shell
from provisioner.errors import MissingToolError, ToolError

BYTES = b"\x00\xff\n" * 100_000


def test_bytes_come_out_as_they_are(tmp_path):
    (tmp_path / "file").write_bytes(BYTES)

    assert b"".join(shell.pour("cat", tmp_path / "file")) == BYTES


def test_what_was_cut_off_is_an_error_with_what_was_said():
    pieces = shell.pour("sh", "-c", "echo some; echo why >&2; exit 3")

    assert next(pieces) == b"some\n"
    with pytest.raises(ToolError, match="exited with 3") as raised:
        next(pieces)
    assert raised.value.details == "why"


def test_who_stops_reading_ends_the_program():
    before = psutil.Process().children()
    pieces = shell.pour("cat", "/dev/zero")
    next(pieces)

    pieces.close()

    assert set(psutil.Process().children()) <= set(before)


def test_a_program_that_hangs_is_ended_in_time():
    pieces = shell.pour("sh", "-c", "echo some; exec sleep 60", timeout=0.5)

    assert next(pieces) == b"some\n"
    with pytest.raises(ToolError, match=r"sh wrote nothing for 0.5 s"):
        next(pieces)


def test_a_program_that_has_written_all_and_does_not_end_is_ended_in_time():
    pieces = shell.pour("sh", "-c", "echo some; exec sleep 60 >&-", timeout=0.5)

    with pytest.raises(ToolError, match="did not end"):
        list(pieces)


def test_a_program_that_goes_on_writing_is_given_its_time():
    script = "for i in 1 2 3 4 5; do echo some; sleep 0.2; done"

    assert b"".join(shell.pour("sh", "-c", script, timeout=0.8)) == b"some\n" * 5


def test_pieces_go_in_as_they_are(tmp_path):
    shell.feed("sh", "-c", 'cat > "$1"', "sh", tmp_path / "file", pieces=[BYTES, b"more"])

    assert (tmp_path / "file").read_bytes() == BYTES + b"more"


def test_a_program_that_takes_no_more_says_why():
    with pytest.raises(ToolError, match="exited with 4") as raised:
        shell.feed("sh", "-c", "echo full >&2; exit 4", pieces=(BYTES for _ in range(1000)))

    assert raised.value.details == "full"


def test_what_is_cut_off_while_it_is_made_is_not_taken_for_the_whole(tmp_path):
    def pieces():
        yield BYTES
        raise ToolError("the other end is gone")

    with pytest.raises(ToolError, match="the other end"):
        shell.feed("sh", "-c", 'cat >/dev/null; touch "$1"', "sh", tmp_path / "b", pieces=pieces())

    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "call",
    [lambda: list(shell.pour("practicum-none")), lambda: shell.feed("practicum-none", pieces=[])],
)
def test_a_program_that_is_missing_is_told(call):
    with pytest.raises(MissingToolError, match="cannot be found"):
        call()
