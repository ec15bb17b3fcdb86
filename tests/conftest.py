"""What all tests need, however they were started."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Heed Ctrl-C: a shell that starts something in the background has it ignore that.

    What tests start would inherit it, and many are about being interrupted.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
