"""What all tests need, however they were started."""

from __future__ import annotations

import signal

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
