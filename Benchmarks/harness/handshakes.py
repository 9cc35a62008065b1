"""What `--tls` prints: handshakes per CPU second, beside the peers and OpenSSL alone."""

from statistics import median

import report

PEERS = ("haproxy", "nginx")
# Times the better peer's rate. Where OpenSSL leaves no room for that, a full handshake is held to
# a share of the floor instead.
FULL_GOAL, RESUMED_GOAL, FLOOR_GOAL = 1.15, 1.20, 0.95


def print_work(work, samples, names):
    """The rates of one item, then Gatehouse's ratio to each other in each round."""
    own = [s for s in samples if s["work"] == work.name]
    rows = []
    for name in names:
        rate = _middle(own, name, "handshakes_per_cpu_s")
        row = [report.NAMES[name], f"{rate:,.0f}", f"{1e6 / rate:.1f}"]
        for key in ("p50_us", "p99_us"):
            has_it = any(key in s for s in own if s["proxy"] == name)
            row.append(f"{_middle(own, name, key) / 1000:.2f}" if has_it else "-")
        errors = sum(s["errors"] for s in own if s["proxy"] == name)
        rows.append([*row, f"{errors:,}"])
    head = [work.title, "handshakes/CPU s", "CPU us", "p50 ms", "p99 ms", "errors"]
    print(f"\n{report.table(head, rows)}\n")
    for name in names:
        found = _ratios(own, lambda rates: rates.get(name))
        if name != "gatehouse" and found:
            rounds = " ".join(f"{ratio:.2f}" for ratio in found)
            print(f"  rate / {report.NAMES[name]:24} {median(found):.2f}   ({rounds})")
    report.print_notes(own)


def print_summary(items, samples, proxies):
    """One line for each item: the rates, the two ratios, and whether the goal is met."""
    head = ["handshakes per CPU second", *(report.NAMES[name] for name in proxies)]
    head += ["OpenSSL alone", "/ better peer", "/ OpenSSL", "goal", ""]
    rows = []
    for work in items:
        own = [s for s in samples if s["work"] == work.name]
        rates = [_middle(own, name, "handshakes_per_cpu_s") for name in (*proxies, "floor")]
        beside_peer = _ratios(own, _better_peer)
        beside_floor = _ratios(own, lambda found: found.get("floor"))
        goal, verdict = _judge(work, own, beside_peer, beside_floor)
        row = [work.title, *("-" if rate != rate else f"{rate:,.0f}" for rate in rates)]
        row += [f"{median(found):.2f}" if found else "-" for found in (beside_peer, beside_floor)]
        rows.append([*row, goal, verdict])
    print(f"\n{report.table(head, rows)}")


def _judge(work, samples, beside_peer, beside_floor):
    """The goal in words, and whether it is met; peers or floor may be missing."""
    goal = FULL_GOAL if work.is_full else RESUMED_GOAL
    ratio, text = beside_peer, f"{goal:.2f} peer"
    room = _ratios(samples, _better_peer, above="floor")
    if work.is_full and room and median(room) < goal:
        goal, ratio, text = FLOOR_GOAL, beside_floor, f"{FLOOR_GOAL:.2f} OpenSSL"
    if any(s["errors"] for s in samples):
        return text, "void, there were errors"
    if not ratio:
        return text, "-"
    return text, "met" if round(median(ratio), 2) >= goal else "MISSED"


def _better_peer(rates):
    return max((rates[name] for name in PEERS if name in rates), default=None)


def _ratios(samples, of, above="gatehouse"):
    """The rate of one over what `of` takes from the rates, for each round that has both."""
    rounds = {}
    for sample in samples:
        if sample.get("handshakes_per_cpu_s"):
            rates = rounds.setdefault(sample["round"], {})
            rates[sample["proxy"]] = sample["handshakes_per_cpu_s"]
    pairs = [(rates.get(above), of(rates)) for _, rates in sorted(rounds.items())]
    return [rate / other for rate, other in pairs if rate and other]


def _middle(samples, proxy, key):
    found = [s[key] for s in samples if s["proxy"] == proxy and key in s]
    return median(found) if found else float("nan")
