"""What the settings of a course mean for the corpus, which is written for the defaults.

A case that a course's own settings make pointless is waived with the reason; a twin uses
what the course allows. Nothing here makes an attack weaker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cohort import Cohort
from .case import LEVELS, Case

IMAGE = "registry.k8s.io/pause:3.10"
"""The image of every case."""

NO_INGRESS = "your course offers no Ingress"
FORBIDDEN_IMAGE = "registry.invalid/not-of-the-course:1"


def words(cohort: Cohort) -> dict[str, str]:
    """Return what stands for the words in cases that depend on the course."""
    environment = cohort.environment
    allowed = environment.images[0].replace("*", "verify") + ":1" if environment.images else IMAGE
    found = {IMAGE: allowed, "{forbidden_image}": FORBIDDEN_IMAGE}
    if environment.ingress:
        found["{suffix}"] = environment.ingress.suffix
        found["{ingress_class}"] = environment.ingress.ingress_class
    if environment.storage_classes:
        found["{storage_class}"] = environment.storage_classes[0]
    return found


def waived(cohort: Cohort, case: Case) -> str:
    """Say why a case has no point in this course; empty when it has one."""
    environment = cohort.environment
    has = {
        "images": (bool(environment.images), "the course allows any image"),
        "gpu": (environment.gpu > 0, "the course offers no graphics processors"),
        "no-gpu": (not environment.gpu, "the course offers graphics processors"),
        "ingress": (environment.ingress is not None, "the course offers no Ingress"),
        "no-ingress": (environment.ingress is None, "the course offers Ingress"),
        "storage-classes": (bool(environment.storage_classes), "the course limits no classes"),
    }
    needs = case.needs + (("no-ingress",) if case.expect == NO_INGRESS else ())
    for need in needs:
        if need in LEVELS:
            level = environment.pod_security
            if LEVELS.index(level) < LEVELS.index(need):
                return f"the course asks for Pod Security {level} only"
        elif need in has and not has[need][0]:
            return has[need][1]
    if environment.storage_classes and any(
        one["kind"] == "PersistentVolumeClaim" for one in case.setup
    ):
        return "a claim of a class that the course names would make a volume"
    made = [case.twin.resource] if case.twin.verb == "create" else []
    made += [one["kind"].lower() + "s" for one in case.setup]
    none = [plural for plural in made if _offers_none(cohort, plural)]
    return f"the course allows no {none[0]}" if none and case.guard != "quota" else ""


def adapted(cohort: Cohort, body: Any) -> Any:  # noqa: ANN401  (plain data)
    """Give a claim that says nothing of its class one that the course allows."""
    classes = cohort.environment.storage_classes
    spec = body.get("spec") if isinstance(body, Mapping) else None
    if not (classes and isinstance(spec, Mapping) and "accessModes" in spec):
        return body
    return {**body, "spec": {"storageClassName": classes[0], **spec}}


def _offers_none(cohort: Cohort, plural: str) -> bool:
    hard = cohort.environment.quota.hard()
    counted = (key for key in hard if key.removeprefix("count/").partition(".")[0] == plural)
    return any(hard[key] == "0" for key in counted if "/" in key or key == plural)
