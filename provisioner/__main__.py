"""Run ``practicum`` as ``python -m provisioner``."""

from .cli import practicum

practicum(prog_name="practicum")
