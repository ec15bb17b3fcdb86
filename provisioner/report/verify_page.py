"""The page of a verification: one file, to print, for readers who know no Kubernetes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from string import Template

from .. import private_file
from ..verify import Proof, Requirement, Verdict
from . import page as frame

VERDICTS: dict[Verdict, str] = {
    "failed": "Failed",
    "unproven": "Unproven",
    "passed": "Passed",
    "waived": "Waived",
}
EXPLAINED: dict[Verdict, str] = {
    "failed": "A request that must be refused was not, or could not be tried. Act on these.",
    "unproven": "This check cannot show it on this cluster. It is not a statement that all is"
    " well: ask for the evidence that is named.",
    "passed": "Every case was tried and went as it must. A refusal counts only for the expected"
    " reason, and only if the permitted counterpart was accepted.",
    "waived": "Not a property of this cluster, or not asked for by the course's settings.",
}

STYLE = """\
.verdict { border: 2px solid; border-radius: .4rem; padding: .6rem 1rem; margin: 1rem 0;
  font-weight: 600; }
.verdict.passed { color: var(--good); } .verdict.failed, .verdict.unproven { color: var(--bad); }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; overflow-wrap: anywhere; }
td.number { text-align: right; white-space: nowrap; }
td.id, .standards span { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.standards { font-size: .8rem; } td.standards:not(:empty) { width: 38%; }
@media (max-width: 48rem) { .standards, th:last-child { display: none; } }
"""

BODY = Template("""\
<h1>Isolation of the course “$cohort”</h1>
<p class="faint">What was tested: whether students of this course can read, change or starve each
other, or become more than students. It was tested by sending real requests to the running
cluster with the students' own rights.</p>
<p class="verdict $verdict">$headline</p>
$facts
$sections
<h2>How it was done</h2>
<ul>
$notes
</ul>
<p class="faint">Written by Practicum. Ids in the last column: Kubernetes Multi-Tenancy Benchmarks
(MTB) and CIS Kubernetes Benchmark (CIS), where a case covers one.</p>
""")


def write(path: Path, proof: Proof) -> None:
    """Write the page whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    private_file.write(path, page(proof).encode())


def page(proof: Proof) -> str:
    """Return the page of a verification; everything that is put in is escaped."""
    body = BODY.substitute(
        cohort=escape(proof.cohort),
        verdict=escape(proof.verdict),
        headline=escape(_headline(proof)),
        facts=frame.facts(_facts(proof)),
        sections="\n".join(_sections(proof.requirements)),
        notes="\n".join(f"<li>{escape(note)}</li>" for note in proof.notes),
    )
    return frame.whole(f"Isolation of {proof.cohort}: {proof.verdict}", STYLE, body)


def _headline(proof: Proof) -> str:
    counts = Counter(one.verdict for one in proof.requirements)
    told = ", ".join(f"{counts[v]} {name.lower()}" for v, name in VERDICTS.items() if counts[v])
    return f"Verdict: {proof.verdict}. Of {len(proof.requirements)} requirements: {told}."


def _facts(proof: Proof) -> Iterator[tuple[str, str]]:
    yield "Time", f"{proof.time:%Y-%m-%d %H:%M:%S} UTC, in {proof.seconds:g} seconds"
    yield "Students", f"{proof.students}; asked about in full: {', '.join(proof.in_full)}"
    yield "Cluster", f"{proof.server}, Kubernetes {proof.version}"
    yield "Cluster UID", proof.cluster
    cases = sum(one.cases for one in proof.findings if one.verdict in ("passed", "failed"))
    yield "Cases", f"{cases} answered questions and attempts"
    if proof.simulated:
        yield "Kind of cluster", "a rehearsal: the API server is real, pods are simulated"


def _sections(requirements: Iterable[Requirement]) -> Iterator[str]:
    requirements = list(requirements)
    for verdict, title in VERDICTS.items():
        mine = [one for one in requirements if one.verdict == verdict]
        if mine:
            rows = "\n".join(map(_row, mine))
            yield (
                f'<h2>{title} ({len(mine)})</h2>\n<p class="faint">{EXPLAINED[verdict]}</p>\n'
                '<table>\n<thead><tr><th scope="col">Id</th><th scope="col">Requirement</th>'
                '<th scope="col">Cases</th><th scope="col">Standards</th></tr></thead>\n'
                f"<tbody>\n{rows}\n</tbody>\n</table>"
            )


def _row(one: Requirement) -> str:
    why = f'<br><span class="faint">{escape(one.why)}</span>' if one.why else ""
    standards = ", ".join(f"<span>{escape(id)}</span>" for id in one.standards)
    return (
        f'<tr><td class="id">{escape(one.id)}</td><td>{escape(one.what)}{why}</td>'
        f'<td class="number">{one.cases}</td><td class="standards">{standards}</td></tr>'
    )
