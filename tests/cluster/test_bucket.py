"""State in a bucket: the same runs, with Pulumi's state where no file of ours can be looked at.

The bucket is one of moto's server, on this machine: `pip install 'moto[server]'` somewhere, and
have `moto_server` on PATH. It brings some sixty packages, so it is in no lock file, and no
pipeline runs these tests: they are run by hand (`pytest -m by_hand`), as requirements.md says.
"""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass

import pytest

from . import runs
from .course import Course
from .test_recovery import DAMAGE

SERVER = shutil.which("moto_server")
BUCKET = "practicum-state"
IDS = [str(number) for number in range(1, 13)]
SOMEBODY = (
    "AWS4-HMAC-SHA256 Credential=nobody/20260901/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
"""This server looks whether a request is signed, and not how."""

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.soak,
    pytest.mark.by_hand,
    pytest.mark.skipif(SERVER is None, reason="moto_server is not on PATH"),
]


@dataclass(frozen=True)
class Bucket:
    """A bucket that is there."""

    port: int

    @property
    def url(self) -> str:
        place = f"endpoint=http://127.0.0.1:{self.port}&s3ForcePathStyle=true"
        return f"s3://{BUCKET}?{place}&region=us-east-1"

    def keys(self, under: str) -> list[str]:
        """What is in it."""
        listed = self.ask("GET", f"/{BUCKET}?list-type=2&prefix=.pulumi/{under}/")
        return re.findall("<Key>([^<]+)</Key>", listed)

    def ask(self, method: str, path: str, body: bytes | None = None) -> str:
        return self._ask(method, path, body).decode()

    def content(self, key: str) -> bytes:
        return self._ask("GET", f"/{BUCKET}/{key}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers={"Authorization": SOMEBODY})
            answer = connection.getresponse()
            assert answer.status in (200, 204), answer.status
            return answer.read()
        finally:
            connection.close()


@dataclass
class Elsewhere(Course):
    """A cohort whose state is not in its home."""

    state: str = ""

    def command(self, *arguments: str) -> list[str]:
        return super().command("--state", self.state, *arguments)


@pytest.fixture
def bucket(tmp_path, wait_until, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [SERVER, "-H", "127.0.0.1", "-p", str(port)]
    with (tmp_path / "moto.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    for name, value in {"ACCESS_KEY_ID": "nobody", "SECRET_ACCESS_KEY": "nothing"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        wait_until(lambda: _listens(port))
        found = Bucket(port)
        found.ask("PUT", f"/{BUCKET}")
        yield found
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def course(new_course, bucket):
    made = new_course(IDS)
    return Elsewhere(**vars(made), state=bucket.url)


def test_a_term_with_its_state_in_a_bucket(course, bucket, wait_until):
    """Made, cut off, finished, lost and adopted, taken down."""
    run = runs.start_up(course)
    wait_until(lambda: len(runs.namespaces(course)) > 0 or run.poll() is not None)
    runs.kill_all(course, run)
    run.communicate()
    left = bucket.keys("locks")
    assert [key for key in left if f"{course.name}.wave-01" in key], "what the killed run held"

    assert course.up()["failed"] == []

    assert course.actions() == dict.fromkeys(IDS, "same")
    assert bucket.keys("locks") == []
    states = [
        f".pulumi/stacks/practicum/{course.name}.{part}.json" for part in ("guard", "wave-01")
    ]
    assert set(states) <= set(bucket.keys("stacks"))
    assert not (course.home / "state").exists() or not runs.state_of(course).exists()

    before = runs.everything(course)
    for state in states:
        bucket.ask("DELETE", f"/{BUCKET}/{state}")
    adopted = course.json("adopt", course.name, "--yes")
    assert adopted["rebuilt"] == [f"{course.name}.guard", f"{course.name}.wave-01"]
    claimed = f"Namespace /practicum-{course.name}"
    after = runs.everything(course)
    assert [name for name in before if name != claimed and after[name] != before[name]] == []
    assert set(states) <= set(bucket.keys("stacks"))

    course.roster([*IDS[1:], "13"])
    done = course.up()
    assert (done["created"], done["removed"], done["failed"]) == (1, 1, [])
    assert course.down()["proved"]
    assert [key for key in bucket.keys("stacks") if key in states] == []
    assert bucket.keys("locks") == []


@pytest.mark.timeout(600)
def test_a_damaged_state_in_a_bucket_stops_its_wave_and_is_never_written_over(course, bucket):
    """REL-08, where we cannot rename a file; a missing one is above.

    To Pulumi `{}` is a stack with nothing in it, as after a first run that was killed: there
    is nothing in it to lose, and all is applied again.
    """
    course.roster(IDS[:2])
    course.up()
    state = f".pulumi/stacks/practicum/{course.name}.wave-01.json"
    for number, (how, damage) in enumerate(sorted(DAMAGE.items()), start=5):
        if how == "no-state":
            continue
        damaged = damage(bucket.content(state))
        bucket.ask("PUT", f"/{BUCKET}/{state}", damaged)
        course.write(IDS[:2], environment={"quota": {"pods": str(number)}})
        before = runs.everything(course)

        failed = course.up(code=6)["failed"]

        assert [one["id"] for one in failed] == IDS[:2], how
        assert f"the saved state of {course.name}.wave-01 cannot be used" in failed[0]["error"]
        assert "move it away in its bucket" in failed[0]["error"]
        assert bucket.content(state) == damaged, how
        after = runs.everything(course)
        assert [name for name in before if "--s" in name and after[name] != before[name]] == []

        bucket.ask("DELETE", f"/{BUCKET}/{state}")
        assert course.json("adopt", course.name, "--yes")["failed"] == []
        assert course.up()["changed"] == 2
    assert course.down()["proved"]
