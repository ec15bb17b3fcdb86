"""Make folders of root's hold exactly some text files, in one task: what is not listed goes."""

from __future__ import annotations

import grp
import os
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def ensure(path: Path, content: bytes, mode: int, group: int, *, dry_run: bool) -> bool:
    """Write one file, and say whether that changes anything."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        now = path.stat()
        if (now.st_uid, now.st_gid, now.st_mode & 0o7777) == (0, group, mode):
            return False
    if not dry_run:
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_bytes(content)
        os.chown(unfinished, 0, group)
        unfinished.chmod(mode)
        unfinished.replace(path)
    return True


def ensure_folder(path: Path, mode: int, group: int, *, dry_run: bool) -> bool:
    """Make the folder itself, and say whether that changes anything."""
    if path.is_dir() and not path.is_symlink():
        now = path.stat()
        if (now.st_uid, now.st_gid, now.st_mode & 0o7777) == (0, group, mode):
            return False
    if not dry_run:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, 0, group)
        path.chmod(mode)
    return True


ARGUMENTS = {
    # By a folder's path, what each of its files holds.
    "folders": {"type": "dict", "required": True, "no_log": False},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0755"},
    "file_mode": {"type": "str", "default": "0644"},
}


def main() -> None:
    """Make the folders as they should be."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    folders: dict[str, dict[str, str]] = module.params["folders"]
    strange = [name for files in folders.values() for name in files if is_no_name(name)]
    if strange:
        module.fail_json(msg=f"{strange[0]!r} is no name for a file")
    try:
        group = grp.getgrnam(module.params["group"]).gr_gid
    except KeyError:
        group = 0 if module.check_mode else module.fail_json(msg="there is no such group")
    modes = int(module.params["mode"], 8), int(module.params["file_mode"], 8)
    changes = [
        change
        for path, files in folders.items()
        for change in fill(Path(path), files, modes, group, dry_run=module.check_mode)
    ]
    diff = {"before": "", "after": "".join(f"{name}\n" for name in changes)}
    module.exit_json(changed=bool(changes), diff=diff)


def is_no_name(name: str) -> bool:
    """Say whether a file of that name would lie elsewhere."""
    return "/" in name or name in {"", ".", ".."}


def fill(
    folder: Path, files: dict[str, str], modes: tuple[int, int], group: int, *, dry_run: bool
) -> list[str]:
    """Make one folder hold exactly these files, and name what that changes."""
    changes = [str(folder)] if ensure_folder(folder, modes[0], group, dry_run=dry_run) else []
    for name, content in files.items():
        if ensure(folder / name, content.encode(), modes[1], group, dry_run=dry_run):
            changes.append(name)
    return changes + remove_others(folder, set(files), dry_run=dry_run)


def remove_others(folder: Path, wanted: set[str], *, dry_run: bool) -> list[str]:
    """Remove what is in the folder and should not be."""
    others = [path for path in folder.glob("*") if path.name not in wanted]
    others += [path for path in folder.glob(".*") if path.name not in wanted]
    for path in others if not dry_run else []:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [f"{path.name} (removed)" for path in others]


if __name__ == "__main__":
    main()
