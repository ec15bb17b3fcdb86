"""Keys and secrets on a prepared host: whose they are, and who can read what."""

from __future__ import annotations

import pytest

from .course import ADA, BEN, CANARY, EVE, FIN
from .play import student

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]


def test_a_student_decrypts_the_class_s_secret_with_their_own_key(course):
    script = (
        "cat > ~/.config/sops/age/keys.txt; chmod 600 ~/.config/sops/age/keys.txt;"
        "sops decrypt /srv/practicum/mls26/secrets/class.sops.yaml"
    )
    host = course.hosts[0]
    said = host.shell(
        f"setpriv --reuid=20001 --regid=20001 --init-groups env HOME=/home/s20210001 sh -c '{script}'",
        stdin=f"{course.ages[ADA]}\n",
    )

    assert said == f"password: {CANARY}\n"


def test_the_class_s_secret_lies_nowhere_in_plain_text(course):
    for host in course.hosts:
        found = host.shell(f"grep -rlF {CANARY} / --exclude-dir=proc --exclude-dir=sys || true")
        assert found == ""
    assert CANARY not in "".join(run.output for run in course.runs.values())


def test_the_class_s_rule_and_recipients_are_there_for_everybody(course):
    rule, names = course.seen["the class's rule"], course.seen["recipients"].split()

    assert all(str(identity.to_public()) in rule for identity in course.ages.values())
    assert names == [student(number)["id"] for number in course.ages]
    assert course.as_student(ADA, "cat /etc/practicum/mls26/sops/.sops.yaml").count("age1") >= 3


def test_keys_that_are_the_exercise_are_made_by_nobody(course):
    said = course.as_student(ADA, "ls ~/.ssh; gpg --list-secret-keys 2>/dev/null | wc -l")

    assert said == "authorized_keys\n0\n"


def test_the_teacher_s_key_is_in_every_keyring(course):
    assert "teacher@example.org" in course.as_student(BEN, "gpg --list-keys")


def test_keys_that_are_provisioned_never_leave_and_their_public_halves_do(course, provisioned):
    public, identity = course.folder / "public", student(EVE)["id"]

    assert provisioned["age"] == (public / f"{identity}.age.pub").read_text()
    assert provisioned["ssh"].strip() in (public / f"{identity}.ssh.pub").read_text()
    assert "BEGIN PGP PUBLIC KEY BLOCK" in (public / f"{identity}.gpg.asc").read_text()
    assert provisioned["modes"] == "s20210005 600\ns20210005 600\n"
    private = provisioned["private"].strip()
    assert private not in course.runs["first"].output
    assert private not in "".join(path.read_text() for path in public.iterdir())


def test_a_student_may_give_a_key_that_was_made_a_passphrase(course):
    kept = (course.folder / "public" / f"{student(FIN)['id']}.ssh.pub").read_text()

    assert course.runs["second"].problems("lab2") == {}
    assert kept.startswith("ssh-ed25519 ")


def test_a_pass_store_works_with_the_key_that_was_made(provisioned):
    assert provisioned["pass"] == "s3cret\n"


def test_a_passage_store_is_read_and_written_with_age_alone(course, provisioned):
    """passage itself is in no registry: its store is what its documentation says it is."""
    assert provisioned["passage"] == "hello\n"
    welcome = course.hosts[0].shell("head -1 /home/s20210001/.passage/store/welcome.age")
    assert welcome.startswith("age")
