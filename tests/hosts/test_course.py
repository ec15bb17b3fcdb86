"""A term on two real hosts: prepared, used, changed and taken down.

The parts are one file for those who run the tests: a worker takes whole files, so that the
hosts are prepared once and not once a worker.
"""

# What pytest is to find here is whatever the parts hold.
from .course_accounts import *  # noqa: F403
from .course_secrets import *  # noqa: F403
from .course_term_end import *  # noqa: F403
from .course_tools import *  # noqa: F403
