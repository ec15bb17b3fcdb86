"""``practicum kind``: the image of a kind node, for machines without an image registry."""

from __future__ import annotations

from pathlib import Path

import click

from .options import as_json, say, show_json


@click.group()
def kind() -> None:
    """Make a node image for kind where no image registry can be reached.

    Where kind can pull its own image, none of this is needed.

    \b
    Examples:
      practicum kind image build
      practicum kind image save node.tar      take this file to the other machine
      practicum kind image load node.tar      and load it there
    """


@kind.group()
def image() -> None:
    """Build, save and load the image of a kind node.

    \b
    Examples:
      practicum kind image build
      practicum kind image save node.tar
    """


@image.command()
@click.option(
    "--mirror",
    metavar="URL",
    default="",
    help="A mirror of Debian; default: where this machine takes its packages from.",
)
@as_json
def build(*, mirror: str, as_json: bool) -> None:
    """Build the node image from package registries alone, once.

    Kubernetes, etcd and CoreDNS are built from pinned Go modules, the rest are Debian's
    packages. Needs a container engine, root, and debootstrap. The first build takes about
    ten minutes on two cores; later ones find what is there.

    \b
    Examples:
      practicum kind image build
      kind create cluster --image "$(practicum kind image build)"
    """
    from ..kind import image as node_image
    from ..kind.docker import Engine

    built = node_image.build(Engine(), say, mirror=mirror)
    if as_json:
        show_json({"image": built.name, "seconds": round(built.seconds, 1)})
    else:
        click.echo(built.name)


@image.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--image", "name", metavar="NAME", help="Another image that the engine has.")
def save(*, file: Path, name: str | None) -> None:
    """Write the node image into FILE, for a machine that cannot build it.

    \b
    Examples:
      practicum kind image save node.tar
      practicum kind image save node.tar --image kindest/node:v1.34.0
    """
    from ..kind import image as node_image
    from ..kind import recipe
    from ..kind.docker import Engine

    node_image.save(Engine(), file, name or recipe.image_name(), say)
    click.echo(f"Load it there with: practicum kind image load {file.name}")


@image.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def load(*, file: Path, as_json: bool) -> None:
    """Give the container engine the image that `save` wrote.

    \b
    Examples:
      practicum kind image load node.tar
      kind create cluster --image "$(practicum kind image load node.tar)"
    """
    from ..kind import image as node_image
    from ..kind.docker import Engine

    name = node_image.load(Engine(), file, say)
    if as_json:
        show_json({"image": name})
    else:
        click.echo(name)
