"""What a kubeconfig gives, row by row of the table in ``provisioner/cluster/kubeconfig.py``."""

from __future__ import annotations

import base64
import copy
import json
import stat
import sys
import time

import pytest
import yaml

from provisioner.cluster import kubeconfig
from provisioner.cluster.kubeconfig import Access, load
from provisioner.cluster.kubeconfig import parse as parse_kubeconfig
from provisioner.errors import ClusterError

TOKEN = "canary-token"
PEM = "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def write(tmp_path):
    """Write a kubeconfig whose context ``mine`` is put together from these parts."""

    def write(*, cluster=None, user=None, **more):
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "other",
            "contexts": [
                {"name": "other", "context": {"cluster": "other", "user": "other"}},
                {"name": "mine", "context": {"cluster": "here", "user": "me"}},
            ],
            "clusters": [
                {"name": "other", "cluster": {"server": "https://wrong.example.org"}},
                {
                    "name": "here",
                    "cluster": {"server": "https://k8s.example.org:6443/", **(cluster or {})},
                },
            ],
            "users": [
                {"name": "other", "user": {"token": "wrong"}},
                {"name": "me", "user": {"token": TOKEN} if user is None else user},
            ],
            **more,
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def refused(path, context="mine"):
    """The error, which has to be one line, name the file and repeat no secret."""
    with pytest.raises(ClusterError) as caught:
        load(path, context)
    error = caught.value
    assert error.exit_code == 7
    assert "\n" not in error.message + (error.hint or "")
    assert str(path) in error.message
    assert "canary" not in error.message + (error.hint or "") + (error.details or "")
    return error


def test_the_table_of_what_happens_is_what_is_tested_here():
    """Who adds a row to the table adds a test, and then counts it here."""
    rows = [line for line in kubeconfig.__doc__.splitlines() if line.startswith("| ")]

    assert len(rows) == 2 + 6


@pytest.mark.parametrize("libyaml", [True, False])
def test_a_kubeconfig_is_read_also_where_yaml_is_without_its_library(write, monkeypatch, libyaml):
    """As in PyYAML that was built from source, or for musl."""
    if not libyaml:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)

    assert load(write(), "mine").token == TOKEN


# no such file, not YAML


def test_a_file_that_is_not_there(tmp_path):
    error = refused(tmp_path / "nosuch")

    assert error.message.startswith("There is no kubeconfig at ")
    assert "practicum rehearsal up" in error.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: [canary", "it is not YAML"),
        (b"\xff\xfe\x00canary", "it is not YAML"),
        (b"- canary\n", "is not a kubeconfig"),
        (b"", "is not a kubeconfig"),
        (b"canary", "is not a kubeconfig"),
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path, content, told):
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)

    assert told in refused(path).message


def test_a_folder_in_its_place(tmp_path):
    assert "Is a directory" in refused(tmp_path).message


# no such context


def test_a_context_that_is_not_there_is_told_with_those_that_are(write):
    error = refused(write(), "nosuch")

    assert "has no context named 'nosuch'" in error.message
    assert error.hint == "It has these contexts: mine, other."


@pytest.mark.parametrize("section", ["contexts", "clusters", "users"])
@pytest.mark.parametrize("value", [[], None, ["mine"], [{"name": "mine"}]], ids=str)
def test_a_part_that_is_not_there_is_told(write, section, value):
    error = refused(write(**{section: value, "current-context": ""}))

    assert f"has no {section.removesuffix('s')} named" in error.message


@pytest.mark.parametrize("section", ["contexts", "clusters", "users"])
def test_a_section_that_is_no_list_is_told(write, section):
    refused(write(**{section: 5, "current-context": ""}))


def test_it_is_the_named_context_and_never_the_current_one(write):
    access = load(write(), "mine")

    assert (access.server, access.token) == ("https://k8s.example.org:6443", TOKEN)


# a current-context that does not exist


def test_a_current_context_that_is_not_there_is_told_though_nobody_uses_it(write):
    """Pulumi's provider refuses such a file in the middle of a run."""
    path = write(**{"current-context": "gone"})

    error = refused(path)

    assert "its current-context 'gone' does not exist" in error.message
    assert error.hint.startswith("It has these contexts: mine, other.")


@pytest.mark.parametrize("current", ["", None], ids=repr)
def test_no_current_context_is_no_mistake(write, current):
    assert load(write(**{"current-context": current}), "mine").token == TOKEN


# certificate or token, in line or as a file


def test_what_is_in_line_is_used_as_it_stands(write):
    path = write(
        cluster={
            "certificate-authority-data": encoded(PEM),
            "tls-server-name": "kubernetes",
            "proxy-url": "http://proxy.example.org:3128",
        },
        user={"client-certificate-data": encoded(PEM), "client-key-data": encoded("key")},
    )

    assert load(path, "mine") == Access(
        server="https://k8s.example.org:6443",
        ca=PEM,
        certificate=PEM.encode(),
        key=b"key",
        server_name="kubernetes",
        proxy="http://proxy.example.org:3128",
    )


@pytest.mark.parametrize("absolute", [False, True], ids=["beside it", "absolute"])
def test_what_is_in_a_file_is_read_from_there(write, tmp_path, absolute):
    for name, text in (
        ("ca.pem", PEM),
        ("cert.pem", PEM),
        ("key.pem", "key"),
        ("token", f"{TOKEN}\n"),
    ):
        (tmp_path / name).write_text(text)
    place = f"{tmp_path}/" if absolute else ""
    path = write(
        cluster={"certificate-authority": f"{place}ca.pem"},
        user={
            "client-certificate": f"{place}cert.pem",
            "client-key": f"{place}key.pem",
            "tokenFile": f"{place}token",
        },
    )

    assert load(path, "mine") == Access(
        server="https://k8s.example.org:6443",
        ca=PEM,
        certificate=PEM.encode(),
        key=b"key",
        token=TOKEN,
    )


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("cluster", "certificate-authority", "nosuch.pem"),
        ("cluster", "certificate-authority-data", "no base64: canary"),
        ("cluster", "certificate-authority-data", base64.b64encode(b"\xff\xfe").decode()),
        ("user", "client-certificate", "nosuch.pem"),
        ("user", "client-key-data", "canary!"),
        ("user", "tokenFile", "nosuch"),
        ("user", "tokenFile", "kubeconfig.bin"),
    ],
    ids=str,
)
def test_a_credential_that_cannot_be_read_is_told_by_its_field(write, tmp_path, part, field, value):
    (tmp_path / "kubeconfig.bin").write_bytes(b"\xff\xfe")

    error = refused(write(**{part: {field: value}}))

    assert field.removesuffix("-data") in error.message


@pytest.mark.parametrize("user", [{}, {"token": None}, {"token": ""}], ids=str)
def test_without_a_token_none_is_sent(write, user):
    assert load(write(user=user), "mine").token == ""


def test_what_is_shown_of_an_access_is_no_secret(write):
    assert repr(load(write(), "mine")) == "Access(server='https://k8s.example.org:6443')"


# exec or auth-provider


@pytest.fixture
def plugin(tmp_path):
    """A login plugin that counts how often it is run."""

    def plugin(answer, code=0):
        script = tmp_path / "login"
        script.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
            f"print({json.dumps(answer)!r})\n"
            f"sys.exit({code})\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script),
                         "interactiveMode": "Never"}}  # fmt: skip

    return plugin


def credential(**status):
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }


def test_a_login_plugin_is_run_once(write, plugin, tmp_path):
    path = write(
        cluster={"certificate-authority-data": encoded(PEM)},
        user=plugin(credential(token=TOKEN)),
    )

    access = load(path, "mine")

    assert (tmp_path / "runs").read_text() == "x"
    assert access == Access(server="https://k8s.example.org:6443", ca=PEM, token=TOKEN)


def test_a_login_plugin_may_give_a_certificate(write, plugin):
    user = plugin(credential(clientCertificateData=PEM, clientKeyData="canary key"))

    access = load(write(user=user), "mine")

    assert (access.certificate, access.key, access.token) == (PEM.encode(), b"canary key", "")


def test_with_a_login_plugin_the_rest_of_the_context_still_counts(write, plugin):
    path = write(
        cluster={"tls-server-name": "kubernetes", "proxy-url": "http://proxy.example.org:3128"},
        user=plugin(credential(token=TOKEN)),
    )

    access = load(path, "mine")

    assert access.server_name == "kubernetes"
    assert access.proxy == "http://proxy.example.org:3128"


def test_a_login_plugin_that_fails_is_told_with_how_to_try_it(write, plugin):
    error = refused(write(user=plugin({"canary": "x"}, code=1)))

    assert "the login plugin of context mine failed" in error.message
    assert "kubectl --kubeconfig" in error.hint


def test_a_login_plugin_that_is_not_there_is_told(write):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nosuch/login"}}

    assert "the login plugin of context mine failed" in refused(write(user=user)).message


def test_an_auth_provider_gives_the_token_that_it_has(write):
    def part(data):
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    token = f"{part({'alg': 'none'})}.{part({'exp': time.time() + 3600})}.x"
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}

    assert load(write(user=user), "mine").token == token


# insecure-skip-tls-verify


def test_a_server_that_is_not_checked_is_refused(write):
    error = refused(write(cluster={"insecure-skip-tls-verify": True}))

    assert "turns off the check of the server's certificate" in error.message
    assert "certificate-authority-data" in error.hint
    assert load(write(cluster={"insecure-skip-tls-verify": False}), "mine").token == TOKEN


IN_MEMORY = {
    "current-context": "kind-a",
    "contexts": [{"name": "kind-a", "context": {"cluster": "kind-a", "user": "kind-a"}}],
    "clusters": [
        {"name": "kind-a", "cluster": {"server": "https://127.0.0.1:1/", "proxy-url": "http://p:1"}}
    ],
    "users": [{"name": "kind-a", "user": {"client-key-data": "a2V5"}}],
}


def test_one_in_memory_is_read_by_its_current_context_and_without_its_proxy():
    access = parse_kubeconfig(yaml.safe_dump(IN_MEMORY), "the kubeconfig of a")

    assert (access.server, access.key, access.proxy) == ("https://127.0.0.1:1", b"key", "")
    assert access.bounded


def test_one_in_memory_that_would_grow_is_refused():
    """Each line holds the one before it ten times: as text, more than any memory."""
    bomb = "a0: &a0 x\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 6)
    )

    with pytest.raises(ClusterError, match="is not a kubeconfig"):
        parse_kubeconfig(f"{bomb}current-context: *a5\n", "the kubeconfig of a")


@pytest.mark.parametrize(
    ("section", "field", "name"),
    [
        ("clusters", "cluster", "certificate-authority"),
        ("users", "user", "client-key"),
        ("users", "user", "client-certificate"),
        ("users", "user", "tokenFile"),
    ],
)
def test_one_in_memory_reads_no_file_of_this_machine(section, field, name):
    given = copy.deepcopy(IN_MEMORY)
    given[section][0][field][name] = "/etc/passwd"

    with pytest.raises(ClusterError, match="names files"):
        parse_kubeconfig(yaml.safe_dump(given), "the kubeconfig of a")


def test_text_that_is_no_base64_is_told_also_where_it_is_not_ascii():
    given = copy.deepcopy(IN_MEMORY)
    given["users"][0]["user"]["client-key-data"] = "é"

    with pytest.raises(ClusterError, match="client-key cannot be read"):
        parse_kubeconfig(yaml.safe_dump(given), "the kubeconfig of a")


@pytest.mark.parametrize("text", ["", "[]", "a: [", "current-context: 1"])
def test_what_is_no_kubeconfig_in_memory_is_told(text):
    with pytest.raises(ClusterError, match="the kubeconfig of a"):
        parse_kubeconfig(text, "the kubeconfig of a")
