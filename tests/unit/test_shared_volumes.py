"""Data that every student reads: one volume and one claim each, and nothing that writes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from provisioner import manifest
from provisioner.cluster import observe
from provisioner.cluster.role_objects import operator
from provisioner.lifecycle.archives.copying import Copier

from ..sample import NAME, cohort, record
from .rendering import environment, of_kind, one

PATH = {"host_path": "/srv/datasets"}
NFS = {"nfs": {"server": "nas.example.org", "path": "/export/models"}}
CSI = {"csi": {"driver": "efs.csi.aws.com", "volume_handle": "fs-1", "attributes": {"a": "b"}}}


def sharing(*sources, **more):
    named = [{"name": f"v{n}", "from": source, **more} for n, source in enumerate(sources)]
    return {"environment": {"shared_volumes": named}}


def test_each_student_has_a_volume_that_goes_to_their_claim_and_to_no_other():
    for one_of in (record("1"), record("2")):
        made = environment(one_of, **sharing(PATH))
        volume, claim = one("PersistentVolume", made), one("PersistentVolumeClaim", made)

        assert volume["metadata"]["name"] == f"{one_of.namespace}.v0"
        assert volume["spec"]["claimRef"]["namespace"] == one_of.namespace
        assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"] == "v0"
        assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
        assert volume["metadata"]["labels"] == claim["metadata"]["labels"]


def test_every_volume_is_to_be_read_and_its_data_stays():
    volumes = of_kind("PersistentVolume", environment(**sharing(PATH, NFS, CSI)))

    for volume in volumes:
        assert volume["spec"]["accessModes"] == ["ReadOnlyMany"]
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert "storageClassName" not in volume["spec"]
    [path, nfs, csi] = [volume["spec"] for volume in volumes]
    assert path["hostPath"] == {"path": "/srv/datasets", "type": "Directory"}
    assert (nfs["nfs"]["readOnly"], nfs["mountOptions"]) == (True, ["ro"])
    assert (csi["csi"]["readOnly"], csi["csi"]["volumeAttributes"]) == (True, {"a": "b"})


def test_what_is_shared_takes_nothing_from_what_the_student_may_have():
    quota = {"quota": {"storage": "10Gi", "volumes": 5}}
    course = cohort(environment={**sharing(PATH, NFS, size="3Gi")["environment"], **quota})

    hard = course.environment.hard()

    assert hard["requests.storage"] == str(16 * 2**30)
    assert hard["count/persistentvolumeclaims"] == "7"


def test_a_cohort_that_shares_nothing_asks_for_no_right_to_make_volumes():
    """Whoever makes volumes reaches files of nodes."""
    plain, sharing_one = cohort(), cohort(**sharing(PATH))

    rules = {"plain": operator(plain), "sharing": operator(sharing_one)}
    able = {
        name: {r for rule in found for r in rule["resources"] if "create" in rule["verbs"]}
        for name, found in rules.items()
    }
    assert able["sharing"] - able["plain"] == {"persistentvolumes", "persistentvolumeclaims"}


def test_a_namespace_says_whether_volumes_are_to_be_looked_for():
    said = {
        "metadata": {
            "labels": {manifest.COHORT: NAME},
            "annotations": one("Namespace", environment(**sharing(PATH)))["metadata"][
                "annotations"
            ],
        }
    }
    silent = {"metadata": {"labels": {manifest.COHORT: NAME}}}
    strangers = {"metadata": {**said["metadata"], "labels": {manifest.COHORT: "other"}}}

    assert observe._says_volumes(NAME, [silent, said])
    assert not observe._says_volumes(NAME, [silent, strangers])


def test_no_pod_of_an_archive_mounts_what_the_course_shares():
    marked = one("PersistentVolumeClaim", environment(**sharing(PATH)))
    own = {"metadata": {"name": "own"}}

    class Reading:
        class client:  # noqa: N801
            pages = staticmethod(lambda _path: [marked, own])

    found = list(Copier(reading=Reading)._claims(["mls26--s1"]))

    assert [claim for claim, _ in found] == [("mls26--s1", "own")]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc",
        "/etc/kubernetes",
        "/var/lib/kubelet/pods",
        "/var",
        "srv",
        "/srv/../etc",
        "/srv//x",
        "/srv/",
    ],
)
def test_a_folder_that_a_node_lives_by_is_refused(path):
    with pytest.raises(ValidationError):
        cohort(**sharing({"host_path": path}))
    cohort(**sharing({"host_path": "/etcetera"}))
