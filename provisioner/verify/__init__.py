"""Prove, with real requests, that a running cohort is isolated; and leave nothing behind.

| module | what it does |
| --- | --- |
| `case`, `cases/` | the corpus of attacks, one file each, and how it is read |
| `attacks`, `attempt` | tries them, and tells a refusal for the reason from any other |
| `matrix`, `golden/` | asks for every right and compares with lists kept by hand |
| `people` | whose rights these are |
| `fairness` | fills a quota to its end, all at once |
| `guards` | compares what is rendered with what runs |
| `access` | how long access lasts, and that it ends |
| `course` | what a course's own settings mean for the corpus |
| `scene` | two scratch environments, and who acts in them |
| `finding`, `requirements.yaml` | what all that says of each requirement |
| `run` | one verification from beginning to end |
"""

from .finding import Finding, Proof, Requirement, Verdict, plain
from .run import Request, verify
from .scene import is_scratch

__all__ = ["Finding", "Proof", "Request", "Requirement", "Verdict", "is_scratch", "plain", "verify"]
