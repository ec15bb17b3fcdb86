"""``practicum prewarm``: make what is missing in time for class."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from ..errors import InputError, PartialError
from .options import Settings, as_json, pass_settings, say, show_json, show_lines


@click.command()
@click.argument("cohort")
@click.option(
    "--at",
    metavar="TIME",
    required=True,
    help="When class begins: 08:15 (the next one), or 2026-11-30T08:15; this machine's time.",
)
@click.option("--dry-run", is_flag=True, help="Show what is missing now, and stop.")
@as_json
@pass_settings
@click.pass_context
def prewarm(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    at: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make ahead of class what the roster has and the cohort has not, and touch nothing else.

    Waits until the time less what it takes, then runs `up` for those students alone; for all
    where the cohort was never up. It asks nobody: nobody leaves and nothing is changed by it.
    Exits with 6 where somebody failed.

    \b
    Examples:
      practicum prewarm demo --at 08:15
      practicum prewarm demo --at 08:15 --dry-run
      30 7 * * 1 cd /srv/course && practicum prewarm demo --at 08:15     in a crontab
    """
    from ..lifecycle.prewarm import prewarm as warm
    from ..report import documents, live, text

    moment = _moment(at)
    if dry_run:
        _show_ahead(settings, cohort, moment, as_json=as_json)
        return
    with live.progress(say) as progress:
        done = warm(settings, cohort, moment, confirm=lambda _: True, progress=progress)
    if as_json:
        result = documents.up(done.result) if done.result else None
        about = {"cohort": cohort, "at": moment.isoformat(), "missing": list(done.missing)}
        failed = [{"id": id, "error": why} for id, why in done.unseen.items()]
        show_json({**about, "in_time": done.in_time, "failed": failed, "up": result})
    elif done.result is None:
        show_lines([_nothing(cohort, len(done.unseen))])
    else:
        show_lines(text.up(done.result))
        if not done.in_time:
            say(f"It was not ready at {moment:%H:%M}; begin earlier next time.")
    for id, why in done.unseen.items():
        say(f"{id}: {why}")
    if done.unseen or (done.result and not done.result.is_whole):
        context.exit(PartialError.exit_code)


def _show_ahead(settings: Settings, cohort: str, at: datetime, *, as_json: bool) -> None:
    """Show what would be made and when, without waiting for it."""
    from ..lifecycle.prewarm import look
    from ..report import documents, plan_text

    found = look(settings, cohort, at)
    for line in plan_text.lines(found.reading):
        say(line)
    if found.begins:
        say(f"{len(found.missing)} to be made; that begins at {found.begins:%H:%M:%S}.")
    for id, why in found.unseen.items():
        say(f"{id}: {why}")
    if as_json:
        begins = found.begins.isoformat() if found.begins else None
        about = {"at": at.isoformat(), "missing": list(found.missing), "begins": begins}
        show_json({**documents.planned(found.reading), **about})
    say("Nothing was changed.")


def _nothing(cohort: str, unseen: int) -> str:
    if unseen:
        return f"{cohort}: nothing to make; of {unseen} student(s) it is not known, or not possible"
    return f"{cohort}: nobody's environment is missing"


def _moment(text: str) -> datetime:
    """Read when class begins; an hour alone is the next one of that name.

    Raises:
        InputError: If it is no time.
    """
    now = datetime.now().astimezone()
    try:
        if "T" not in text and "-" not in text:
            clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007  (the date is today's)
            moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
            return moment if moment > now else moment + timedelta(days=1)
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise InputError(f"{text} is no time.", hint="Write 08:15, or 2026-11-30T08:15.") from None
