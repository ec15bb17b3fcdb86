"""What is rendered, cohort by cohort, and how to pick from it."""

from __future__ import annotations

from datetime import date

from provisioner import manifest

from ..sample import ASSISTANT, SECRETS_READER, cohort, record

OPERATOR = "ops@example.org"
SETTINGS = {
    "defaults": {},
    "restricted": {"environment": {"pod_security": "restricted"}},
    "assistants": {"assistants": [ASSISTANT]},
    "assistants who read Secrets": {"assistants": [ASSISTANT, SECRETS_READER]},
    "operators": {"operators": [OPERATOR]},
    "shared volumes": {
        "environment": {
            "shared_volumes": [
                {"name": "datasets", "from": {"host_path": "/srv/datasets"}},
                {"name": "models", "from": {"nfs": {"server": "nas", "path": "/models"}}},
                {
                    "name": "more",
                    "from": {"csi": {"driver": "efs.csi.aws.com", "volume_handle": "fs-1"}},
                },
            ]
        }
    },
    "no egress": {"environment": {"egress": "none"}},
    "some networks": {"environment": {"egress": ["203.0.113.0/24", "2001:db8::/48"]}},
}


def everything(course, *records):
    """All that a cohort is on the cluster."""
    made = manifest.guard(course)
    for one in records or [record(), record("20260002", until=date(2026, 11, 1))]:
        made += manifest.environment(course, one)
    return made


def of_kind(kind, objects):
    return [item for item in objects if item["kind"] == kind]


def one(kind, objects, name=None):
    [found] = [i for i in of_kind(kind, objects) if name in (None, i["metadata"]["name"])]
    return found


def environment(one=None, **fields):
    return manifest.environment(cohort(**fields), one or record())
