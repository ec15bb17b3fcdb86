"""What every page is that Practicum writes: one file, to print, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """\
:root { --ink: #1b1f24; --faint: #57606a; --line: #d0d7de; --paper: #fff; --good: #116329;
  --bad: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9da7b3; --line: #3d444d;
  --paper: #0d1117; --good: #4ac26b; --bad: #ff938a; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; } .faint { color: var(--faint); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { vertical-align: top; border-bottom: 1px solid var(--line); } th { font-weight: 600; }
thead th { vertical-align: bottom; overflow-wrap: normal; }
@media print { :root { --ink: #000; --faint: #444; --line: #bbb; --paper: #fff; --good: #116329;
  --bad: #a40e26; } body { padding: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def whole(title: str, style: str, body: str) -> str:
    """Return a whole HTML page, with the style that all pages have.

    Args:
        title: Is escaped.
        style: What this page has beside the common style.
        body: Is put in as it is.
    """
    return PAGE.format(title=escape(title), style=STYLE + style, body=body)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of facts, each with its name; all is escaped."""
    lines = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return "<dl>\n" + "\n".join(lines) + "\n</dl>"
