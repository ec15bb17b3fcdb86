"""The frame of every page that is written: one file, to print or to hand on, with nothing loaded."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from string import Template

_FRAME = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { --ink: #1b1f24; --faint: #57606a; --line: #d0d7de; --paper: #fff; --bar: #0a58ca;
  --hatch: #8c959f; --warn: #8a3c00; --good: #116329; --bad: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9da7b3; --line: #3d444d;
  --paper: #0d1117; --bar: #6cb0ff; --hatch: #6e7681; --warn: #ffb37c; --good: #56d364;
  --bad: #ff7b72; } }
@media print { :root { --ink: #000; --faint: #444; --line: #bbb; --paper: #fff; --bar: #0a58ca;
  --hatch: #888; --warn: #8a3c00; --good: #116329; --bad: #a40e26; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; } .faint { color: var(--faint); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { vertical-align: top; border-bottom: 1px solid var(--line); } th { font-weight: 600; }
@media print { body { padding: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; } }
$style</style>
</head>
<body>
<main>
$body</main>
</body>
</html>
""")


def page(title: str, body: str, *, style: str) -> str:
    """Return a whole page.

    Args:
        title: What a window calls it; it is escaped.
        body: HTML, in which everything that was put in is escaped.
        style: CSS rules that this kind of page has beside the common ones.
    """
    return _FRAME.substitute(title=escape(title), body=body, style=style)


def facts(found: Iterable[tuple[str, str]]) -> str:
    """Return the lines of a list of facts; they are escaped."""
    return "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in found)
