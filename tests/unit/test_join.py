"""What a student does with a hand-out, with real keys and files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pexpect
import pyrage
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from provisioner import join
from provisioner.cli import practicum
from provisioner.credential import Address, admin_kubeconfig, kubeconfig, login_kubeconfig
from provisioner.errors import InputError

from ..sample import record
from .test_oidc import course

PASSPHRASE = "canary-passphrase-of-a-student"
SECRET = "canary-token-of-a-student"


def config(name="course-ada", token=SECRET, server="https://127.0.0.1:1"):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": name}}],
        "preferences": {},
    }


CONTENT = yaml.safe_dump(config()).encode()


def make_key(folder, *, passphrase="", kind=("ed25519",)):
    path = folder / "-".join(["id", kind[0], "locked" if passphrase else "open"])
    command = ["ssh-keygen", "-q", "-t", *kind, "-N", passphrase, "-f", path]
    subprocess.run(command, check=True)
    return path


def sealed(folder, *publics):
    recipients = [
        pyrage.ssh.Recipient.from_str(public.read_text()) if isinstance(public, Path) else public
        for public in publics
    ]
    path = folder / "ada.kubeconfig.age"
    path.write_bytes(pyrage.encrypt(CONTENT, recipients))
    return path


def nobody(_):
    raise AssertionError("a passphrase was asked for")


KINDS = [("ed25519",), ("rsa", "-b", "2048"), ("rsa", "-b", "2048", "-m", "PEM")]


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["open", "locked"])
def test_an_ssh_key_opens_it(tmp_path, kind, passphrase):
    key = make_key(tmp_path, kind=kind, passphrase=passphrase)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    asked = []

    content, used = join.open_file(file, [key], lambda name: asked.append(name) or passphrase)

    assert (content, used) == (CONTENT, key)
    assert asked == ([str(key)] if passphrase else [])


def test_an_age_key_opens_it(tmp_path):
    identity = pyrage.x25519.Identity.generate()
    key = tmp_path / "keys.txt"
    key.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")

    content, _ = join.open_file(sealed(tmp_path, identity.to_public()), [key], nobody)

    assert content == CONTENT


def test_nobody_is_asked_where_a_key_without_a_passphrase_opens_it(tmp_path):
    locked = make_key(tmp_path, passphrase=PASSPHRASE)
    plain = make_key(tmp_path)
    file = sealed(tmp_path, plain.with_suffix(".pub"))

    _, used = join.open_file(file, [locked, plain], nobody)

    assert used == plain


def test_a_wrong_passphrase_is_asked_for_again_three_times_in_all(tmp_path):
    key = make_key(tmp_path, passphrase=PASSPHRASE)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    answers = iter(["wrong", "wrong", PASSPHRASE])

    assert join.open_file(file, [key], lambda _: next(answers))[0] == CONTENT
    with pytest.raises(InputError) as caught:
        join.open_file(file, [key], lambda _: "wrong")

    assert "wrong 3 times" in str(caught.value.problems[0])


def test_a_passphrase_is_neither_kept_nor_said(tmp_path):
    key = make_key(tmp_path, passphrase=PASSPHRASE)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    join.open_file(file, [key], lambda _: PASSPHRASE)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


NOT_KEYS = {
    "public": (lambda key: key.with_suffix(".pub").read_bytes(), "is a public key"),
    "hardware": (
        lambda _: (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
            b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAASgAAABpzay1zc2gtZWQyNTUxOUBvcGVuc3NoLmNvbQ==\n"
            b"-----END OPENSSH PRIVATE KEY-----\n"
        ),
        "hardware token",
    ),
    "plugin": (lambda _: b"AGE-PLUGIN-YUBIKEY-1QQQ\n", "hardware token"),
    "putty": (lambda _: b"PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTYgen"),
    "words": (lambda _: b"hello\n", "no private key that can be used"),
    "empty": (lambda _: b"", "no private key that can be used"),
}


@pytest.mark.parametrize("name", NOT_KEYS)
def test_what_is_no_private_key_in_a_file_is_told_as_what_it_is(tmp_path, name):
    key = make_key(tmp_path)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    make, expected = NOT_KEYS[name]
    other = tmp_path / "other"
    other.write_bytes(make(key))

    with pytest.raises(InputError) as caught:
        join.open_file(file, [other], nobody)

    assert expected in str(caught.value.problems[0])


def test_an_agents_key_gets_a_clear_word(tmp_path):
    """All that lies in a file then is the public half."""
    key = make_key(tmp_path)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    key.unlink()

    with pytest.raises(InputError) as caught:
        join.open_file(file, [key.with_suffix(".pub")], nobody)

    assert "ssh-agent" in str(caught.value.problems[0])


def test_another_key_is_told_with_what_it_is_encrypted_to(tmp_path):
    key = make_key(tmp_path)
    other = tmp_path / "other"
    other.write_text(str(pyrage.x25519.Identity.generate()))

    with pytest.raises(InputError) as caught:
        join.open_file(sealed(tmp_path, key.with_suffix(".pub")), [other], nobody)

    assert "is not the key" in str(caught.value.problems[0])
    assert "an SSH key (ed25519)" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"<html>"])
def test_a_file_that_is_no_hand_out_is_told(tmp_path, content):
    file = tmp_path / "x"
    file.write_bytes(content)

    with pytest.raises(InputError, match="no hand-out"):
        join.open_file(file, [], nobody)


def test_a_file_that_was_damaged_on_the_way_opens_nothing(tmp_path):
    key = make_key(tmp_path)
    file = sealed(tmp_path, key.with_suffix(".pub"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-5] + b"xxxxx")

    with pytest.raises(InputError, match="cannot be opened"):
        join.open_file(file, [key], nobody)


OLD = config("home", token="canary-of-another-cluster") | {"extensions": [{"name": "mine"}]}


def test_other_contexts_stay_as_they_are(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(OLD))

    merged = join.put(CONTENT, path)

    after = yaml.safe_load(path.read_text())
    for section in ("clusters", "users", "contexts"):
        assert after[section] == [*OLD[section], *config()[section]]
    assert after["extensions"] == OLD["extensions"]
    assert after["current-context"] == "course-ada"
    assert (merged.before, merged.replaced) == ("home", False)
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_hand_out_takes_the_place_of_the_first_and_of_nothing_else(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(OLD))
    join.put(CONTENT, path)

    merged = join.put(yaml.safe_dump(config(token="newer")).encode(), path)

    after = yaml.safe_load(path.read_text())
    assert merged.replaced
    assert [user["name"] for user in after["users"]] == ["home", "course-ada"]
    assert after["users"][1]["user"]["token"] == "newer"


def test_done_twice_it_writes_once(tmp_path):
    path = tmp_path / "config"
    join.put(CONTENT, path)
    before = (path.stat().st_ino, path.read_bytes())

    join.put(CONTENT, path)

    assert (path.stat().st_ino, path.read_bytes()) == before


def moved(**place):
    """The hand-out again, for another cluster."""
    other = config()
    other["clusters"][0]["cluster"] |= place
    return yaml.safe_dump(other).encode()


ELSEWHERE = {
    "another server": ({"server": "https://other.example.org"}, "for https://127.0.0.1:1; the"),
    "another certificate": (
        {"certificate-authority-data": "QUFB"},
        "for https://127.0.0.1:1 with another certificate-authority-data",
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_leads_elsewhere_by_the_same_name_stays_unless_somebody_agrees(tmp_path, name):
    """Anybody can encrypt to a public key, also a way to a cluster of their own."""
    path, asked = tmp_path / "config", []
    place, said = ELSEWHERE[name]
    join.put(CONTENT, path)
    before = path.read_bytes()

    with pytest.raises(InputError, match=r"Nothing was changed") as caught:
        join.put(moved(**place), path)

    assert said in caught.value.message
    assert path.read_bytes() == before
    assert join.put(moved(**place), path, lambda clash: not asked.append(str(clash))).replaced
    assert len(asked) == 1
    assert place.items() <= yaml.safe_load(path.read_text())["clusters"][0]["cluster"].items()


STUDENTS_OWN = {
    "proxy-url": ("clusters", {"proxy-url": "http://127.0.0.1:3128"}),
    "tls-server-name": ("clusters", {"tls-server-name": "kubernetes"}),
    "namespace": ("contexts", {"namespace": "mine"}),
}


@pytest.mark.parametrize("word", STUDENTS_OWN)
def test_whatever_of_a_place_differs_is_asked_about(tmp_path, word):
    """Not the server and its certificate alone say where a command goes."""
    path, own = tmp_path / "config", config()
    section, said = STUDENTS_OWN[word]
    own[section][0][section[:-1]] |= said
    path.write_text(yaml.safe_dump(own))

    with pytest.raises(InputError, match=f"with another {word}. Nothing was changed"):
        join.put(CONTENT, path)

    assert yaml.safe_load(path.read_text()) == own


@pytest.mark.parametrize("section", ["clusters", "users", "contexts"])
def test_a_lone_entry_of_the_same_name_is_no_earlier_hand_out(tmp_path, section):
    """A context of the name may be the student's own, for a cluster with another name."""
    path, own = tmp_path / "config", yaml.safe_load(yaml.safe_dump(OLD))
    own[section].append({"name": "course-ada", section[:-1]: {"cluster": "home", "user": "home"}})
    path.write_text(yaml.safe_dump(own))

    with pytest.raises(InputError, match="Nothing was changed"):
        join.put(CONTENT, path)

    assert yaml.safe_load(path.read_text()) == own


LOGIN = {"command": "kubectl", "args": ["oidc-login", "get-token", "--oidc-client-id=x"]}
PROGRAMS = [
    {"exec": LOGIN | {"command": "/tmp/oidc-login"}},
    {"exec": LOGIN | {"args": ["plugin"]}},
    {"exec": LOGIN | {"args": []}},
    {"exec": LOGIN | {"args": [*LOGIN["args"], "--browser-command=/tmp/x"]}},
    {"exec": LOGIN | {"args": [*LOGIN["args"], "--oidc-client-secret=x"]}},
    {"exec": LOGIN | {"args": [*LOGIN["args"], "--certificate-authority=/tmp/x"]}},
    {"exec": LOGIN | {"args": [*LOGIN["args"], "--oidc-issuer-url", "--browser-command=/tmp/x"]}},
    {"exec": LOGIN | {"args": [*LOGIN["args"], ["--oidc-client-id=x"]]}},
    {"exec": LOGIN | {"installHint": "curl x | sh"}},
    {"exec": LOGIN | {"env": [{"name": "PATH", "value": "/tmp"}]}},
    {"exec": "sh"},
    {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/tmp/x"}}},
]


@pytest.mark.parametrize("user", PROGRAMS)
def test_a_file_that_would_run_a_program_is_no_hand_out(tmp_path, user):
    """Anybody can encrypt to a public key, and kubectl runs what a kubeconfig says."""
    path, foreign = tmp_path / "config", config()
    foreign["users"][0]["user"] = user

    with pytest.raises(InputError, match="would have kubectl run a program"):
        join.put(yaml.safe_dump(foreign).encode(), path)

    assert not path.exists()


def test_the_schools_login_is_a_hand_out(tmp_path):
    theirs = config()
    theirs["users"][0]["user"] = {"exec": LOGIN}

    assert join.put(yaml.safe_dump(theirs).encode(), tmp_path / "config").context == "course-ada"


@pytest.mark.parametrize(
    "content", [b"x: 2024-99-99", b"x: !!int z", b"x: " + b"[" * 5000, b"\xff\xfe\x00"]
)
def test_what_breaks_a_reader_of_yaml_is_no_hand_out(tmp_path, content):
    with pytest.raises(InputError, match="The hand-out is no kubeconfig"):
        join.put(content, tmp_path / "config")


@pytest.mark.parametrize("section", ["clusters", "users", "contexts"])
def test_a_second_name_in_a_hand_out_is_refused_so_that_no_other_entry_is_replaced(
    tmp_path, section
):
    path, foreign = tmp_path / "config", config()
    path.write_text(yaml.safe_dump(OLD))
    foreign[section].append({**foreign[section][0], "name": "home"})

    with pytest.raises(InputError, match="not a whole kubeconfig"):
        join.put(yaml.safe_dump(foreign).encode(), path)

    assert yaml.safe_load(path.read_text()) == OLD


@pytest.mark.parametrize("section", ["clusters", "users", "contexts"])
def test_a_second_entry_of_the_same_name_is_refused(tmp_path, section):
    """The first one would be judged, and the last one written."""
    path = tmp_path / "config"
    join.put(CONTENT, path)
    before, foreign = path.read_bytes(), yaml.safe_load(moved(server="https://other.example.org"))
    foreign[section].insert(0, config()[section][0])

    with pytest.raises(InputError, match="not a whole kubeconfig"):
        join.put(yaml.safe_dump(foreign).encode(), path, lambda _: True)

    assert path.read_bytes() == before


OTHER_WORDS = [
    ("clusters", "insecure-skip-tls-verify", True),
    ("clusters", "proxy-url", "http://proxy.example.org"),
    ("clusters", "tls-server-name", "kubernetes"),
    ("clusters", "certificate-authority", "/tmp/ca"),
    ("users", "client-certificate", "/tmp/cert"),
    ("users", "client-key", "/tmp/key"),
    ("users", "tokenFile", "/tmp/token"),
    ("users", "as", "admin"),
    ("contexts", "extensions", []),
]


@pytest.mark.parametrize(("section", "word", "value"), OTHER_WORDS)
def test_what_practicum_never_writes_is_no_hand_out(tmp_path, section, word, value):
    """It could turn the check of the server off, or read files of the student's machine."""
    path, foreign = tmp_path / "config", config()
    foreign[section][0][section[:-1]][word] = value

    with pytest.raises(InputError, match=f"has {word} under {section}, which Practicum never"):
        join.put(yaml.safe_dump(foreign).encode(), path, lambda _: True)

    assert not path.exists()


NO_TEXTS = [
    ("clusters", "server", "https://x\x1b[2J"),
    ("clusters", "server", "https://x\nThe cluster answers."),
    ("clusters", "server", ["https://x"]),
    ("clusters", "server", ""),
    ("contexts", "namespace", "a\u202eb"),
    ("contexts", "cluster", "home"),
    ("contexts", "user", "home"),
    ("users", "token", 1),
]


@pytest.mark.parametrize(("section", "word", "value"), NO_TEXTS)
def test_what_is_no_plain_text_of_a_line_is_no_hand_out(tmp_path, section, word, value):
    path, foreign = tmp_path / "config", config()
    foreign[section][0][section[:-1]][word] = value

    with pytest.raises(InputError, match="not a whole kubeconfig"):
        join.put(yaml.safe_dump(foreign).encode(), path, lambda _: True)

    assert not path.exists()


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", ["a"], 7, "", None])
def test_a_name_that_is_no_plain_text_is_no_hand_out(tmp_path, name):
    with pytest.raises(InputError, match="not a whole kubeconfig"):
        join.put(yaml.safe_dump(config(name)).encode(), tmp_path / "config")


def test_a_word_of_a_hand_out_reaches_no_terminal_as_it_is(tmp_path):
    foreign = config()
    foreign["clusters"][0]["cluster"]["a\x1b[2J\nb"] = "x"

    with pytest.raises(InputError) as caught:
        join.put(yaml.safe_dump(foreign).encode(), tmp_path / "config")

    assert "has a[2Jb under clusters" in caught.value.message


def test_all_that_practicum_hands_out_is_a_hand_out(tmp_path):
    """What is written and what is let in are told in two places, which must agree."""
    address = Address(server="https://api.example.org:6443", ca="-----BEGIN CERTIFICATE-----\n")
    given = [
        kubeconfig("mls26", record("1"), SECRET, address),
        kubeconfig("mls26", record("1"), SECRET, replace(address, ca="")),
        admin_kubeconfig("mls26", record("1"), (b"certificate", b"key"), address),
        login_kubeconfig("mls26", record("1"), course().oidc, "-----BEGIN", address),
    ]
    for place, content in enumerate(given):
        assert join.put(content, tmp_path / str(place)).context == "mls26-s1"


def test_a_hand_out_without_a_current_context_is_refused(tmp_path):
    foreign = {key: value for key, value in config().items() if key != "current-context"}

    with pytest.raises(InputError, match="not a whole kubeconfig"):
        join.put(yaml.safe_dump(foreign).encode(), tmp_path / "config")


NAMES = st.sampled_from(["a", "b", "course-ada"])


@given(st.lists(NAMES, unique=True, max_size=3), NAMES)
def test_no_entry_is_ever_lost(tmp_path_factory, there, new):
    path = tmp_path_factory.mktemp("kube") / "config"
    old = config("x")
    for section in ("clusters", "users", "contexts"):
        old[section] = [config(name)[section][0] for name in there]
    path.write_text(yaml.safe_dump(old))

    join.put(yaml.safe_dump(config(new)).encode(), path)

    after = yaml.safe_load(path.read_text())
    for section in ("clusters", "users", "contexts"):
        assert [one["name"] for one in after[section]] == [*there, *({new} - set(there))]


def test_a_link_that_dotfiles_put_there_stays_a_link(tmp_path):
    real = tmp_path / "dotfiles" / "config"
    real.parent.mkdir()
    real.write_text(yaml.safe_dump(OLD))
    path = tmp_path / "config"
    path.symlink_to(real)

    join.put(CONTENT, path)

    assert path.is_symlink()
    assert "course-ada" in real.read_text()


@pytest.mark.parametrize("content", [b"- a", b"a: [", b"clusters: word", b"\x00"])
def test_a_kubeconfig_that_is_none_is_left_alone(tmp_path, content):
    path = tmp_path / "config"
    path.write_bytes(content)

    with pytest.raises(InputError, match="nothing was changed"):
        join.put(CONTENT, path)

    assert path.read_bytes() == content


def test_a_kubeconfig_that_is_too_large_is_refused_and_never_cut(tmp_path):
    """What is left of it may be a kubeconfig, and would be written back without the rest."""
    path = tmp_path / "config"
    content = yaml.safe_dump(OLD).encode() + b"\n" * (8 << 20) + b"kind: Config\n"
    path.write_bytes(content)

    with pytest.raises(InputError, match="larger than 8 MiB; nothing was changed"):
        join.put(CONTENT, path)

    assert path.read_bytes() == content


def test_kubectls_own_places_are_taken(tmp_path):
    there = tmp_path / "there"
    there.touch()

    assert join.place({}, tmp_path) == tmp_path / ".kube" / "config"
    assert join.place({"KUBECONFIG": f"{tmp_path}/absent:{there}"}, tmp_path) == there
    assert join.place({"KUBECONFIG": f"{tmp_path}/new"}, tmp_path) == tmp_path / "new"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def test_the_command_finds_the_usual_key_and_says_why_the_cluster_does_not_answer(home):
    key = home / ".ssh" / "id_ed25519"
    make_key(home).rename(key)
    file = sealed(home, home / "id-ed25519-open.pub")

    result = CliRunner().invoke(practicum, ["join", str(file)])

    assert result.exit_code == 7, result.output
    assert "does not answer from here" in result.stdout
    assert "Added the context course-ada" in result.stdout
    assert SECRET not in result.output
    assert SECRET in (home / ".kube" / "config").read_text()


def test_the_command_replaces_what_leads_elsewhere_only_where_that_is_said(home, monkeypatch):
    key = make_key(home)
    file = sealed(home, key.with_suffix(".pub"))
    monkeypatch.setenv("PATH", "")
    (home / ".kube").mkdir()
    there = home / ".kube" / "config"
    there.write_bytes(moved(server="https://old.example.org"))

    refused = CliRunner().invoke(practicum, ["join", str(file), "-i", str(key)])
    before = there.read_bytes()
    done = CliRunner().invoke(practicum, ["join", str(file), "-i", str(key), "--replace"])

    assert refused.exit_code == 3
    assert "--replace" in refused.stderr
    assert b"old.example.org" in before
    assert done.exit_code == 0
    assert "Renewed the context" in done.stdout


def test_a_question_has_nothing_in_it_that_a_terminal_obeys(home):
    key = make_key(home)
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_bytes(moved(server="https://x\x1b[2J"))
    words = [
        "-m",
        "provisioner",
        "join",
        str(sealed(home, key.with_suffix(".pub"))),
        "-i",
        str(key),
    ]

    terminal = pexpect.spawn(
        sys.executable, words, env={"HOME": str(home), "PATH": ""}, timeout=120
    )
    terminal.expect_exact("Replace it?")
    asked = terminal.before
    terminal.sendline("n")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert rb"for https://x\x1b[2J" in asked
    assert b"\x1b[2J" not in asked
    assert terminal.exitstatus == 3


def test_without_kubectl_it_says_that_it_was_not_tried(home, monkeypatch):
    key = make_key(home)
    file = sealed(home, key.with_suffix(".pub"))
    monkeypatch.setenv("PATH", "")

    result = CliRunner().invoke(practicum, ["join", str(file), "-i", str(key)])

    assert result.exit_code == 0
    assert "kubectl is not installed here" in result.stdout


def test_without_a_terminal_a_passphrase_is_no_hang(home):
    key = make_key(home, passphrase=PASSPHRASE)
    file = sealed(home, key.with_suffix(".pub"))

    result = CliRunner().invoke(practicum, ["join", str(file), "-i", str(key)])

    assert result.exit_code == 3
    assert "nobody to ask" in result.stderr


ABSENT = [
    "grp", "pwd", "fcntl", "termios", "resource",  # on Windows
    "ansible_runner", "kubernetes", "openpyxl", "psutil", "pulumi", "rich", "urllib3",
]  # fmt: skip


def test_it_runs_on_windows_modules_and_the_base_install_alone(home):
    """That is all that a test on another system can show: what is imported."""
    key = make_key(home)
    file = sealed(home, key.with_suffix(".pub"))
    script = (
        "import sys\n"
        f"for name in {ABSENT!r}: sys.modules[name] = None\n"
        "from provisioner.cli import practicum\n"
        "practicum(sys.argv[1:], standalone_mode=False)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, "join", file, "-i", key],
        env={"HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Added the context" in done.stdout
