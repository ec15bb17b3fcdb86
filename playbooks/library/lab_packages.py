"""Say which packages a host has, so that those are not asked for again, one role after another.

The package manager needs a second to say that nothing is to be done.
"""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule


def installed(listed: str) -> list[str]:
    """Read what dpkg says of each package that it knows.

    >>> installed("age ii \\nless rc \\nlibc6 ii \\nlibc6 ii \\n")
    ['age', 'libc6']
    """
    lines = (line.split() for line in listed.splitlines())
    return sorted({name for name, state in lines if state == "ii"})


def main() -> None:
    """Look, and hand back the names as a fact."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\\n"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # Without an answer every package is asked for.
    names = installed(asked.stdout) if asked.returncode == 0 else []
    module.exit_json(changed=False, ansible_facts={"lab_packages": names})


if __name__ == "__main__":
    main()
