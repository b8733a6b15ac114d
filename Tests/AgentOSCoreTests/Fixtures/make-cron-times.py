#!/usr/bin/env python3
"""Writes cron-times.json: the next five times of seeded cron expressions, as PyPI's croniter 7.0.0 sees them.

Half of the starts lie around a change of the clocks. One rule differs on purpose: croniter fires twice in an hour that
comes twice; here only expressions of every hour do, others fire the first time alone.
"""

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter

CASES, TIMES = 3000, 5
ZONES = [
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/St_Johns", "America/Sao_Paulo",
    "Australia/Lord_Howe", "Pacific/Auckland", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo",
]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
NICKNAMES = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly"]
pick = random.Random(20260511)


def field(low: int, high: int, names: list[str] | None = None, star: float = 0.5) -> str:
    if pick.random() < star:
        return "*"
    kind = pick.random()
    if kind < 0.2:
        return f"*/{pick.randint(2, max(2, (high - low) // 2))}"
    parts = []
    for _ in range(1 if kind < 0.7 else pick.randint(2, 3)):
        a, b = sorted(pick.sample(range(low, high + 1), 2))
        form = pick.random()
        if form < 0.6:
            parts.append(names[a - low] if names and pick.random() < 0.5 else str(a))
        elif form < 0.85:
            parts.append(f"{a}-{b}")
        else:
            parts.append(f"{a}-{b}/{pick.randint(1, 5)}")
    return ",".join(parts)


def expression() -> str:
    if pick.random() < 0.04:
        return pick.choice(NICKNAMES)
    minute, hour = field(0, 59, star=0.2), field(0, 4, star=0.3) if pick.random() < 0.6 else field(0, 23, star=0.3)
    if hour.startswith("*/"):
        hour = "*"
    # Where both days are restricted, a star with a step means something else to croniter.
    day, weekday = field(1, 28, star=0.7), field(0, 6, DAYS, star=0.7)
    if day != "*" and weekday != "*":
        day, weekday = day.replace("*/", "1-28/"), weekday.replace("*/", "0-6/")
    return " ".join([minute, hour, day, field(1, 12, MONTHS, star=0.85), weekday])


def changes(zone: ZoneInfo) -> list[datetime]:
    start, found = datetime(2025, 1, 1, tzinfo=timezone.utc), []
    for hour in range(24 * 365 * 3):
        a, b = start + timedelta(hours=hour), start + timedelta(hours=hour + 1)
        if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset():
            found.append(b)
    return found


def main() -> None:
    edges = {name: changes(ZoneInfo(name)) for name in ZONES}
    cases = []
    while len(cases) < CASES:
        name = pick.choice(ZONES)
        zone, text = ZoneInfo(name), expression()
        if edges[name] and pick.random() < 0.7:
            start = pick.choice(edges[name]) + timedelta(minutes=pick.randint(-36 * 60, 12 * 60))
        else:
            start = datetime(2025, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=pick.randint(0, 3 * 365 * 1440))
        times, found = croniter(text, start.astimezone(zone)), []
        every_hour = text == "@hourly" or text.split()[1:2] == ["*"]
        while len(found) < TIMES:
            time = times.get_next(datetime)
            if time.fold and not every_hour and time.replace(fold=0).utcoffset() != time.utcoffset():
                continue
            found.append(int(time.timestamp()))
        cases.append([text, name, int(start.timestamp()), found])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(__file__).with_name("cron-times.json").write_text(f"[\n{lines}\n]\n")


main()
