"""Check what one would go on from after a loss: saved states, the last run, what is handed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata

from ...cohort import Cohort
from ...cohort import records as record_file
from ...errors import PracticumError
from ...manifest import GUARD, stack_name
from ...pulumi_stack import passphrase, state_file
from ...settings import Settings
from .. import journal
from .finding import Finding


def recovery_findings(settings: Settings, cohort: Cohort) -> Iterator[Finding]:
    """Yield what was found in the files of this home; asks no cluster."""
    yield _saved_states(settings, cohort)
    yield _last_run(settings, cohort)
    yield _hand_over(settings, cohort)


def _saved_states(settings: Settings, cohort: Cohort) -> Finding:
    try:
        known = record_file.load(cohort.records_file)
    except PracticumError as error:
        return Finding(
            about="saved states", verdict="failed", found=error.message, fix=error.hint or ""
        )
    waves = sorted({record.wave for record in known.values()})
    stacks = [stack_name(cohort.name, GUARD), *(stack_name(cohort.name, wave) for wave in waves)]
    url, provider = settings.state_url, metadata.version("pulumi_kubernetes")
    found = {one: state_file.trouble(url, one, provider=provider) for one in stacks}
    bad = [f"{stack}: {why}" for stack, why in found.items() if why]
    if bad:
        fix = f"keep them aside and build them anew with: practicum adopt {cohort.name}"
        return Finding(about="saved states", verdict="failed", found="; ".join(bad), fix=fix)
    return _opened(settings, stacks, provider) or Finding(
        about="saved states", verdict="ok", found="whole, as far as there are any"
    )


def _opened(settings: Settings, stacks: Iterable[str], provider: str) -> Finding | None:
    """Try the passphrase on the first state that is here; they all have the same."""
    file = settings.home / "passphrase"
    paths = (state_file.path_of(settings.state_url, stack) for stack in stacks)
    first = next((path for path in paths if path and path.exists()), None)
    saved = state_file.read(first, first.stem, provider=provider) if first else None
    if saved is None or not file.exists() or passphrase.opens(saved, file.read_text().strip()):
        return None
    return Finding(
        about="saved states",
        verdict="failed",
        found=f"the passphrase in {file} does not open them",
        fix="put the old file back from your backup of that folder",
    )


def _last_run(settings: Settings, cohort: Cohort) -> Finding:
    found = journal.unfinished(settings, cohort.name)
    if found is None or found.alive:
        here = f"`{found.command}` is under way" if found else "ended in order, or there was none"
        return Finding(about="last run", verdict="ok", found=here)
    return Finding(
        about="last run",
        verdict="warning",
        found=f"the `{found.command}` of {found.began:%Y-%m-%d %H:%M} UTC did not end in order",
        fix=f"see what is unknown with: practicum status {cohort.name}",
    )


def _hand_over(settings: Settings, cohort: Cohort) -> Finding:
    """Say what a second operator needs to do all that this one can."""
    parts = [
        f"the folder {cohort.folder} (git)",
        f"the state: {settings.state_url}",
        f"the passphrase that opens it: {settings.home / 'passphrase'}",
        f"the private half of the course key {cohort.course_key}" if cohort.course_key else "",
        "an access of their own to the cluster",
    ]
    found = f"a second operator needs {'; '.join(filter(None, parts))}"
    return Finding(about="hand-over", verdict="ok", found=found)
