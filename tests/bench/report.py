"""What was measured, as medians of the rounds: a table for people, JSON for programs."""

import json
from dataclasses import asdict, dataclass, field
from statistics import median

from load import CASES, Measured


@dataclass
class Results:
    """(case, server) -> a measurement of each round. pgbench's cases are pgbench and pgbench-8."""

    about: dict
    rounds: dict = field(default_factory=dict)
    without: list = field(default_factory=list)  # (case, server, why it wasn't measured)

    def add(self, case, server, measured):
        self.rounds.setdefault((case, server), []).append(measured)

    def median(self, case, server):
        runs = self.rounds.get((case, server))
        if not runs:
            return None
        columns = ([getattr(run, name) for run in runs] for name in Measured.__annotations__)
        return Measured(*(None if None in column else median(column) for column in columns))

    def ratio(self, case, server, other_case, other):
        mine, theirs = self.median(case, server), self.median(other_case, other)
        return mine.rate / theirs.rate if mine and theirs else None


@dataclass(frozen=True)
class Condition:
    """What must hold: `of` returns the figure from Results, or None where it wasn't measured."""

    what: str
    must: float
    of: object
    at_most: bool = False


def against(case, server, other_case, other):
    return lambda results: results.ratio(case, server, other_case, other)


def p99_against(nginx):
    def ratio(results):
        mine, theirs = results.median("hits", "cache on"), results.median("hits", nginx)
        return mine.p99 / theirs.p99 if mine and theirs else None
    return ratio


def nginx_conditions(nginx):
    return [
        Condition(f"cache on, hits, against {nginx}", 1.3, against("hits", "cache on", "hits", nginx)),
        Condition(f"cache on, 32 pipelined, against {nginx}", 6,
                  against("pipelined", "cache on", "pipelined", nginx)),
        Condition(f"cache off, hits, against {nginx}", 0.6, against("hits", "cache off", "hits", nginx)),
        Condition(f"cache off, 32 pipelined, against {nginx}", 1.7,
                  against("pipelined", "cache off", "pipelined", nginx)),
        Condition(f"cache on, hits, p99 against {nginx}", 2, p99_against(nginx), at_most=True),
    ]


CONDITIONS = [
    *nginx_conditions("nginx"),
    *nginx_conditions("nginx -sendfile"),
    Condition("cache off, hits, against pgbench -c 64", 0.75,
              against("hits", "cache off", "pgbench", "pgbench")),
    Condition("cache off, 32 pipelined, against pgbench -c 64", 2.5,
              against("pipelined", "cache off", "pgbench", "pgbench")),
    Condition("cache off, misses against its hits", 1, against("misses", "cache off", "hits", "cache off")),
]


def verdicts(results):
    for condition in CONDITIONS:
        figure = condition.of(results)
        met = None
        if figure is not None:
            met = figure <= condition.must if condition.at_most else figure >= condition.must
        yield condition, figure, met


HEADINGS = ["case", "conn", "server", "req/s", "p50 ms", "p99 ms", "CPU us", "client us", "x nginx", "x pgbench"]


def table(results):
    rows = [HEADINGS]
    for case in CASES:
        servers = [server for name, server in results.rounds if name == case.name]
        servers += [server for name, server, _ in results.without if name == case.name]
        for server in servers:
            rows.append([case.what, str(case.connections), server, *figures(results, case.name, server)])
    for name, clients in (("pgbench", 64), ("pgbench-8", 8)):
        if (name, "pgbench") in results.rounds:
            rows.append(["single lookups", str(clients), "pgbench", *figures(results, name, "pgbench")])
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    return "\n".join(align(row, widths) for row in rows)


def align(row, widths):
    cells = [cell.ljust(width) if i in (0, 2) else cell.rjust(width)
             for i, (cell, width) in enumerate(zip(row, widths))]
    return "  ".join(cells).rstrip()


def figures(results, case, server):
    measured = results.median(case, server)
    if measured is None:
        return ["n/a"] * 7
    return [f"{measured.rate:.0f}", milliseconds(measured.p50), milliseconds(measured.p99),
            f"{measured.cpu:.1f}", micros(measured.client_cpu),
            times(results.ratio(case, server, case, "nginx")),
            times(results.ratio(case, server, "pgbench", "pgbench"))]


def micros(value):
    return "-" if value is None else f"{value:.1f}"


def milliseconds(value):
    return "-" if value is None else f"{value:.2f}"


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}"


def text(results):
    lines = [table(results), ""]
    lines += [f"{case}, {server}: n/a, {why}" for case, server, why in results.without]
    about = results.about
    lines.append(f"{about['narinfos']} narinfos, {about['asked_for']} asked for; medians of {about['rounds']} rounds of "
                 f"{about['seconds']} s")
    for condition, figure, met in verdicts(results):
        bound = f"must {'at most ' if condition.at_most else ''}{condition.must:g}x"
        outcome = "n/a" if met is None else f"{figure:.2f}x {'ok' if met else 'missed'}"
        lines.append(f"{condition.what}: {bound}: {outcome}")
    return "\n".join(lines)


def as_json(results):
    measured = [
        {"case": case, "server": server, "median": asdict(results.median(case, server)),
         "rounds": [asdict(run) for run in runs],
         "against_nginx": results.ratio(case, server, case, "nginx"),
         "against_pgbench": results.ratio(case, server, "pgbench", "pgbench")}
        for (case, server), runs in results.rounds.items()]
    conditions = [{"what": condition.what, "must": condition.must, "at_most": condition.at_most,
                   "figure": figure, "met": met} for condition, figure, met in verdicts(results)]
    without = [{"case": case, "server": server, "why": why} for case, server, why in results.without]
    return json.dumps({"about": results.about, "measured": measured, "not_measured": without,
                       "conditions": conditions}, indent=2)
