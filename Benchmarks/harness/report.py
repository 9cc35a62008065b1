"""What is printed and kept: tables that are Markdown as well, and a CSV."""

import csv
from statistics import median

import work as works

COLUMNS = (
    ["date", "work", "round", "proxy", "version", "requests", "errors", "seconds", "rps"]
    + ["cpu_us_per_request", "p50_us", "p99_us", "handshakes", "resumed", "reconnects"]
    + ["load_cpu_share", "others_share", "held", "rss_kb", "pss_kb", "private_kb"]
    + ["pss_before_kb", "pss_after_kb", "handshakes_per_cpu_s", "object_us"]
    + ["tls", "note", "first_error"]
)
NAMES = {"gatehouse": "Gatehouse", "haproxy": "HAProxy", "nginx": "nginx"}
NAMES |= {"gatehouse-log": "Gatehouse, log", "haproxy-log": "HAProxy, log"}
NAMES |= {"floor": "OpenSSL alone", "floor-0": "OpenSSL alone, no ticket"}


def write_csv(path, samples):
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {k: round(v, 3) if isinstance(v, float) else v for k, v in sample.items()}
            for sample in samples
        )


def table(head, rows):
    """A Markdown table whose columns line up: text to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)
    )
    return "\n".join([line(head), rule + "|", *map(line, rows)])


def cost_key(work):
    return "pss_kb" if work.is_memory else "cpu_us_per_request"


def ratios(samples, work, peer, key):
    """Gatehouse's figure over the peer's, for each round that has both."""
    found = {}
    for sample in samples:
        if sample["work"] == work.name and sample.get(key):
            found.setdefault(sample["round"], {})[sample["proxy"]] = sample[key]
    return [
        figures["gatehouse"] / figures[peer]
        for _, figures in sorted(found.items())
        if "gatehouse" in figures and peer in figures
    ]


def print_work(work, samples, proxies):
    """The figures of one item, then the ratios of each round beside the goal."""
    own = [s for s in samples if s["work"] == work.name]

    def middle(proxy, key):
        found = [s[key] for s in own if s["proxy"] == proxy and key in s]
        return median(found) if found else float("nan")

    def total(proxy, key):
        return sum(s.get(key, 0) for s in own if s["proxy"] == proxy)

    rows = []
    for proxy in proxies:
        errors = f"{total(proxy, 'errors'):,}"
        if work.is_memory:
            figures = [f"{middle(proxy, key):.1f}" for key in ("pss_kb", "private_kb", "rss_kb")]
            whole = (middle(proxy, "pss_before_kb"), middle(proxy, "pss_after_kb"))
            spans = [f"{kb / 1024:.1f}" for kb in whole]
            rows.append([NAMES[proxy], *figures, *spans, errors])
        else:
            rows.append(
                [NAMES[proxy], f"{middle(proxy, 'rps'):,.0f}"]
                + [f"{middle(proxy, 'cpu_us_per_request'):.1f}"]
                + [f"{middle(proxy, key) / 1000:.2f}" for key in ("p50_us", "p99_us")]
                + [errors]
            )
    if work.is_memory:
        held = max((s.get("held", 0) for s in own), default=0)
        head = [f"{work.title}, {held:,} held", "Pss kB", "private kB", "Rss kB"]
        head += ["Pss before, MB", "after, MB", "errors"]
    else:
        head = [f"{work.title}, {work.connections} connections", "requests/s", "CPU us/request"]
        head += ["p50 ms", "p99 ms", "errors"]
    print(f"\n{table(head, rows)}\n")
    for peer in proxies:
        if peer != "gatehouse":
            print_ratios(work, samples, peer, "memory" if work.is_memory else "CPU", cost_key(work))
            if not work.is_memory:
                print_ratios(work, samples, peer, "p99", "p99_us")
    print_notes(own)


def print_ratios(work, samples, peer, what, key):
    found = ratios(samples, work, peer, key)
    if not found:
        return
    goal = works.P99_GOAL if what == "p99" else work.goals.get(peer)
    verdict = judge(median(found), goal, is_clean(samples, work))
    verdict = f"   goal {goal:.2f}: {verdict}" if goal else ""
    rounds = " ".join(f"{ratio:.2f}" for ratio in found)
    print(f"  {what:6} / {NAMES[peer]:8} {median(found):.2f}   ({rounds}){verdict}")


def is_clean(samples, work):
    return not any(s["errors"] for s in samples if s["work"] == work.name)


def judge(ratio, goal, clean):
    if not clean:
        return "void, there were errors"
    if not goal:
        return ""
    return "met" if round(ratio, 2) <= goal else "MISSED"


def print_notes(samples):
    """What a reader has to know before believing a figure."""
    said = set()
    for s in samples:
        who = f"{NAMES[s['proxy']]}, round {s['round']}"
        if s.get("errors"):
            said.add(f"{who}: {s['errors']} errors, first: {s['first_error'] or 'dropped'}")
        if s.get("note"):
            said.add(f"{who}: {s['note']}")
        if s.get("others_share", 0) > 0.05:
            said.add(f"{who}: others used {s['others_share']:.0%} of the proxy's core; noisy")
    for line in sorted(said):
        print(f"  note: {line}")


def print_summary(items, samples, proxies):
    """One line for each item, as docs/performance.md shows it."""
    peers = [proxy for proxy in proxies if proxy != "gatehouse"]
    if "gatehouse" not in proxies or not peers:
        return
    head = ["work (Gatehouse / peer, medians of rounds)"]
    for peer in peers:
        head += [NAMES[peer], "goal", "p99"]
    rows = []
    for work in items:
        row = [work.title + ("" if is_clean(samples, work) else " (void: errors)")]
        for peer in peers:
            cost = ratios(samples, work, peer, cost_key(work))
            p99 = ratios(samples, work, peer, "p99_us") if not work.is_memory else []
            goal = work.goals.get(peer)
            row.append(f"{median(cost):.2f}" if cost else "-")
            row.append(f"{goal:.2f}" if goal else "-")
            row.append(f"{median(p99):.2f}" if p99 else "-")
        rows.append(row)
    print(f"\n{table(head, rows)}")
