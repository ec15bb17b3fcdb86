"""``practicum access``: assistants who may look, for some hours."""

from __future__ import annotations

import click

from .options import Settings, as_json, pass_settings, show_json, show_lines, show_table


@click.group()
def access() -> None:
    """Let an assistant look into the environments for some hours.

    Assistants are those of cohort.yaml who have a key there. They see everything in the
    students' namespaces but Secrets, and change nothing.

    \b
    Examples:
      practicum access grant demo "Lee Jiwoo" --for 2h
      practicum access list demo
      practicum access revoke demo "Lee Jiwoo"
    """


@access.command()
@click.argument("cohort")
@click.argument("assistant")
@click.option("--for", "length", metavar="TIME", required=True, help="How long, as 2h or 1h30m.")
@as_json
@pass_settings
def grant(settings: Settings, cohort: str, assistant: str, length: str, *, as_json: bool) -> None:
    """Write a kubeconfig that ends by itself, encrypted to the assistant's key.

    \b
    Examples:
      practicum access grant demo "Lee Jiwoo" --for 2h
    """
    from ..cohort import duration
    from ..lifecycle.access import assistance
    from ..report import documents

    given = assistance.grant(settings, cohort, assistant, duration.parse(length, "--for"))
    if as_json:
        expires = documents.end(given.expires)
        show_json({"assistant": given.id, "path": str(given.path), "expires": expires})
        return
    show_lines(
        [
            f"{given.path}  until {given.expires:%Y-%m-%d %H:%M} UTC",
            f"It is opened with: {given.opener}",
        ]
    )


@access.command("list")
@click.argument("cohort")
@as_json
@pass_settings
def list_(settings: Settings, cohort: str, *, as_json: bool) -> None:
    """Show who can be granted access, and who has it now.

    \b
    Examples:
      practicum access list demo
    """
    from ..lifecycle.access import assistance
    from ..report import documents

    document = documents.access(cohort, assistance.grants(settings, cohort))
    if as_json:
        show_json(document)
        return
    rows = [(one["assistant"], one["state"], one["expires"] or "") for one in document["access"]]
    show_table(("assistant", "access", "until"), rows)


@access.command()
@click.argument("cohort")
@click.argument("assistant")
@as_json
@pass_settings
def revoke(settings: Settings, cohort: str, assistant: str, *, as_json: bool) -> None:
    """End an assistant's access at once; the cluster remembers a token for ten seconds.

    \b
    Examples:
      practicum access revoke demo "Lee Jiwoo"
    """
    from ..lifecycle.access import assistance

    ended = assistance.end(settings, cohort, assistant)
    if as_json:
        show_json({"cohort": cohort, "assistant": assistant, "ended": ended})
    else:
        show_lines(["The access is ended." if ended else "There was no access to end."])
