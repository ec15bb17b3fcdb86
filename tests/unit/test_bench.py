"""The pure parts of the bench, and that its far network really is as far as it says."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench import audit, cohort, evidence, host_table, measure, proxy, report, targets
from bench.audit_log import AuditLog
from bench.results import (
    ADD,
    DOWN,
    FAR,
    KUBECTL,
    LOOPBACK,
    NO_OP,
    PLAN,
    PRACTICUM,
    RAW,
    UP,
    HostRun,
    Measurement,
    Results,
    Revocation,
    Session,
)

OBJECTS = {"Namespace": 305, "RoleBinding": 600, "PriorityClass": 0}
PAGES = 4


def measured(subject: str, case: str, seconds: float, network: str = LOOPBACK, **more: object):
    given = {
        "students": 300,
        "cpu": seconds,
        "server_cpu": 0.0,
        "others_cpu": 0.0,
        "peak_mib": 500.0,
        "resident_mib": 600.0,
        "requests": audit.Requests(reading=PAGES),
        "etcd_mib": 1.0,
        "programs": {"practicum": measure.Program(processes=1, peak_mib=40.0, cpu=seconds)},
    }
    return Measurement(subject=subject, case=case, seconds=seconds, network=network, **given | more)


def of(*measurements: Measurement, **more: object) -> Results:
    sizes = {str(found.students) for found in measurements}
    objects = dict.fromkeys(sizes, OBJECTS)
    return Results(machine={}, objects=objects, measurements=measurements, **more)


def verdict(results: Results, figure: str) -> targets.Verdict:
    [found] = [found for found in targets.judge(results) if found.figure == figure]
    return found


def test_a_ratio_is_of_the_same_case_size_and_network():
    results = of(
        measured(PRACTICUM, UP, 20.0),
        measured(KUBECTL, UP, 5.0),
        measured(KUBECTL, UP, 50.0, FAR),
        measured(KUBECTL, UP, 1.0, students=10),
        measured(RAW, UP, 4.0),
    )

    assert results.ratio(KUBECTL, UP, 300, LOOPBACK) == 4.0
    assert results.ratio(RAW, UP, 300, LOOPBACK) == 5.0
    assert results.ratio(KUBECTL, UP, 300, FAR) is None


def test_a_plan_is_compared_with_applying_again():
    results = of(
        measured(PRACTICUM, PLAN, 1.0), measured(KUBECTL, UP, 5.0), measured(KUBECTL, NO_OP, 4.0)
    )

    assert results.ratio(KUBECTL, PLAN, 300, LOOPBACK) == 0.25


def test_repetitions_count_by_their_median():
    results = of(*(measured(PRACTICUM, DOWN, seconds) for seconds in (9.0, 1.0, 2.0)))

    assert results.middle(PRACTICUM, DOWN, 300, LOOPBACK) == 2.0


KUBECTL_S = "against kubectl"


@pytest.mark.parametrize(
    ("figure", "own", "other", "reached", "aimed"),
    [
        ("no-op plan of 300, loopback", (PLAN, 0.1), (NO_OP, 5.0), True, True),
        ("no-op plan of 300, loopback", (PLAN, 0.25), (NO_OP, 5.0), True, False),
        ("no-op plan of 300, loopback", (PLAN, 0.26), (NO_OP, 5.0), False, False),
        ("no-op up of 300, loopback", (NO_OP, 0.25), (UP, 4.0), False, False),
        ("cold up of 300, loopback", (UP, 10.0), (UP, 5.0), True, True),
        ("cold up of 300, loopback", (UP, 15.0), (UP, 5.0), True, False),
        ("cold up of 300, loopback", (UP, 15.1), (UP, 5.0), False, False),
    ],
)
def test_a_figure_is_reached_up_to_its_limit(figure, own, other, reached, aimed):
    found = verdict(
        of(measured(PRACTICUM, *own), measured(KUBECTL, *other)), f"{figure}, {KUBECTL_S}"
    )

    assert (found.reached, found.aimed) == (reached, aimed)


@pytest.mark.parametrize(("seconds", "reached"), [(16.0, True), (17.0, False)])
def test_far_away_a_cold_up_has_to_take_a_third_of_kubectls_time(seconds, reached):
    results = of(measured(PRACTICUM, UP, seconds, FAR), measured(KUBECTL, UP, 50.0, FAR))

    assert verdict(results, f"cold up of 300, 25 ms, {KUBECTL_S}").reached is reached


def test_far_away_a_no_op_is_held_against_a_cold_up_and_says_so():
    results = of(measured(PRACTICUM, PLAN, 2.5, FAR), measured(KUBECTL, UP, 50.0, FAR))

    assert verdict(results, f"no-op plan of 300, 25 ms, {KUBECTL_S}'s cold up").reached
    assert "figures to reach compare them with kubectl's *cold up*" in report.render(results)


@pytest.mark.parametrize(("many", "reached", "aimed"), [(1.2, True, True), (1.6, False, False)])
def test_one_more_costs_the_same_whatever_the_cohorts_size(many, reached, aimed):
    few = measured(PRACTICUM, ADD, 1.0, students=10)

    found = verdict(
        of(few, measured(PRACTICUM, ADD, many, students=1000)),
        "adding one to 1000, against adding one to 10",
    )

    assert (found.reached, found.aimed) == (reached, aimed)


def test_a_thousand_may_take_a_little_longer_each_than_a_hundred():
    hundred = measured(PRACTICUM, UP, 10.0, students=100)

    for seconds, reached in ((129.0, True), (131.0, False)):
        results = of(hundred, measured(PRACTICUM, UP, seconds, students=1000))
        assert verdict(results, "cold up of 1000, time a student against 100").reached is reached


def test_a_down_is_compared_by_the_time_that_namespaces_take_to_go():
    own = measured(PRACTICUM, DOWN, 99.0, deleting=12.0)
    figure = "down of 300, first delete to last namespace gone, against bare deletes"

    assert verdict(of(own, measured(RAW, DOWN, 1.0, deleting=10.0)), figure).reached
    assert not verdict(of(own, measured(RAW, DOWN, 1.0, deleting=9.0)), figure).reached


@pytest.mark.parametrize(("slowest", "reached"), [(14.9, True), (15.1, False)])
def test_revocations_are_judged_by_the_slowest(slowest, reached):
    trials = tuple(Revocation(seconds=seconds) for seconds in (1.0, slowest))

    found = verdict(of(revocations=trials), "a token dies after revoke, slowest of 2")

    assert found.reached is reached


@pytest.mark.parametrize(
    ("requests", "reached"),
    [
        ([(PAGES, 0), (PAGES, 0)], True),
        ([(PAGES + 2, 0), (PAGES + 2, 0)], True),
        ([(PAGES, 0), (PAGES + 1, 0)], False),
        ([(PAGES, 0), (PAGES, 1)], False),
    ],
)
def test_a_no_op_may_read_its_pages_and_a_constant_and_change_nothing(requests, reached):
    results = of(
        *(
            measured(
                PRACTICUM, NO_OP, 1.0, requests=audit.Requests(reading=reading, mutating=mutating)
            )
            for reading, mutating in requests
        )
    )

    assert verdict(results, "requests of a no-op").reached is reached


def test_a_no_op_that_starts_a_process_is_told():
    program = measure.Program(processes=1, peak_mib=1.0, cpu=0.1)
    quiet = measured(PRACTICUM, PLAN, 1.0)
    busy = measured(PRACTICUM, PLAN, 1.0, programs={"practicum": program, "pulumi": program})

    assert verdict(of(quiet), "processes that a no-op starts").reached
    assert verdict(of(quiet, busy), "processes that a no-op starts").found == "1"


@pytest.mark.parametrize(("peak", "reached"), [(1024.0, True), (1030.0, False)])
def test_memory_is_judged_by_the_highest_peak(peak, reached):
    results = of(measured(PRACTICUM, UP, 1.0), measured(PRACTICUM, DOWN, 1.0, peak_mib=peak))

    assert verdict(results, "peak memory at 300, Pulumi with it").reached is reached


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert {found.reached for found in targets.judge(of())} == {None}


def test_a_report_can_be_written_again_from_its_file(tmp_path: Path):
    results = of(
        measured(PRACTICUM, UP, 20.0),
        measured(KUBECTL, UP, 5.0),
        help_seconds=(0.1, 0.2, 0.3),
        failures=("a round: broke off",),
    )

    results.save(tmp_path / "last.json")
    again = Results.load(tmp_path / "last.json")

    assert again == results
    assert "| practicum --help | ≤ 0.30 s |  | 0.20 s | reached |  |" in report.render(again)
    assert "a round: broke off" in report.render(again)


def on_a_host(students: int, seconds: float, part: float | None, subject: str = "practicum"):
    return [
        HostRun(subject=subject, case=case, students=students, seconds=seconds, host_part=part)
        for case in host_table.CASES
    ]


def test_what_a_student_more_costs_on_a_host_is_judged_and_so_is_the_hosts_part():
    results = of(hosts=(*on_a_host(10, 20.0, 15.0), *on_a_host(100, 200.0, 16.5)))

    found = {one.figure: (one.found, one.reached) for one in host_table.verdicts(results)}

    assert found["a student more on a host, first run"] == ("2.00 s", False)
    assert found["host's part of 100 by that of 10, second run"] == ("1.10 times", True)
    assert {one.reached for one in host_table.verdicts(of())} == {None}
    rows = list(host_table.rows(of(hosts=(*results.hosts, *on_a_host(10, 80.0, None, "loop")))))
    assert rows[1] == ("practicum", "100", "200.0", "200.0", "2.00", "2.00", "16.5", "16.5")
    assert rows[2] == ("loop", "10", "80.0", "80.0", "", "", "", "")
    assert "| practicum | 100 | 200.0 |" in report.render(results)


def test_what_is_measured_again_takes_the_place_of_what_was():
    session = Session(date="today", commit="abc", load="0.1")
    before = of(
        measured(PRACTICUM, UP, 9.0, unit="a"),
        measured(PRACTICUM, DOWN, 9.0, unit="a"),
        measured(PRACTICUM, UP, 7.0, unit="b"),
        failures=("a: broke off", "b: broke off", "kind: no engine"),
    )
    assert (before.failed("a"), before.failed("c")) == (True, False)
    again = of(measured(PRACTICUM, UP, 1.0, unit="a"), units={"a": session})

    merged = before.then(again)

    assert [(one.unit, one.seconds) for one in merged.measurements] == [("b", 7.0), ("a", 1.0)]
    assert merged.units == {"a": session}
    assert merged.failures == ("b: broke off", "kind: no engine")


def about(
    verb: str,
    came: str,
    done: str,
    subresource: str = "",
    user: str = "admin",
    *,
    name: str = "a",
    code: int = 200,
) -> bytes:
    return event(
        verb,
        f"/api/v1/namespaces/{name}",
        objectRef={"resource": "namespaces", "subresource": subresource, "name": name},
        requestReceivedTimestamp=f"2026-11-23T10:00:{came}Z",
        stageTimestamp=f"2026-11-23T10:00:{done}Z",
        user={"username": user},
        responseStatus={"code": code},
    )


def test_namespaces_take_from_the_first_delete_to_the_last_finalizer():
    log = [
        about("delete", "01", "02", user="another"),
        about("delete", "03", "04"),
        about("delete", "05", "06"),
        about("update", "07", "08", "finalize", "system:controller"),
        about("update", "10", "11", "finalize", "system:controller"),
        about("update", "20", "21"),
    ]

    assert audit.deleting(log, "admin") == 8.0
    assert audit.deleting(log[:1], "admin") == 0.0


def test_a_namespace_that_is_tied_takes_until_it_is_let_go_of():
    log = [
        about("delete", "03", "04"),
        about("update", "10", "11", "finalize", "system:controller"),
        about("patch", "12", "13"),
        about("patch", "14", "15", code=404),
        about("patch", "16", "17", user="another"),
        about("patch", "18", "19", name="another"),
    ]

    assert audit.deleting(log, "admin") == 10.0


def event(verb: str, uri: str, **more: object) -> bytes:
    user = {"username": "admin"}
    return json.dumps(
        {"verb": verb, "requestURI": uri, "stage": "ResponseComplete", "user": user} | more
    ).encode()


@pytest.mark.parametrize(
    ("line", "reading", "mutating"),
    [
        (event("list", "/api/v1/namespaces?limit=500"), 1, 0),
        (event("patch", "/api/v1/namespaces/a"), 0, 1),
        (event("patch", "/api/v1/namespaces/a?dryRun=All"), 1, 0),
        (event("create", "/x", objectRef={"resource": "selfsubjectaccessreviews"}), 1, 0),
        (event("create", "/x", objectRef={"resource": "pods"}), 0, 1),
        (event("watch", "/x", stage="ResponseStarted"), 0, 0),
        (event("delete", "/x", user={"username": "system:controller"}), 0, 0),
        (event("get", "/version?fence=1"), 0, 0),
    ],
)
def test_requests_count_once_and_by_what_they_may_do(line, reading, mutating):
    assert audit.count([line], "admin") == audit.Requests(reading=reading, mutating=mutating)


def test_a_log_that_begins_anew_in_the_middle_of_a_case_is_read_whole(tmp_path: Path):
    path = tmp_path / "audit.log"
    path.write_bytes(b"before\n")
    with closing(AuditLog(path)) as log:
        mark = log.end()
        with path.open("ab") as file:
            file.write(b"first\n")
        moved = path.rename(tmp_path / "audit-1.log")
        assert log.read(mark) == b"first\n"  # the new one is not there yet
        path.write_bytes(b"second\n")

        assert log.read(mark) == b"first\nsecond\n"
        assert log.read(log.end() - len(b"second\n")) == b"second\n"
        moved.unlink()  # the server keeps one
        assert log.read(mark) == b"first\nsecond\n"


def test_yardsticks_are_given_whole_requests(tmp_path: Path):
    manifest = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: n}\n"

    rendering = cohort.Rendering.write(tmp_path / "all", [manifest])

    [request] = json.loads(rendering.requests.read_text())
    assert request["path"] == "/api/v1/namespaces/n/resourcequotas/q"
    assert json.loads(request["body"])["kind"] == "ResourceQuota"
    assert rendering.kinds["ResourceQuota"] == 1


TREE = """
import subprocess, sys
block = bytearray(64 * 2**20)
subprocess.run([sys.executable, "-c", "sum(range(2 * 10**7))"], check=True)
print("done")
"""


def test_a_run_is_measured_with_all_that_it_starts():
    run = measure.run([sys.executable, "-c", TREE], env=os.environ)

    assert (run.code, run.stdout) == (0, "done\n")
    assert min(run.peak_mib, run.resident_mib) > 64
    assert sum(program.processes for program in run.programs.values()) == 2
    assert 0 < sum(program.cpu for program in run.programs.values()) <= run.cpu + 0.1


async def _exchange(round_trip: float, size: int) -> tuple[float, bytes]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(size))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    far = await proxy.serve(server.sockets[0].getsockname()[1], round_trip)
    async with server, far:
        reader, writer = await asyncio.open_connection(*far.sockets[0].getsockname())
        began = time.monotonic()
        writer.write(b"x" * size)
        answer = await reader.readexactly(size)
        took = time.monotonic() - began
        writer.close()
        await writer.wait_closed()
    return took, answer


def _takes(round_trip: float, size: int, *, least: float, less_than: float) -> bool:
    """Say whether one exchange of some takes so long: a laden machine may add its own time."""
    for _ in range(10):
        took, answer = asyncio.run(_exchange(round_trip, size))
        assert answer == b"x" * size
        assert took >= least
        if took < less_than:
            return True
    return False


def test_the_far_network_adds_its_round_trip_once_to_connect_and_once_to_ask():
    assert _takes(0.3, 5, least=0.6, less_than=0.9)


def test_the_far_network_delays_and_does_not_limit():
    """8 MiB are a hundred chunks: were each held in turn, this would take ten seconds."""
    assert _takes(0.2, 8 * 2**20, least=0.4, less_than=5)


def test_what_a_failed_run_left_is_kept(tmp_path):
    """The log of a wave that hung was gone when somebody asked."""
    home = tmp_path / "home"
    for name in ("pulumi/a/logs/a.wave-01.log", "rehearsal/logs/etcd.log", "rehearsal/audit.log"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    done = measure.run(
        [
            sys.executable,
            "-c",
            "import sys; print('out'); print('err', file=sys.stderr); sys.exit(6)",
        ],
        env=dict(os.environ),
    )

    kept = evidence.keep(["practicum", "up"], done, home, tmp_path / "failed")

    assert {path.name: path.read_text().splitlines()[0] for path in kept.iterdir()} == {
        "run.txt": "practicum up",
        "stdout.txt": "out",
        "stderr.txt": "err",
        "pulumi-a-logs-a.wave-01.log": "pulumi/a/logs/a.wave-01.log",
        "rehearsal-logs-etcd.log": "rehearsal/logs/etcd.log",
    }
