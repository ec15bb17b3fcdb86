"""Two tar files of the same files are the same, however they are packed; and no others are."""

from __future__ import annotations

import io
import tarfile
import tracemalloc

import pytest

from provisioner.archive import tree, whole
from provisioner.errors import ClusterError, ToolError

FILES = {"./a.txt": b"one", "./notes/b.txt": b"two", "./empty": b""}


def packed(files=FILES, *, mode=0o644, link="a.txt", times=0, format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        folder = tarfile.TarInfo(".")
        folder.type, folder.mtime = tarfile.DIRTYPE, times
        tar.addfile(folder)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime, entry.uid = len(content), mode, times, times
            tar.addfile(entry, io.BytesIO(content))
        entry = tarfile.TarInfo("./link")
        entry.type, entry.linkname = tarfile.SYMTYPE, link
        tar.addfile(entry)
    return out.getvalue()


def pieces(data, size=100):
    return (data[at : at + size] for at in range(0, len(data), size))


def test_the_order_of_files_their_owners_and_times_make_no_difference():
    turned = dict(reversed(FILES.items()))
    other = packed(turned, times=12345, format=tarfile.GNU_FORMAT)

    assert tree(pieces(packed())) == tree([other])
    assert tree([packed()]).files == 4


@pytest.mark.parametrize(
    "other",
    [
        packed(FILES | {"./a.txt": b"oen"}),
        packed(FILES | {"./c.txt": b""}),
        packed({"./b.txt": b"one", "./notes/b.txt": b"two", "./empty": b""}),
        packed({"./a.txt": b"two", "./notes/b.txt": b"one", "./empty": b""}),
        packed(mode=0o600),
        packed(link="empty"),
    ],
)
def test_any_other_file_makes_another_tree(other):
    assert tree([packed()]) != tree([other])


def test_an_empty_volume_has_no_files():
    assert tree([packed({}, link="x")]).files == 1
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        folder = tarfile.TarInfo("./.")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)

    assert tree([out.getvalue()]).files == 0


def test_what_is_cut_off_is_noticed_and_what_is_whole_goes_through():
    data = packed()

    assert b"".join(whole(pieces(data, 7))) == data
    for cut in (0, 100, 512, len(data) - 10240):
        with pytest.raises(ClusterError, match="cut off"):
            list(whole(pieces(data[:cut])))


def test_why_nothing_came_is_told_and_not_that_it_is_no_tar_file():
    def broken():
        yield packed()[:700]
        raise ToolError("the pod went away")

    with pytest.raises(ToolError, match="went away"):
        tree(broken())
    with pytest.raises(ClusterError, match="no tar file"):
        tree([b"x" * 2048])


def test_a_large_volume_is_never_held():
    def large():
        entry = tarfile.TarInfo("./model")
        entry.size = 64 << 20
        yield entry.tobuf()
        yield from (bytes(1 << 18) for _ in range(256))
        yield bytes(10240)

    tracemalloc.start()
    assert tree(whole(large())).files == 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 8 << 20
