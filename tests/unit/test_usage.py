"""The account of a term: what is known adds up, what is not is never nothing."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import csv_table
from provisioner.errors import InputError
from provisioner.report import chart, usage_page, usage_text
from provisioner.usage import Prices, Sample, Store, Subject, account, load_prices, sample_of
from provisioner.usage.prices import cost
from provisioner.usage.rollup import DAY, HOUR, daily, oldest_hour, with_sample
from provisioner.usage.sample import MEASURES

START = datetime(2026, 9, 7, tzinfo=UTC)
GIB = 2.0**30
EUR = Prices(
    currency="EUR", cpu_hour=Decimal("0.02"), memory_gib_hour=Decimal("0.003"),
    storage_gib_month=Decimal("0.073"), gpu_hour=Decimal("0.8"),
)  # fmt: skip


def sample(id="1", cpu=0.0, pods=0.0, memory=0.0, share=0.0, of=""):
    amounts = dict.fromkeys(MEASURES, 0.0) | {"cpu": cpu, "pods": pods, "memory": memory}
    return Sample(student=id, amounts=amounts, fullest=share, fullest_of=of)


def row(id, start, *samples):
    found = None
    for one in samples:
        found = with_sample(found, one, int(start.timestamp()))
    return found


def usage_of(store, *, roster=("1", "2"), prices=EUR, course="Course"):
    subject = Subject(cohort="mls26", course=course, roster=frozenset(roster), time=START)
    return account(*store.read(), subject, prices)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "usage" / "mls26.sqlite")


# A sample


def test_a_quota_is_read_in_units():
    found = sample_of(
        "1",
        {
            "requests.cpu": ("1500m", "2"), "requests.memory": ("1Gi", "4Gi"), "pods": ("3", "20"),
            "requests.storage": ("0", "10Gi"), "requests.nvidia.com/gpu": ("1", "2"),
            "requests.amd.com/gpu": ("1", "2"), "limits.cpu": ("1900m", "2"),
            "services.nodeports": ("0", "0"),
        },
    )  # fmt: skip

    assert found.amounts == {"cpu": 1.5, "memory": GIB, "storage": 0, "gpu": 2, "pods": 3}
    assert (found.fullest, found.fullest_of) == (0.95, "limits.cpu")


def test_the_policy_that_the_course_put_there_brings_nobody_near_a_limit():
    policies = "count/networkpolicies.networking.k8s.io"

    idle = sample_of(
        "1", {policies: ("1", "5"), "count/configmaps": ("1", "30"), "pods": ("0", "20")}
    )
    own = sample_of("1", {policies: ("5", "5"), "pods": ("0", "20")})

    assert (idle.fullest, idle.fullest_of) == (0.0, "")
    assert (own.fullest, own.fullest_of) == (1.0, policies)


# Hours and days


def test_an_hour_is_the_mean_of_its_samples():
    found = row("1", START, sample(cpu=1), sample(cpu=2), sample(cpu=6, share=0.5, of="pods"))

    assert (found.samples, found.hours) == (3, 1)
    assert found.amounts["cpu"] == pytest.approx(3)
    assert found.peaks["cpu"] == 6
    assert (found.fullest, found.fullest_of) == (0.5, "pods")


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from("123"), st.integers(0, 64)),
        max_size=40,
        unique_by=lambda item: item[:2],
    )
)
def test_rolling_up_changes_no_sum_no_count_and_no_peak(samples):
    hours = [
        row(id, START + timedelta(hours=hour), sample(id, cpu=cpu)) for hour, id, cpu in samples
    ]

    days = daily(hours)

    for measure in (lambda r: r.amounts["cpu"], lambda r: r.hours, lambda r: r.samples):
        assert sum(map(measure, days)) == sum(map(measure, hours))
    assert max((r.peaks["cpu"] for r in days), default=0) == max(
        (r.peaks["cpu"] for r in hours), default=0
    )
    assert daily(days) == days, "done twice it changes nothing"
    assert len({(r.start, r.student) for r in days}) == len(days)
    assert {r.start % DAY for r in days} <= {0}


def test_days_are_days_in_utc_whatever_the_clock_on_the_wall_does():
    """In Berlin the night to 2026-10-25 has an hour twice; in UTC every day has 24."""
    night = datetime(2026, 10, 24, tzinfo=UTC)
    hours = [row("1", night + timedelta(hours=h), sample(cpu=1)) for h in range(48)]

    assert [found.hours for found in daily(hours)] == [24, 24]


def test_a_leap_day_is_a_day():
    last = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)

    assert oldest_hour(int(last.timestamp())) == datetime(2028, 2, 15, tzinfo=UTC).timestamp()


# The file


def test_samples_come_back_added_up(store):
    assert store.record(START, [sample(cpu=2)])
    assert store.record(START + timedelta(minutes=30), [sample(cpu=4), sample("2", cpu=1)])

    rows, [taken] = store.read()

    assert {r.student: r.amounts["cpu"] for r in rows} == {"1": 3, "2": 1}
    assert (taken.samples, taken.hours, taken.last - taken.first) == (2, 1, 1800)


def test_samples_follow_an_id_that_was_corrected(store):
    """Else the one student has left, and of the other nothing is known."""
    store.record(START, [sample("1", cpu=1.0), sample("2", cpu=5.0)])
    store.record(START + timedelta(hours=1), [sample("1", cpu=1.0)])
    store.record(START + timedelta(hours=1, minutes=2), [sample("9", cpu=4.0)])

    store.rename("1", "9")

    found = {(row.student, row.start): row for row in store.read()[0]}
    first, second = int(START.timestamp()), int(START.timestamp()) + HOUR
    assert found.keys() == {("9", first), ("2", first), ("9", second)}
    met = found["9", second]
    assert (met.amounts["cpu"], met.peaks["cpu"], met.samples, met.hours) == (2.5, 4.0, 2, 1)


def test_where_nothing_was_sampled_a_correction_makes_no_file(store, tmp_path):
    store.rename("1", "9")

    assert not (tmp_path / "usage").exists()


def test_two_looks_in_a_minute_are_one_sample(store):
    assert store.record(START, [sample(cpu=2)])
    assert not store.record(START + timedelta(seconds=59), [sample(cpu=4)])
    assert store.record(START + timedelta(seconds=60), [sample(cpu=4)])


def test_nobody_else_may_read_the_file(store, tmp_path):
    store.record(START, [sample()])

    found = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "usage").iterdir()
    }
    assert found == {"mls26.sqlite": 0o600}
    assert stat.S_IMODE((tmp_path / "usage").stat().st_mode) == 0o700


def test_a_file_that_is_open_to_others_is_refused(store, tmp_path):
    store.record(START, [sample()])
    (tmp_path / "usage" / "mls26.sqlite").chmod(0o644)

    with pytest.raises(InputError, match="open to others"):
        store.read()


def test_a_term_of_hourly_samples_stays_small(store):
    students = [str(n) for n in range(3)]
    for hour in range(0, 24 * 20, 12):
        store.record(START + timedelta(hours=hour), [sample(id, cpu=1) for id in students])

    rows, taken = store.read()

    assert sum(r.amounts["cpu"] for r in rows) == pytest.approx(3 * 2 * 20)
    assert sum(one.samples for one in taken) == 2 * 20
    hourly = [r for r in rows if r.span == HOUR]
    assert len(hourly) <= 3 * 2 * 15
    assert len(rows) - len(hourly) <= 3 * 6
    assert min(r.start for r in hourly) > max(r.start for r in rows if r.span == DAY)


def test_a_day_that_was_rolled_up_takes_late_hours(store):
    """The clock was put back: what comes late is added, and nothing is lost."""
    store.record(START, [sample(cpu=1)])
    store.record(START + timedelta(days=30), [sample(cpu=1)])
    store.record(START + timedelta(hours=5), [sample(cpu=1)])
    store.record(START + timedelta(days=30, hours=2), [sample(cpu=1)])

    rows, taken = store.read()

    assert sum(r.amounts["cpu"] for r in rows) == 4
    assert sum(one.hours for one in taken) == 4
    assert rows[0].hours == 2


def test_a_damaged_file_is_told_and_not_written_to(store, tmp_path):
    path = tmp_path / "usage" / "mls26.sqlite"
    store.record(START, [sample()])
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(InputError, match="not a database") as caught:
        store.record(START, [sample()])

    assert "move it away" in caught.value.hint
    assert path.read_bytes().startswith(b"not a database")


def test_a_file_of_a_later_version_is_left_alone(store, tmp_path):
    store.record(START, [sample()])
    with sqlite3.connect(tmp_path / "usage" / "mls26.sqlite") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()

    with pytest.raises(InputError, match="later Practicum"):
        store.read()


def test_where_nothing_was_sampled_there_is_no_file(store, tmp_path):
    assert store.read() == ([], [])
    assert not (tmp_path / "usage").exists()


# The account


def test_a_gap_is_a_gap_and_not_nothing(store):
    store.record(START, [sample(cpu=2)])
    store.record(START + timedelta(hours=9), [sample(cpu=2)])

    found = usage_of(store)

    assert (found.samples, found.known_hours, found.hours, found.missing_hours) == (2, 2, 10, 8)
    [one, two] = found.students
    assert (one.hours, one.amounts["cpu"], one.cost) == (2, 4, Decimal("0.0800"))
    assert (two.hours, two.cost, dict(two.amounts)) == (0, None, {})
    assert found.days[0].means["cpu"] == 2


def test_a_day_without_a_sample_is_in_the_account_as_one(store):
    store.record(START, [sample(cpu=2)])
    store.record(START + timedelta(days=2), [sample(cpu=2)])

    assert [(day.hours, day.means.get("cpu")) for day in usage_of(store).days] == [
        (1, 2), (0, None), (1, 2),
    ]  # fmt: skip


def test_cost_is_exact():
    amounts = {"cpu": 100.0, "memory": 200 * GIB, "storage": 730 * GIB, "gpu": 2.0, "pods": 9.0}

    assert cost(EUR, amounts) == Decimal("2") + Decimal("0.6") + Decimal("0.073") + Decimal("1.6")


def test_without_prices_nothing_is_said_of_cost(store):
    store.record(START, [sample(cpu=2)])
    found = usage_of(store, prices=Prices())

    assert (found.total.cost, found.students[0].cost) == (None, None)
    assert any("Nothing is said of cost" in line for line in usage_text.lines(found))
    assert "nothing is said of cost" in usage_page.page(found)
    assert usage_text.document(found)["total"]["cost"] is None


def test_who_is_idle_who_is_near_a_limit_and_who_has_left(store):
    store.record(START, [sample("1", pods=3), sample("9", cpu=1)])
    week = START + timedelta(days=8)
    store.record(week, [sample("1"), sample("2", pods=1, share=0.95, of="pods")])

    found = {one.id: one for one in usage_of(store, roster=["1", "2", "3"]).students}

    assert {id: usage_text.note(one) for id, one in found.items()} == {
        "1": "idle", "2": "near a limit", "3": "", "9": "has left",
    }  # fmt: skip


def test_no_sample_at_all_is_said(store):
    found = usage_of(store)

    assert "nothing is known" in next(usage_text.lines(found))
    assert usage_text.document(found)["total"]["cpu_hours"] is None
    assert "none yet" in usage_page.page(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("currency: Euro\n", "three letters"),
        ("cpu_hour: 0.02\n", "three letters"),
        ("currency: EUR\ncpu_hour: -1\n", "no price"),
        ("currency: EUR\ncpu_hour: 1e9\n", "no price"),
        ("currency: EUR\ncpu: 1\n", "no key `cpu`"),
        ("[]\n", "three letters"),
    ],
)
def test_a_price_that_is_none_is_refused_where_it_stands(tmp_path, text, said):
    path = tmp_path / "prices.yaml"
    path.write_text(text)

    with pytest.raises(InputError) as caught:
        load_prices(path)

    assert said in " ".join(map(str, caught.value.problems))


def test_prices_are_decimal_to_the_letter(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("currency: EUR\ncpu_hour: 0.1\ngpu_hour: 3\n")

    assert load_prices(path) == Prices(currency="EUR", cpu_hour=Decimal("0.1"), gpu_hour=Decimal(3))


# INP-20: CSV


@pytest.mark.parametrize("sign", [*"=+-@", "\t", "\r", "\0", "\n", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", "   ", "\u00a0", "\u3000"])
def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(sign, before):
    assert csv_table.cell(f"{before}{sign}x") == f"'{before}{sign}x"


@pytest.mark.parametrize("plain", ["a=b", "20260001", "김민준", "", "x-1", " a"])
def test_other_cells_are_left_as_they_are(plain):
    assert csv_table.cell(plain) == plain


def test_numbers_are_numbers_and_unknown_is_empty():
    assert [csv_table.cell(value) for value in (-1.5, None, Decimal("0.10"))] == [
        "-1.5",
        "",
        "0.10",
    ]


def test_csv_is_quoted_as_the_standard_has_it():
    text = csv_table.table(["a", "b"], [["x,y", 'say "x"'], ["a\nb", "=1"]])

    assert text == b'a,b\r\n"x,y","say ""x"""\r\n"a\nb",\'=1\r\n'
    assert csv_table.table(["é"], [], bom=True) == b"\xef\xbb\xbf\xc3\xa9\r\n"


def test_the_csv_has_a_row_a_student_with_unknown_left_empty(store, tmp_path):
    store.record(START, [sample("=1", cpu=2, pods=1)])
    path = tmp_path / "use.csv"

    usage_text.write_csv(path, usage_of(store, roster=["=1", "2"]), bom=True)

    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [two, one] = sorted(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))),
                        key=lambda r: r["id"], reverse=True)  # fmt: skip
    assert (one["id"], one["cpu_hours"], one["cost"], one["currency"]) == (
        "'=1",
        "2.0",
        "0.0400",
        "EUR",
    )
    assert (two["id"], two["cpu_hours"], two["pods_peak"], two["cost"]) == ("2", "", "", "")


# The page

ATTACK = '"><script>alert(1)</script><img src=x onerror=y>&amp;'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


@pytest.fixture
def full(store):
    for day in (0, 8, 30, 39):
        used = [sample(ATTACK, cpu=1.5, pods=2, memory=GIB, share=0.95, of=ATTACK), sample("2")]
        store.record(START + timedelta(days=day), used)
    return usage_of(store, roster=[ATTACK, "2"], course=ATTACK)


def test_nothing_that_is_put_into_the_page_is_markup(full):
    found = Tags()
    found.feed(usage_page.page(full))

    assert found.tags.isdisjoint({"script", "img", "iframe", "object", "a", "form"})
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert {"svg", "table", "figure"} <= found.tags


def test_the_page_needs_no_other_file(full):
    page = usage_page.page(full)

    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|url\((?!#)", page.replace(escaped(), ""))
    assert "default-src 'none'" in page


def escaped():
    from html import escape

    return escape(ATTACK)


def test_each_chart_has_a_name_and_a_table_with_its_numbers(full):
    page = usage_page.page(full)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)

    assert len(figures) == 2
    for figure in figures:
        assert re.search(r'<svg role="img"[^>]* aria-label="\w', figure)
        drawn = figure.count('class="bar"') + figure.count('class="gap"')
        assert drawn == figure.count('<th scope="row">')


def test_a_week_without_a_sample_is_hatched_and_called_unknown(store):
    for day in (0, 1, 40):
        store.record(START + timedelta(days=day), [sample(cpu=1)])

    page = usage_page.page(usage_of(store))

    assert page.count('class="gap"') == 4
    assert page.count("unknown</td>") >= 8
    assert "Hatched: no sample was taken." in page


def test_a_column_is_as_high_as_its_value():
    drawn = chart.columns(
        [chart.Point(name="a", value=1.0, told="a"), chart.Point(name="b", value=2.0, told="b")],
        title="t", what="w",
    )  # fmt: skip

    low, high = map(float, re.findall(r'class="bar" .*? height="([0-9.]+)"', drawn))
    assert high == pytest.approx(2 * low, abs=0.2)
