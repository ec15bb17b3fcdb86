"""What every role promises before it runs: each input named, checked and of one name."""

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from bench.hosts import FOR_STUDENTS

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
ROLES = sorted((PLAYBOOKS / "roles").iterdir())
LEAST = {
    "accounts", "age", "containerd", "docker", "dotfiles", "git_server", "gpg", "kind", "kubectl",
    "pass", "passage", "sops", "ssh",
}  # fmt: skip


def defaults_of(role):
    """None where all that it takes must be said."""
    defaults = role / "defaults/main.yml"
    return yaml.safe_load(defaults.read_text()) if defaults.exists() else {}


def options_of(role):
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
    return specs["argument_specs"]["main"]["options"]


def task_files():
    return sorted(
        [*PLAYBOOKS.glob("roles/*/tasks/*.yml"), *PLAYBOOKS.glob("roles/*/handlers/*.yml")]
    )


def test_every_role_that_a_lab_host_needs_is_there():
    assert {role.name for role in ROLES} >= LEAST


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_checks_every_variable_it_takes(role):
    """A typo in an inventory must stop the role before its first task."""
    optional = {
        name: option["default"]
        for name, option in options_of(role).items()
        if not option.get("required")
    }

    assert optional == defaults_of(role)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_prefixes_every_variable_it_takes(role):
    assert [name for name in options_of(role) if not name.startswith(f"{role.name}_")] == []


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(PLAYBOOKS)))
def test_a_task_file_can_be_read_on_one_screen(path):
    assert len(path.read_text().splitlines()) <= 60


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(PLAYBOOKS)))
def test_what_hides_its_result_says_what_it_hides(path):
    lines = path.read_text().splitlines()
    hiding = [number for number, line in enumerate(lines) if "no_log:" in line]

    assert [number for number in hiding if "# Hides" not in lines[number - 1]] == []


def tasks_of(path):
    """Yield a file's tasks: the module, its arguments and what goes before it, as text."""
    for task in yaml.safe_load(path.read_text()):
        (module,) = [key for key in task if key.startswith(("lab_", "ansible."))]
        rest = {
            key: value for key, value in task.items() if key not in ("name", "when", "register")
        }
        yield module.rpartition(".")[2], str(rest)


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(PLAYBOOKS)))
def test_only_modules_for_all_students_at_once_look_at_them(path):
    """Anything else would take longer for each of them, and be told as the host's part."""
    looking = [module for module, rest in tasks_of(path) if "_students" in rest]

    assert [module for module in looking if module not in FOR_STUDENTS] == []


def test_a_module_that_takes_all_students_is_told_as_their_part():
    modules = (PLAYBOOKS / "library").glob("*.py")

    assert {
        path.stem for path in modules if '"students": {"type": "list"' in path.read_text()
    } <= FOR_STUDENTS


def packages_of(role):
    """What a role asks the package manager for."""
    folder = PLAYBOOKS / "roles" / role
    (names,) = [task["ansible.builtin.apt"]["name"]
                for task in yaml.safe_load((folder / "tasks/main.yml").read_text())
                if "ansible.builtin.apt" in task]  # fmt: skip
    if "{{" in names:
        names = yaml.safe_load((folder / "vars/main.yml").read_text())[names.strip("{} ")]
    return [names] if isinstance(names, str) else names


def test_what_is_installed_at_once_is_what_each_role_would_ask_for():
    (play,) = yaml.safe_load((PLAYBOOKS / "prepare-hosts.yml").read_text())

    at_once = play["vars"]["lab_packages_of"]
    assert at_once == {role: packages_of(role) for role in at_once}


def test_no_playbook_takes_a_secret_but_by_a_file():
    """Extra variables and the inventory are written down; so no variable is a private key."""
    names = [name for role in ROLES for name in options_of(role)]

    assert [name for name in names if "private" in name or "password" in name] == []


def told_to_be_wrong(id, like, version, python="/usr/bin/python3"):
    """What `ready` says of a host that says this of itself; Ansible works it out."""
    (tasks,) = [role / "tasks" / "main.yml" for role in ROLES if role.name == "ready"]
    (refuse,) = [task for task in yaml.safe_load(tasks.read_text()) if "Refuse" in task["name"]]
    rules = {
        name: trust_as_template(rule) if isinstance(rule, str) else rule
        for name, rule in refuse["vars"].items()
    }
    said = {"stdout": f"like:{id} {like}\r\nrelease:{id}={version}\r\n{python}\r\n"}
    templar = Templar(DataLoader(), {**rules, "__ready_said": said})
    return templar.template(trust_as_template(rules["__ready_mistake"]))


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (("debian", "", "10"), "Debian 10 is too old; 11 or later is needed"),
        (("debian", "", "9.13"), "Debian 9.13 is too old; 11 or later is needed"),
        (("ubuntu", "debian", "20.04"), "Ubuntu 20.04 is too old; 22.04 or later is needed"),
        (("fedora", "", "42"), "it is no Debian or Ubuntu"),
        (("debian", "", "12", "python:none"), "it has no Python; install the package python3"),
        (("debian", "", "11"), ""),
        (("debian", "", "13"), ""),
        (("debian", "", ""), ""),  # the next one
        (("ubuntu", "debian", "22.04"), ""),
        (("ubuntu", "debian", "100.04"), ""),
        (("raspbian", "debian", "9"), ""),
        (("linuxmint", "ubuntu debian", "21.3"), ""),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_host_that_is_too_old_is_refused_by_its_number(said, wrong):
    assert told_to_be_wrong(*said) == wrong
