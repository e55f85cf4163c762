"""Random releases as a year of many services would record them, usual and unusual ones, from a seed."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2030, 1, 1, tzinfo=UTC)

DETAILS = (
    None,
    "the engine does not answer",
    "aborted by ada on laptop. The pods are deleted",
    "switch 20300101000000-abc123 of ada took its place",
    "released together with worker, which is rolled back: 8 of 100 requests failed (SY-P137). Configuration follows",
)

PHASES = ("warm", "prove", "switch", "drain", "watch", "bake", "retire")


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def synthetic_releases(seed: int, count: int) -> dict[str, list[dict[str, Any]]]:
    """The records of eight services as JSON, newest first.

    Args:
        seed: seed of the random numbers.
        count: number of releases.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    services: dict[str, list[dict[str, Any]]] = {f"service-{number}": [] for number in range(8)}
    moments = dict.fromkeys(services, START)
    for number in range(count):
        service = chance.choice(list(services))
        # Two releases in the same second are common when an automatic command retries.
        moments[service] += timedelta(seconds=chance.choice([0, 1, 900, 40_000, 200_000, 700_000]))
        services[service].insert(0, _release(chance, service, number, services[service], moments[service]))
    return services


def _release(
    chance: random.Random, service: str, number: int, before: list[dict[str, Any]], moment: datetime
) -> dict[str, Any]:
    kind = chance.choices(["deploy", "switch", "rollback", "drill", "promote"], [50, 20, 20, 8, 2])[0]
    taken = before[0] if before and before[0]["kind"] == "deploy" and before[0]["result"] == "rolledBack" else None
    kind = "switch" if taken is not None and chance.random() < 0.2 else kind
    source = chance.choice(["blue", "green"])
    release: dict[str, Any] = {
        "id": f"{text(moment)}-{number:04}",
        "kind": kind,
        "service": service,
        "from": source,
        "to": "green" if source == "blue" else "blue",
        "fromTag": chance.choice([None, f"v{number - 1}"]),
        "tag": chance.choice([None, *[f"v{number}"] * 9]),
        "actor": "ada",
        "host": "laptop",
        "started": text(moment) if chance.random() > 0.01 else chance.choice(["yesterday", ""]),
        "phase": "switch",
        "result": chance.choices(["succeeded", "failed", "refused", "rolledBack", "running"], [60, 10, 8, 20, 2])[0],
        "held": False,
        "detail": chance.choice(DETAILS),
        "phases": [],
        "receipt": _receipt(chance, moment),
        "ofALaterVersion": {"kept": number},
    }
    if kind == "rollback" and before and before[0]["kind"] == "rollback" and chance.random() < 0.7:
        release |= {key: before[0][key] for key in ("from", "to", "fromTag")}  # the same rollback again
    elif kind == "rollback" and before and chance.random() < 0.7:
        release |= {"from": before[0]["to"], "to": before[0]["from"], "fromTag": before[0]["tag"]}
    elif kind == "switch" and taken is not None:
        release |= {"from": taken["to"], "to": taken["from"], "fromTag": taken["tag"]}
        taken["detail"] = f"switch {release['id']} of ada took its place"
    if kind == "deploy":
        _deployed(chance, release, moment)
    elif chance.random() < 0.9:
        outcome = chance.choice(["passed", "failed", None])
        release["phases"] = [_phase("switch", moment, moment + timedelta(seconds=1) if outcome else None, outcome)]
    return release


def _receipt(chance: random.Random, moment: datetime) -> dict[str, Any] | None:
    receipt: dict[str, Any] = {
        "started": text(moment),
        "patchedAfter": round(chance.uniform(0.1, 3), 3),
        "endpointsAfter": round(chance.uniform(3, 100), 3),
        "lastOldOnNewConnections": chance.choice([None, round(chance.uniform(1, 9), 3)]),
        "lastOldOnKeptConnections": chance.choice([None, round(chance.uniform(1, 9), 3)]),
    }
    if chance.random() < 0.7:
        receipt |= {"requests": chance.randint(0, 50), "errors": 0} | chance.choice([{}, {}, {"requests": None}])
        receipt["errors"] = min(receipt["requests"] or 0, chance.choice([0, 0, 0, 0, 1]))
    odd: list[dict[str, Any] | None] = [None, {}, {"started": "noon"}, *[{**receipt, "patchedAfter": None}] * 3]
    odd += [{**receipt, "endpointsAfter": None}, {**receipt, "endpointsAfter": "soon"}]
    return receipt if chance.random() < 0.8 else chance.choice(odd)


def _phase(name: str, started: datetime, ended: datetime | None, outcome: str | None) -> dict[str, Any]:
    return {"phase": name, "started": text(started), "ended": ended and text(ended), "outcome": outcome}


def _deployed(chance: random.Random, release: dict[str, Any], moment: datetime) -> None:
    """Gives a release the phases that it went through, and of a rollback the receipt that it ended with."""
    last = {"refused": chance.randint(1, 2), "failed": chance.randint(1, 6), "rolledBack": 5}.get(release["result"], 7)
    for name in PHASES[:last]:
        ended = moment + timedelta(seconds=chance.choice([1, 5, 60, 300, 400]))
        release["phases"].append(_phase(name, moment, ended, "passed"))
        moment = ended
    end = {"refused": "refused", "failed": "failed", "rolledBack": chance.choice(["breached", "breached", "noVerdict"])}
    if release["result"] in end:
        release["phases"][-1]["outcome"] = end[release["result"]]
    for phase in release["phases"]:
        if phase["phase"] == "watch" and chance.random() < 0.8:
            phase["numbers"] = _numbers(chance, phase, moment)
    watch = release["phases"][-1]
    if watch["outcome"] == "breached" and release["ofALaterVersion"]["kept"] % 4 == 0:
        watch.pop("numbers", None)  # the watch was cut short
        hook = {"name": "check", "point": "afterSwitch", "started": watch["started"], "ended": watch["ended"]}
        release["hooks"] = [{**hook, "outcome": "failed"}]
    if release["result"] == "rolledBack" and chance.random() < 0.9:
        release["receipt"] = _receipt(chance, moment + timedelta(seconds=chance.choice([0, 1, 30])))
    if chance.random() < 0.05:
        release["phases"] = release["phases"][chance.randint(0, 2) :]
    if chance.random() < 0.02:
        del release["phases"]


def _numbers(chance: random.Random, phase: dict[str, Any], moment: datetime) -> dict[str, Any]:
    requests, past = chance.randint(0, 60), chance.randint(0, 300)
    breached = phase["outcome"] == "breached"
    numbers: dict[str, Any] = {
        "outcome": "breach" if breached else "pass",
        "new": {"requests": requests, "errors": min(requests, chance.choice([0, 0, 0, 1]))},
        "old": {"requests": past, "errors": min(past, chance.choice([0, 0, 0, 1]))},
        "problemSeen": text(moment - timedelta(seconds=chance.choice([0, 2, 40]))) if breached else None,
        "decided": text(moment),
    }
    if chance.random() < 0.1:
        numbers |= chance.choice([{"new": None}, {"old": {"requests": "many"}}, {"problemSeen": "noon"}])
    return numbers
