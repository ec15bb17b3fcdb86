"""The rig itself: what it starts is a real host, and what it started ends."""

import pytest

pytestmark = pytest.mark.hosts


def test_a_host_boots_systemd_and_lets_the_operator_in(new_host):
    host = new_host("first")

    for user in ("root", "ops"):
        assert host.login(user, host.identity, "sudo", "id", "-u").stdout == "0\n"
