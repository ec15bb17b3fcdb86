"""Data that a course gives to every student: a volume a student, to be read and never written.

A PersistentVolume goes to one claim alone, so each environment has one of its own; all of
them lead to the same data. It lies outside of the namespace, and bears the student's mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from . import labels
from .objects import Manifest, make

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort, Record
    from ..cohort.given import SharedVolume, VolumeSource

MODES = ["ReadOnlyMany"]
READ_ONLY = ["ro"]
"""What PersistentVolumes say of it themselves, kubelets pass over for most kinds of volume."""


def shared_volumes(cohort: Cohort, record: Record) -> list[Manifest]:
    """Render each of the course's volumes for one environment, and the claim that it goes to."""
    return [
        rendered
        for volume in cohort.environment.shared_volumes
        for rendered in (_volume(cohort, record, volume), _claim(cohort, record, volume))
    ]


def notes(cohort: Cohort) -> dict[str, str]:
    """Return the annotation by which a Namespace tells that there is something to look for."""
    said = ",".join(volume.name for volume in cohort.environment.shared_volumes)
    return {labels.SHARED_VOLUMES: said} if said else {}


def _volume(cohort: Cohort, record: Record, volume: SharedVolume) -> Manifest:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": record.namespace,
        "name": volume.name,
    }
    # Of no class: a volume's own is left out of what the API server shows when it is empty.
    spec = {
        "capacity": {"storage": volume.size},
        "accessModes": MODES,
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
        "claimRef": claim,
        **_source(volume.source),
    }
    return make(
        "v1",
        "PersistentVolume",
        names.volume(record.namespace, volume.name),
        labels=labels.of_student(cohort.name, record),
        spec=spec,
    )


def _source(source: VolumeSource) -> dict[str, Any]:
    if source.host_path:
        # It must be there: a kubelet that made it would make it on every node, and empty.
        return {"hostPath": {"path": source.host_path, "type": "Directory"}}
    if source.nfs:
        where = {"server": source.nfs.server, "path": source.nfs.path, "readOnly": True}
        return {"nfs": where, "mountOptions": READ_ONLY}
    assert source.csi
    driver: dict[str, Any] = {
        "driver": source.csi.driver,
        "volumeHandle": source.csi.volume_handle,
        "readOnly": True,
    }
    if source.csi.attributes:
        driver["volumeAttributes"] = dict(source.csi.attributes)
    return {"csi": driver}


def _claim(cohort: Cohort, record: Record, volume: SharedVolume) -> Manifest:
    spec = {
        "accessModes": MODES,
        "resources": {"requests": {"storage": volume.size}},
        "storageClassName": "",
        "volumeMode": "Filesystem",
        "volumeName": names.volume(record.namespace, volume.name),
    }
    return make(
        "v1",
        "PersistentVolumeClaim",
        volume.name,
        namespace=record.namespace,
        labels=labels.of_student(cohort.name, record),
        spec=spec,
    )
