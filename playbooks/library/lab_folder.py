"""Make a folder of root's hold exactly some text files, in one task: what is not listed goes."""

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


def main() -> None:
    """Make the folder as it should be."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0755"},
            "file_mode": {"type": "str", "default": "0644"},
            "files": {"type": "dict", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    folder, dry_run = Path(module.params["path"]), module.check_mode
    try:
        group = grp.getgrnam(module.params["group"]).gr_gid
    except KeyError:
        group = 0 if dry_run else module.fail_json(msg="there is no such group")
    changes = []
    if ensure_folder(folder, int(module.params["mode"], 8), group, dry_run=dry_run):
        changes.append(str(folder))
    mode = int(module.params["file_mode"], 8)
    for name, content in module.params["files"].items():
        if "/" in name or name in {"", ".", ".."}:
            module.fail_json(msg=f"{name!r} is no name for a file")
        if ensure(folder / name, content.encode(), mode, group, dry_run=dry_run):
            changes.append(name)
    changes += remove_others(folder, set(module.params["files"]), dry_run=dry_run)
    diff = {"before": "", "after": "".join(f"{name}\n" for name in changes)}
    module.exit_json(changed=bool(changes), diff=diff)


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
