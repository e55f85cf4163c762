"""The measures of a report: those of 1,000 synthetic releases are what an independent computation in SQL finds."""

# ruff: noqa: S608 - the queries are made of constants of this file

import json
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.report.report import Report, report
from tests.support.synthetic_releases import START, synthetic_releases, text

SINCE, UNTIL = START + timedelta(days=3), START + timedelta(days=200)
WEEKS = 197 / 7

EVENTS = """
CREATE TABLE r AS SELECT service, doc, doc->>'id' AS id, doc->>'kind' AS kind, doc->>'result' AS result,
  unixepoch(doc->>'started') AS t, doc->>'from' AS source, doc->>'to' AS target, doc->>'tag' AS tag,
  doc->>'fromTag' AS from_tag, coalesce(doc->>'detail', '') AS detail,
  doc->>'kind' <> 'deploy' AND coalesce(json_type(doc, '$.receipt.patchedAfter') = 'null', 0) AS continued,
  doc->>'result' IN ('succeeded', 'rolledBack') OR EXISTS (SELECT 1 FROM json_each(doc, '$.phases') AS p
    WHERE p.value->>'phase' IN ('drain', 'watch', 'bake', 'retire')
      OR (p.value->>'phase' = 'switch' AND p.value->>'outcome' = 'passed')) AS reached,
  (SELECT p.value FROM json_each(doc, '$.phases') AS p WHERE p.value->>'phase' = 'watch'
    ORDER BY p.key DESC LIMIT 1) AS watch,
  unixepoch(doc->>'$.receipt.started') AS receipt_t,
  CASE WHEN json_type(doc, '$.receipt.patchedAfter') = 'real' THEN doc->>'$.receipt.patchedAfter' END AS accepted,
  CASE WHEN json_type(doc, '$.receipt.endpointsAfter') = 'real' THEN doc->>'$.receipt.endpointsAfter' END AS serving,
  (SELECT max(p.value) FROM json_each(doc, '$.receipt') AS p WHERE p.key LIKE 'lastOldOn%') AS last_bad
  FROM releases WHERE unixepoch(doc->>'started') IS NOT NULL
  AND doc->>'kind' IN ('deploy', 'switch', 'rollback', 'drill');
CREATE TABLE taking AS SELECT b.id AS id FROM r AS b JOIN r AS d ON d.service = b.service AND b.target = d.source
  AND d.detail LIKE '%switch ' || b.id || ' of ada took its place' WHERE d.kind = 'deploy' AND d.result = 'rolledBack'
  AND b.kind = 'switch' AND b.result = 'succeeded' AND NOT b.continued;
CREATE TABLE undone AS SELECT (SELECT d.id FROM r AS d WHERE d.service = b.service AND d.kind IN ('deploy', 'switch')
    AND d.reached AND NOT d.continued AND d.id NOT IN taking AND (d.t, d.id) < (b.t, b.id)
    ORDER BY d.t DESC, d.id DESC LIMIT 1) AS id,
  b.id AS by_id, b.t AS t, b.source AS source, b.from_tag AS from_tag, b.receipt_t + b.serving AS served
  FROM r AS b WHERE b.kind = 'rollback' AND b.result = 'succeeded' AND NOT b.continued OR b.id IN taking;
CREATE TABLE first_undone AS SELECT * FROM (SELECT u.id, u.served,
    row_number() OVER (PARTITION BY u.id ORDER BY u.t, u.by_id) AS place
  FROM undone AS u JOIN r AS d ON d.id = u.id WHERE d.target = u.source AND d.tag IS u.from_tag) WHERE place = 1;
CREATE TABLE deployments AS SELECT r.*, first_undone.served AS undone_served, CASE WHEN r.continued THEN 'continued'
    WHEN first_undone.id IS NOT NULL AND r.result <> 'running' THEN 'rolledBack'
    WHEN r.result IN ('failed', 'rolledBack') AND r.detail LIKE 'released together with %' THEN 'takenAlong'
    WHEN r.result = 'failed' AND NOT r.reached
        AND (r.detail LIKE 'aborted by%' OR r.detail LIKE '%took its place'
          OR r.detail LIKE '%has not written its end') THEN 'withdrawn'
    WHEN r.result = 'refused' THEN 'prevented' ELSE r.result END AS status, first_undone.id IS NOT NULL AS is_undone
  FROM r LEFT JOIN first_undone ON first_undone.id = r.id WHERE r.kind IN ('deploy', 'switch') AND r.id NOT IN taking;
CREATE TABLE rollbacks AS SELECT t, kind AS by, NULL AS seen, accepted AS decided_accepted,
    serving AS decided_serving, last_bad AS decided_bad FROM r
    WHERE kind = 'rollback' AND result = 'succeeded' AND NOT continued OR id IN taking
  UNION ALL SELECT t, by, iif(decided >= seen, decided - seen, NULL),
    iif(by IN ('watch', 'hook', 'together'), iif(receipt_t >= decided, receipt_t - decided, NULL), 0.0) + accepted,
    iif(by IN ('watch', 'hook', 'together'), iif(receipt_t >= decided, receipt_t - decided, NULL), 0.0) + serving,
    iif(by IN ('watch', 'hook', 'together'), iif(receipt_t >= decided, receipt_t - decided, NULL), 0.0) + last_bad
  FROM (SELECT *, CASE WHEN status = 'takenAlong' THEN 'together' WHEN watch->>'outcome' = 'breached' THEN
        iif(watch->>'$.numbers' IS NULL AND doc->>'$.hooks[0].outcome' = 'failed', 'hook', 'watch')
        ELSE 'abort' END AS by,
      iif(status = 'takenAlong', NULL, unixepoch(watch->>'$.numbers.problemSeen')) AS seen,
      iif(status = 'takenAlong', coalesce((SELECT unixepoch(p.value->>'ended') FROM json_each(doc, '$.phases') AS p
          WHERE p.value->>'outcome' = 'breached' ORDER BY p.key DESC LIMIT 1), receipt_t),
        unixepoch(iif(json_type(watch, '$.numbers.decided') IS NULL, watch->>'ended',
          watch->>'$.numbers.decided'))) AS decided
    FROM deployments WHERE kind = 'deploy' AND result = 'rolledBack' AND NOT is_undone
      AND json_type(doc, '$.receipt') = 'object' AND doc->>'$.receipt.started' IS NOT doc->>'started');
CREATE TABLE drilled AS SELECT * FROM r WHERE kind = 'drill' AND result = 'succeeded';
CREATE TABLE spans AS SELECT d.id, d.t, p.value->>'phase' AS phase, p.value->>'outcome' AS outcome, p.key AS place,
    unixepoch(p.value->>'started') AS began, unixepoch(p.value->>'ended') AS ended
  FROM deployments AS d, json_each(d.doc, '$.phases') AS p WHERE d.kind = 'deploy' AND d.result = 'succeeded';
CREATE TABLE whole AS SELECT id, t, max(iif(phase = 'retire' AND outcome = 'passed', ended, NULL))
    - min(iif(phase = 'warm', began, NULL)) AS seconds FROM spans GROUP BY id;
CREATE TABLE watched AS SELECT t, reached, status,
    iif(json_type(watch, '$.numbers.new.requests') = 'integer' AND json_type(watch, '$.numbers.new.errors') = 'integer',
      watch->>'$.numbers.new.requests', 0) AS requests, coalesce(watch->>'$.numbers.new.errors', 0) AS errors,
    iif(json_type(watch, '$.numbers.old.requests') = 'integer' AND json_type(watch, '$.numbers.old.errors') = 'integer',
      watch->>'$.numbers.old.requests', 0) AS past, coalesce(watch->>'$.numbers.old.errors', 0) AS past_errors
  FROM deployments WHERE watch IS NOT NULL;
"""

DURATIONS = {
    "problem seen -> decision": "SELECT seen AS s, t FROM rollbacks",
    "decision -> selector accepted": "SELECT decided_accepted AS s, t FROM rollbacks",
    "decision -> endpoints of the version before": "SELECT decided_serving AS s, t FROM rollbacks",
    "problem seen -> endpoints of the version before": "SELECT seen + decided_serving AS s, t FROM rollbacks",
    "decision -> last answer of the bad version": "SELECT decided_bad AS s, t FROM rollbacks",
    "rollback -> selector accepted": "SELECT accepted AS s, t FROM drilled",
    "rollback -> endpoints of where it began": "SELECT serving AS s, t FROM drilled",
    "rollback -> last answer of the other version": "SELECT last_bad AS s, t FROM drilled",
    "the phases without the bake": "SELECT (SELECT sum(ended - began) FROM spans WHERE spans.id = whole.id AND "
    "phase <> 'bake') AS s, t FROM whole WHERE seconds IS NOT NULL",
    "warm -> retired, with the bake": "SELECT seconds AS s, t FROM whole",
    "switched -> endpoints of the version before": "SELECT iif(served >= began, round(served - began, 3), NULL) AS s, "
    "t FROM "
    "(SELECT t, coalesce(undone_served, iif(kind = 'deploy' AND result = 'rolledBack' AND NOT is_undone AND "
    "doc->>'$.receipt.started' <> doc->>'started', receipt_t + serving, NULL)) AS served, "
    "(SELECT unixepoch(p.value->>'ended') FROM json_each(doc, '$.phases') AS p WHERE p.value->>'phase' = 'switch' AND "
    "p.value->>'outcome' = 'passed' LIMIT 1) AS began FROM deployments WHERE reached AND status IN ('failed', "
    "'rolledBack'))",
}
"""The durations of each part, each with the start of its release."""


@pytest.fixture(scope="module")
def records() -> dict[str, list[dict[str, Any]]]:
    return synthetic_releases(seed=13, count=1000)


@pytest.fixture(scope="module")
def result(records: dict[str, list[dict[str, Any]]]) -> Report:
    parsed = {service: [ReleaseRecord.from_json(release) for release in own] for service, own in records.items()}
    return report(parsed, SINCE, UNTIL)


@pytest.fixture(scope="module")
def sql(records: dict[str, list[dict[str, Any]]]) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE releases (service, doc)")
        rows = [(service, json.dumps(release)) for service, own in records.items() for release in own]
        connection.executemany("INSERT INTO releases VALUES (?, ?)", rows)
        connection.executescript(EVENTS)
        yield connection


def count(sql: sqlite3.Connection, table: str, where: str = "1") -> int:
    return int(value(sql, f"SELECT count(*) FROM {table} WHERE {within()} AND ({where})"))


def value(sql: sqlite3.Connection, query: str) -> Any:
    return sql.execute(query).fetchone()[0]


def within() -> str:
    return f"t BETWEEN unixepoch('{text(SINCE)}') AND unixepoch('{text(UNTIL)}')"


def measure(result: Report, name: str) -> dict[str, Any]:
    document = result.to_json()
    [found] = [part for part in (*document["measures"], *document["dora"], document["drills"]) if part["name"] == name]
    return dict(found)


def exact_upper(hits: int, total: int) -> float:
    """The bound of Clopper and Pearson by another way: the chances by their ratio, the root by sections."""
    low, high = 0.0, 1.0
    for _ in range(50):
        share = (low + high) / 2
        chance = tail = (1 - share) ** total
        for hit in range(hits):
            chance *= (total - hit) / (hit + 1) * share / (1 - share)
            tail += chance
        if tail > 0.05:
            low = share
        else:
            high = share
    return low


def test_the_sample_has_every_kind_of_release(result: Report) -> None:
    success = measure(result, "deploymentsThatSucceed")
    assert min(success["sample"]["counts"].values()) >= 5
    assert min(measure(result, "rollbackTime")["sample"]["counts"].values()) >= 5
    assert measure(result, "drills")["sample"]["size"] >= 20
    assert result.unreadable >= 10


def test_deployments_are_counted_as_sql_counts_them(result: Report, sql: sqlite3.Connection) -> None:
    success = measure(result, "deploymentsThatSucceed")
    for status, counted in success["sample"]["counts"].items():
        assert counted == count(sql, "deployments", f"status = '{status}'"), status
    good, bad = (
        count(sql, "deployments", f"status IN {kinds}") for kinds in ("('succeeded')", "('failed', 'rolledBack')")
    )
    assert (success["sample"]["size"], success["value"]) == (good + bad, round(good / (good + bad), 6))
    assert success["bound"] == round(1 - exact_upper(bad, good + bad), 6)
    assert (success["met"], success["supported"]) == (False, False)
    for by, counted in measure(result, "rollbackTime")["sample"]["counts"].items():
        assert counted == count(sql, "rollbacks", f"by = '{by}'"), by
    reached = count(sql, "deployments", "reached AND NOT continued")
    for name in ("releasesAWeek", "deploymentFrequency"):
        weekly = measure(result, name)
        assert (weekly["value"], weekly["sample"]["size"]) == (round(reached / WEEKS, 3), reached)
    change = measure(result, "changeFailureRate")
    failed = count(sql, "deployments", "reached AND status IN ('failed', 'rolledBack')")
    ended = count(sql, "deployments", "reached AND status IN ('failed', 'rolledBack', 'succeeded')")
    assert (change["value"], change["sample"]["size"]) == (round(failed / ended, 6), ended)
    assert change["bound"] == round(exact_upper(failed, ended), 6)
    assert measure(result, "downtime")["sample"]["size"] == reached + count(sql, "rollbacks")
    requests = "SELECT coalesce(sum(doc->>'$.receipt.requests'), 0) FROM deployments WHERE"
    assert measure(result, "downtime")["sample"]["counts"] == {
        name: value(sql, f"{requests.replace('requests', name)} {within()} AND doc->>'$.receipt.requests' IS NOT NULL")
        for name in ("requests", "errors")
    }
    assert result.unreadable == 1000 - int(value(sql, "SELECT count(*) FROM r"))


@pytest.mark.parametrize("name", ["rollbackTime", "deploymentTime", "failedDeploymentRecoveryTime", "drills"])
def test_durations_are_those_that_sql_finds(result: Report, sql: sqlite3.Connection, name: str) -> None:
    parts = [part for part in measure(result, name)["parts"] if part["name"] in DURATIONS]
    assert len(parts) >= (1 if name == "failedDeploymentRecoveryTime" else 2)
    for part in parts:
        known = (
            f"SELECT s, row_number() OVER (ORDER BY s) AS place, count(*) OVER () AS n FROM ({DURATIONS[part['name']]})"
        )
        known += f" WHERE s IS NOT NULL AND {within()}"
        middle = "avg(iif(place IN ((n + 1) / 2, (n + 2) / 2), s, NULL))"
        row = sql.execute(f"SELECT max(n), {middle}, min(iif(place * 100 >= 95 * n, s, NULL)), max(s) FROM ({known})")
        size, median, p95, worst = row.fetchone()
        assert size >= 10, part
        assert part == {
            "name": part["name"],
            "size": size,
            "medianSeconds": round(median, 3),
            "p95Seconds": round(p95, 3),
            "worstSeconds": round(worst, 3),
        }


def test_targets_of_durations_are_judged_by_the_longest(result: Report, sql: sqlite3.Connection) -> None:
    for name, part, target in (
        ("rollbackTime", "problem seen -> endpoints of the version before", 60),
        ("deploymentTime", "the phases without the bake", 900),
    ):
        found = measure(result, name)
        query = f"SELECT count(*), sum(s <= {target}) FROM ({DURATIONS[part]}) WHERE s IS NOT NULL AND {within()}"
        size, good = sql.execute(query).fetchone()
        assert 0 < good < size
        assert (found["sample"]["size"], found["met"]) == (size, False)
        assert found["bound"] == round(1 - exact_upper(size - good, size), 6)


def test_error_rates_are_those_that_sql_finds(result: Report, sql: sqlite3.Connection) -> None:
    sums = "sum(errors * (requests > 0)), sum(requests), sum(past_errors * (past > 0)), sum(past)"
    query = f"SELECT {sums} FROM watched WHERE {within()}"
    errors, requests, past_errors, past = sql.execute(query).fetchone()
    rate = measure(result, "errorRateDuring")
    names = ("errors", "requests", "errorsBefore", "requestsBefore")
    assert rate["sample"]["counts"] == dict(zip(names, (errors, requests, past_errors, past), strict=True))
    assert (rate["value"], rate["bound"]) == (round(errors / requests, 6), round(exact_upper(errors, requests), 6))
    assert rate["met"] is False, "the past has had far more requests, and as many errors"


def test_what_no_record_has_is_unknown_and_says_what_would_give_it(result: Report) -> None:
    for name in ("downtime", "availability", "leadTimeForChanges", "reworkRate"):
        found = measure(result, name)
        assert (found["value"], found["met"]) == (None, None)
        assert found["note"].startswith("unknown: ")


@pytest.mark.parametrize(
    "number", [math.inf, math.nan, -1.0, 1e300, 10**400], ids=["infinite", "none", "negative", "huge", "long"]
)
def test_numbers_that_nothing_can_have_end_no_report(records: dict[str, list[dict[str, Any]]], number: float) -> None:
    """JSON as Python reads it has infinity, and a record may have been edited."""
    [release, *_] = (own for own in records["service-1"] if own["kind"] == "deploy" and own["result"] == "rolledBack")
    receipt = {"started": text(START), "patchedAfter": 0.5, "endpointsAfter": number, "requests": number, "errors": 0}
    odd = ReleaseRecord.from_json({**release, "started": text(START), "receipt": {**receipt, "started": text(SINCE)}})
    assert report({"service-1": [odd]}, START, UNTIL).to_json()["unreadable"] == 0


def test_no_release_is_no_success() -> None:
    found = report({"backend": []}, SINCE, UNTIL)
    assert {part.met for part in (*found.measures, *found.dora)} == {None}
    assert {part.value for part in found.measures if part.unit != "perWeek"} == {None}


def test_unplanned_repairs_are_a_share_of_what_reached_users() -> None:
    records = {
        service: [replace(ReleaseRecord.from_json(record), hotfix=number % 4 == 0) for number, record in enumerate(own)]
        for service, own in synthetic_releases(5, 80).items()
    }
    fixed = report(records, START - timedelta(days=1), UNTIL)
    found = measure(fixed, "reworkRate")
    hotfixes, size = found["sample"]["counts"]["hotfixes"], found["sample"]["size"]
    assert 0 < hotfixes < size
    assert size == measure(fixed, "releasesAWeek")["sample"]["size"]
    assert found["value"] == round(hotfixes / size, 6)
