"""Fetch the course's dotfiles once for a host, at their commit, as one file for all students.

Git runs with the rights of nobody in particular: the repository is the course's, but what
comes from a network is not looked at as root.
"""

from __future__ import annotations

import pwd
import shutil
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_confined import GIT, TooLongError, TooMuchError, confined
from ansible.module_utils.lab_dotfiles import remote_mistake


def bring(repository: str, commit: str, path: Path, seconds: int) -> str | None:
    """Write the bundle; return what went wrong, or None."""
    nobody = pwd.getpwnam("nobody")
    scratch = Path(tempfile.mkdtemp(prefix="practicum-dotfiles-"))
    try:
        shutil.chown(scratch, nobody.pw_uid, nobody.pw_gid)
        clone, bundle = str(scratch / "clone"), str(scratch / "bundle")
        steps = (
            (True, ("clone", "--quiet", "--mirror", "--template=", "--", repository, clone)),
            (False, ("-C", clone, "update-ref", "refs/heads/practicum", commit)),
            (False, ("-C", clone, "bundle", "create", "--quiet", bundle, "--branches")),
        )
        for network, arguments in steps:
            done = confined(
                nobody, *GIT, *arguments, seconds=seconds, folder=str(scratch), network=network
            )
            if done.returncode:
                return (done.stderr.strip().splitlines() or ["git failed"])[-1]
        unfinished = path.with_suffix(".unfinished")
        shutil.copyfile(bundle, unfinished)
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except (TooLongError, TooMuchError) as error:
        return str(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return None


ARGUMENTS = {
    "repository": {"type": "str", "required": True},
    "commit": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "seconds": {"type": "int", "default": 60},
}


def main() -> None:
    """Make the bundle unless it is there."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    repository, commit = module.params["repository"], module.params["commit"]
    mistake = remote_mistake(repository, commit)
    if mistake:
        module.fail_json(msg=f"dotfiles: the course's repository is refused: {mistake}")
    path = Path(module.params["folder"]) / f"{commit}.bundle"
    if path.exists():
        module.exit_json(changed=False, path=str(path))
    if not module.check_mode:
        mistake = bring(repository, commit, path, module.params["seconds"])
        if mistake:
            module.fail_json(msg=f"dotfiles: the course's repository did not come: {mistake}")
    module.exit_json(changed=True, path=str(path))


if __name__ == "__main__":
    main()
