"""``practicum rehearsal``: a control plane on this machine, up, looked at, and down."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from ..settings import Settings
from .options import as_json, pass_settings, say, show_json

if TYPE_CHECKING:
    from ..rehearsal import Status


@click.group()
def rehearsal() -> None:
    """Run a Kubernetes control plane on this machine, without pods.

    etcd, the API server, the controllers and the scheduler are the real ones, as local
    processes on loopback ports; the nodes are simulated, so no pod ever runs a container.
    Everything lies in the folder `rehearsal` of --home. Your ~/.kube/config is not touched.

    \b
    Examples:
      practicum rehearsal up
      kubectl --kubeconfig .practicum/rehearsal/kubeconfig get namespaces
      practicum rehearsal down
    """


@rehearsal.command()
@click.option(
    "--authentication-config",
    type=click.File("rb"),
    metavar="FILE",
    help="An AuthenticationConfiguration: whose logins the API server takes. It is kept"
    " until `down`; a running API server is started again.",
)
@as_json
@pass_settings
def up(settings: Settings, *, authentication_config: BinaryIO | None, as_json: bool) -> None:
    """Start the rehearsal, or repair it; its objects stay.

    \b
    Examples:
      practicum rehearsal up
      practicum rehearsal up --authentication-config school.yaml
      practicum --home /tmp/second rehearsal up     a second one beside it
    """
    from .. import rehearsal as control_plane

    logins = authentication_config.read() if authentication_config else None
    control_plane.up(settings.home, say, authentication=logins)
    _show(control_plane.status(settings.home), as_json=as_json)


@rehearsal.command()
@as_json
@pass_settings
def status(settings: Settings, *, as_json: bool) -> None:
    """Say whether the rehearsal runs, and how to reach it.

    \b
    Examples:
      practicum rehearsal status
      practicum rehearsal status --json
    """
    from .. import rehearsal as control_plane

    _show(control_plane.status(settings.home), as_json=as_json)


@rehearsal.command()
@click.option(
    "--keep-data", is_flag=True, help="Only stop it: the next `up` has its objects again."
)
@as_json
@pass_settings
def down(settings: Settings, *, keep_data: bool, as_json: bool) -> None:
    """Stop the rehearsal and delete everything of it.

    \b
    Examples:
      practicum rehearsal down
      practicum rehearsal down --keep-data
    """
    from .. import rehearsal as control_plane

    existed = control_plane.down(settings.home, say, keep_data=keep_data)
    if as_json:
        _show(control_plane.status(settings.home), as_json=True)
        return
    ended = "The rehearsal is stopped; its objects are kept." if keep_data else "Nothing is left."
    click.echo(ended if existed else "There is no rehearsal.")


def _show(found: Status, *, as_json: bool) -> None:
    show_json(_document(found)) if as_json else click.echo(_text(found))


def _document(found: Status) -> dict[str, object]:
    return {
        "running": found.running,
        "kubeconfig": str(found.kubeconfig) if found.kubeconfig else None,
        "server": found.server,
        "version": found.version,
        "processes": [
            {"name": process.name, "pid": process.pid, "running": process.running}
            for process in found.processes
        ],
        "note": found.note,
    }


def _text(found: Status) -> str:
    if found.server is None:
        return "There is no rehearsal. Start one with: practicum rehearsal up"
    if not found.running:
        dead = ", ".join(process.name for process in found.processes if not process.running)
        because = f" ({dead} ended)" if dead else ""
        return f"The rehearsal is not running{because}. Start it with: practicum rehearsal up"
    return "\n".join(
        (
            f"Kubernetes {found.version} at {found.server}. {found.note}",
            f"Use it with: kubectl --kubeconfig {found.kubeconfig} get namespaces",
        )
    )
