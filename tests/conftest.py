"""What all tests need, however they were started."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# A machine that has other things to do is no mistake of what is tested. And what fails must
# be the change's: the same examples in every run, others in `make soak`.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", unhurried, derandomize=True)
settings.register_profile("anew", unhurried)
settings.load_profile("same")


def pytest_configure() -> None:
    """Heed Ctrl-C: a shell that starts something in the background has it ignore that.

    What tests start would inherit it, and many are about being interrupted.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = (
    "tests/kind/test_work.py",
    "tests/cluster/test_documented_commands.py",
    "tests/both/test_life.py",
    "tests/cluster/test_recovery.py",
    "tests/hosts/test_course.py",
    "tests/cluster/test_kills.py",
    "tests/class_cluster/",
    "tests/cluster/test_least_privilege.py",
    "tests/hosts/test_hosts_commands.py",
    "tests/cluster/test_faults.py",
    "tests/kind/test_course.py",
    "tests/cluster/test_verify.py",
    "tests/both/",
    "tests/cluster/test_model.py",
    "tests/cluster/test_course_on_hosts.py",
    "tests/cluster/test_mid_term.py",
    "tests/hosts/test_bad_hosts.py",
    "tests/cluster/test_archive.py",
    "tests/hosts/test_dotfiles.py",
    "tests/cluster/test_stuck.py",
    "tests/hosts/",
    "tests/playbook/",
    "tests/kind/",
    "tests/cluster/",
)
"""Which files come first, in this order; all others after them, as they come.

Workers take file after file, so whatever takes a minute has to begin while others are left to
take meanwhile: the files of a hundred quick tests are the last, and end together. Containers
keep the machine busy and a control plane rests most of the time, so they take turns.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files begin first. Within a file, tests stay in their order."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    starts = (turn for turn, long in enumerate(LONG) if item.nodeid.startswith(long))
    return next(starts, len(LONG))
