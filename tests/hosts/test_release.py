"""The roles on the Debian after the one that all other tests take."""

import pytest

from . import rig_image
from .course import TOOLS, new_key
from .play import group_vars, play, student
from .rig_host import start_host

pytestmark = [pytest.mark.hosts, pytest.mark.soak, pytest.mark.timeout(1800)]

SUITE = "trixie"


@pytest.fixture(scope="module")
def host(engine, operator_key):
    image = rig_image.ensure_image(engine, SUITE)
    started = start_host(engine, image, operator_key, "later")
    yield started
    engine.docker("rm", "--force", "--volumes", started.container)


def test_every_role_makes_it_right_and_a_second_run_changes_nothing(host, tmp_path):
    key = new_key(tmp_path / "key")
    public = key.with_suffix(".pub").read_text().strip()
    common = group_vars(
        lab_tools=TOOLS, lab_student_keys="provision", lab_students=[student(1, ssh_keys=[public])],
        lab_limits={"cpu": "1", "memory": "1Gi", "processes": 100},
    )  # fmt: skip

    first = play("prepare-hosts.yml", [host], common)
    second = play("prepare-hosts.yml", [host], common)

    assert first.failed() == set(), first.output[-3000:]
    assert second.changes("later") == []
    assert SUITE in host.shell("cat /etc/os-release")
    assert host.login(student(1)["account"], key, "id -un; sudo -n true").stdout == "s20210001\n"
