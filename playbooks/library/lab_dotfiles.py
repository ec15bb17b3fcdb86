"""Install each student's dotfiles with Dotdrop, with that student's rights, in one task.

A repository is looked at before anything in it is run. One that is refused, fails or takes
too long is that student's problem alone. What a student made of their clone stays theirs:
with changes of their own in it, it is left as it is.
"""

from __future__ import annotations

import pwd
import re
import resource
from pathlib import Path
from typing import Any

from ansible.module_utils import lab_dotfiles
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_confined import GIT, confined
from ansible.module_utils.lab_rights import as_student
from ansible.module_utils.lab_student import (
    Student,
    StudentProblemError,
    ensure_file,
    find_account,
    for_each,
    own_account,
)

INSTALLED = ".git/practicum-installed"
"""The commit that was installed last; a clone that is at another one is the student's."""
KEYS = ".ssh/authorized_keys"


class Dotfiles:
    """The dotfiles of one cohort on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.params: dict[str, Any] = module.params
        self.dry_run: bool = module.check_mode

    def ensure(self, student: Student) -> list[str]:
        """Clone, look, install; say what that changed."""
        if self.dry_run and find_account(student) is None:
            return ["dotfiles"]
        account = own_account(self.params["cohort"], student)
        wanted = {**self.params["default"], **(student.get("dotfiles") or {})}
        mistake = lab_dotfiles.remote_mistake(wanted["repository"], wanted["commit"])
        if mistake:
            raise StudentProblemError(f"the dotfiles are refused: {mistake}")
        state = as_student(account, self._state, wanted["commit"])
        if state == "theirs" or (state == "there" and self._edited(account)):
            return []
        if self.dry_run:
            return ["dotfiles"] if state != "there" else []
        if state != "there":
            self._bring(account, wanted, fresh=state == "missing")
        changed = self._install(account, student, wanted)
        return ["dotfiles"] if changed or state != "there" else []

    def _state(self, commit: str) -> str:
        """Say how a clone is: ``missing``, ``older``, ``there`` or ``theirs``."""
        clone = Path(self.params["clone"])
        if not clone.joinpath(".git").is_dir():
            # A folder that is no clone is theirs, too, unless it is empty.
            return "theirs" if clone.is_dir() and any(clone.iterdir()) else "missing"
        marked = clone / INSTALLED
        last = marked.read_text() if marked.is_file() else ""
        named = clone / ".git" / "HEAD"
        # A pipe in its place would have us wait for whoever writes into it.
        head = named.read_text().strip() if named.is_file() else ""
        if not last:
            # An earlier run ended half way: nothing of it was installed.
            return "older"
        if head != last:
            return "theirs"
        return "there" if last == commit else "older"

    def _bring(self, account: pwd.struct_passwd, wanted: dict[str, str], *, fresh: bool) -> None:
        """Get the commit, look at it, and only then write its files."""
        clone = self.params["clone"]
        bundle = self.params["bundles"].get(wanted["repository"])
        source = bundle or wanted["repository"]
        local = ["-c", "protocol.file.allow=always"] if bundle else []
        if fresh:
            as_student(account, lambda: Path(clone).parent.mkdir(parents=True, exist_ok=True))
            self._git(account, "init", "--quiet", "--template=", clone)
        self._git(
            account, *local, "-C", clone, "fetch", "--quiet", "--no-tags", "--force",
            "--recurse-submodules=no", "--", source, "+refs/heads/*:refs/remotes/origin/*",
            network=not bundle,
        )  # fmt: skip
        self._git(account, "-C", clone, "cat-file", "-e", f"{wanted['commit']}^{{commit}}",
                  explain="the commit is not in it")  # fmt: skip
        if not fresh and self._edited(account):
            raise StudentProblemError(
                "the clone has changes of the student's own; it was left alone"
            )
        self._look(account, wanted)
        self._git(account, "-C", clone, "checkout", "--quiet", "--force", "--detach",
                  wanted["commit"])  # fmt: skip
        self._git(account, "-C", clone, "config", "remote.origin.url", wanted["repository"])
        self._git(account, "-C", clone, "config", "remote.origin.fetch",
                  "+refs/heads/*:refs/remotes/origin/*")  # fmt: skip

    def _edited(self, account: pwd.struct_passwd) -> bool:
        """Say whether a student has changed what is in their clone; then nobody looked at it."""
        # Dotdrop may put files of its own there, which no configuration names.
        said = self._git(account, "-C", self.params["clone"], "status", "--porcelain",
                         "--untracked-files=no")  # fmt: skip
        return bool(said.strip())

    def _git(
        self, account: pwd.struct_passwd, *arguments: str, network: bool = False,
        explain: str = "",
    ) -> str:  # fmt: skip
        done = confined(account, *GIT, *arguments, seconds=self.params["seconds"], network=network)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [str(done.returncode)])[-1]
            raise StudentProblemError(f"the dotfiles did not come: {explain or said}")
        return done.stdout

    def _look(self, account: pwd.struct_passwd, wanted: dict[str, str]) -> None:
        """Refuse a commit that reaches further than dotfiles should."""
        commit, clone = wanted["commit"], self.params["clone"]

        def show(path: str) -> str:
            return self._git(account, "-C", clone, "cat-file", "blob", f"{commit}:{path}")

        entries = lab_dotfiles.read_tree(
            self._git(account, "-C", clone, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
        )
        mistakes: list[str | None] = list(lab_dotfiles.tree_mistakes(entries))
        for entry in entries if not mistakes else []:
            if entry.mode == "120000":
                mistakes.append(lab_dotfiles.link_mistake(entry.path, show(entry.path)))
            elif Path(entry.path).name == ".gitattributes":
                mistakes.append(lab_dotfiles.attributes_mistake(show(entry.path)))
        name = self.params["config"]
        if not any(entry.path == name and entry.mode.startswith("100")
                   and entry.size <= lab_dotfiles.MOST_CONFIG_BYTES for entry in entries):  # fmt: skip
            mistakes.append(f"it has no {name}")
        if not any(mistakes):
            mistakes += as_student(account, read_config, show(name), wanted["profile"])
        found = [mistake for mistake in mistakes if mistake]
        if found:
            raise StudentProblemError(f"the dotfiles are refused: {'; '.join(found[:5])}")

    def _install(
        self, account: pwd.struct_passwd, student: Student, wanted: dict[str, str]
    ) -> bool:
        """Run Dotdrop, and see afterwards that it let nobody in."""
        before = as_student(account, lambda: Path(KEYS).read_text())
        clone = self.params["clone"]
        try:
            done = confined(
                account, "dotdrop", "install", "--no-banner", "--force",
                f"--cfg={clone}/{self.params['config']}", f"--profile={wanted['profile']}",
                seconds=self.params["seconds"], variables=self.params["variables"],
            )  # fmt: skip
        finally:
            restored = as_student(account, restore_keys, before)
        if restored:
            raise StudentProblemError("the dotfiles changed who may log in; that was undone")
        number = re.search(r"(\d+) dotfile\(s\) installed", done.stdout)
        if done.returncode or not number:
            said = (done.stderr or done.stdout).strip().splitlines() or [str(done.returncode)]
            raise StudentProblemError(f"dotdrop failed: {printable(said[-1])}")

        def mark() -> bool:
            return ensure_file(
                f"{clone}/{INSTALLED}", wanted["commit"], 0o600, once=False, dry_run=False
            )

        as_student(account, mark)
        return int(number[1]) > 0


def read_config(text: str, profile: str) -> list[str]:
    """Judge a configuration with little time and memory, for it may be made to take much."""
    # Not at the top: on the first run of all it is not installed before this is loaded.
    import yaml

    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, MemoryError):
        return ["its configuration is no YAML"]
    return lab_dotfiles.config_mistakes(config, profile)


def restore_keys(before: str) -> bool:
    """Put back who may log in; say whether anything had to be."""
    folder = Path(".ssh")
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    extra = [folder / name for name in ("authorized_keys2", "rc", "environment")]
    for path in extra:
        path.unlink(missing_ok=True)
    return ensure_file(KEYS, before, 0o600, once=False, dry_run=False)


def printable(line: str) -> str:
    """Keep what somebody else's program said to one short plain line."""
    return "".join(letter for letter in line if letter.isprintable())[:200]


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "default": {"type": "dict", "required": True},
    "bundles": {"type": "dict", "default": {}},
    "variables": {"type": "dict", "default": {}},
    "clone": {"type": "str", "default": ".config/dotdrop"},
    "config": {"type": "str", "default": "config.yaml"},
    "seconds": {"type": "int", "default": 60},
}


def main() -> None:
    """Install the dotfiles of all who are present."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    dotfiles = Dotfiles(module)
    present = [
        student for student in module.params["students"]
        if student["state"] == "present"
        and (student.get("dotfiles") or module.params["default"].get("repository"))
    ]  # fmt: skip
    results, problems = for_each(present, dotfiles.ensure)
    module.exit_json(
        changed=any(results.values()),
        installed=sorted(student for student, changes in results.items() if changes),
        lab_problems=problems,
    )


if __name__ == "__main__":
    main()
