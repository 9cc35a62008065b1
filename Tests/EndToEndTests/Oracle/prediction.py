"""Prediction is truth: random policies, random and boundary packets, three judges.

The reference below is written from docs/firewall.md and shares nothing with the compiler: it looks at one
packet and one policy with Python's ipaddress, plainly, entry by entry. Beside it `gatehouse policy simulate
--real` says what PolicyVerdict predicts and what the kernel does with a true packet. All three must agree.

usage: prediction.py GATEHOUSE FIRST_SEED POLICIES PACKETS [broken]
broken: the reference forgets what a service denies, to see that a disagreement is noticed.
"""
import ipaddress, json, os, random, subprocess, sys, tempfile, time

PAST, FUTURE = "2020-01-01", "2099-12-31"


# The reference

class Reference:
    def __init__(self, policy):
        self.policy = policy

    def group_holds(self, name, address):
        group = self.policy["groups"][name]
        if isinstance(group, list):
            return any(self.entry_holds(entry, address) for entry in group)
        if "file" in group:
            return any(address in network for network in group["networks"] if network.version == address.version)
        inside = any(self.source_holds(s, address) for s in group["include"])
        return inside and not any(self.source_holds(s, address, forever=True) for s in group.get("except", []))

    def entry_holds(self, entry, address, forever=False):
        if isinstance(entry, dict):
            if entry.get("until") == PAST and not forever:
                return False
            entry = entry["cidr"]
        network = ipaddress.ip_network(entry)
        return network.version == address.version and address in network

    def source_holds(self, source, address, forever=False):
        if source == "any":
            return True
        if source in self.policy["groups"]:
            if forever:
                return self.group_holds_forever(source, address)
            return self.group_holds(source, address)
        return self.entry_holds(source, address)

    def group_holds_forever(self, name, address):
        """What is taken out stays out when the entry that takes it out has ended."""
        group = self.policy["groups"][name]
        if isinstance(group, list):
            return any(self.entry_holds(entry, address, forever=True) for entry in group)
        if "file" in group:
            return self.group_holds(name, address)
        inside = any(self.source_holds(s, address, forever=True) for s in group["include"])
        return inside and not any(self.source_holds(s, address, forever=True) for s in group.get("except", []))

    def any_holds(self, sources, address):
        return any(self.source_holds(s, address) for s in sources)

    @staticmethod
    def listens(ports, kind, number):
        for port in ports:
            transport, _, span = port.partition("/")
            first, _, last = span.partition("-")
            if transport == kind and int(first) <= number <= int(last or first):
                return True
        return False

    def verdict(self, packet):
        address = ipaddress.ip_address(packet["from"])
        kind, _, number = packet["to"].partition("/")
        number = int(number)
        if kind == "icmp" and address.version == 4 and number in (3, 11, 12):
            return "allow"
        if kind == "icmpv6" and address.version == 6:
            if number in (1, 2, 3, 4):
                return "allow"
            if number in (130, 131, 132, 143) and address in ipaddress.ip_network("fe80::/10"):
                return "allow"
            if number in (133, 134, 135, 136) and packet["hop_limit"] == 255:
                return "allow"
        p = self.policy
        if self.listens(p["management"]["to"], kind, number) and self.any_holds(p["management"]["from"], address):
            return "allow"
        if self.any_holds(p["deny"], address):
            return "deny"
        for service in p["services"].values():
            if not self.listens(service["listen"], kind, number):
                continue
            if self.any_holds(service.get("deny", []), address) and "broken" not in sys.argv:
                return "deny"
            if service.get("schedule") and not service["open"]:
                return "deny"
            if self.any_holds(service.get("trusted_proxies", []), address):
                return "allow"
            return "allow" if self.any_holds(service["allow"], address) else "deny"
        return "deny"


# Random policies and packets

class Generator:
    def __init__(self, seed, folder):
        self.random, self.folder = random.Random(seed), folder
        # A small world, so that things overlap.
        self.bases = [self.random.randrange(1 << 24, 223 << 24) for _ in range(4)]
        self.bases6 = [(0x2001 << 112) | self.random.randrange(1 << 100) << 8 for _ in range(3)]

    def network(self):
        r = self.random
        if r.random() < 0.35:
            prefix = r.choice([128, 127, 64, 48, 32, 126, 20])
            address = r.choice(self.bases6) + r.randrange(1 << r.choice([1, 8, 64]))
            return str(ipaddress.ip_network((address, prefix), strict=False))
        prefix = r.choice([32, 32, 31, 30, 28, 24, 24, 20, 16, 8, 25])
        address = r.choice(self.bases) + r.randrange(1 << r.choice([2, 8, 16]))
        return str(ipaddress.ip_network((address, prefix), strict=False))

    def entry(self):
        if self.random.random() < 0.25:
            return {"cidr": self.network(), "until": self.random.choice([PAST, FUTURE])}
        return self.network()

    def sources(self, names, any_share=0.1):
        r = self.random
        if r.random() < any_share:
            return ["any"]
        return [r.choice(names) if r.random() < 0.7 else self.network() for _ in range(r.randint(1, 3))]

    def policy(self):
        r = self.random
        groups = {}
        for i in range(r.randint(2, 5)):
            groups[f"g{i}"] = [self.network()] + [self.entry() for _ in range(r.randint(0, 6))]
        if r.random() < 0.6:
            networks = [ipaddress.ip_network(self.network()) for _ in range(r.choice([3, 50, 400]))]
            with open(f"{self.folder}/feed.txt", "w") as file:
                file.write("# a feed\n" + "".join(f"{n} ; x\r\n" for n in networks))
            groups["feed"] = {"file": "feed.txt", "networks": networks}
        for i in range(r.randint(0, 3)):
            names = list(groups)
            groups[f"a{i}"] = {"include": [r.choice(names) for _ in range(r.randint(1, 3))]}
            if r.random() < 0.7:
                groups[f"a{i}"]["except"] = [r.choice(names) if r.random() < 0.5 else self.network()]
        names = list(groups)
        used = set()
        services = {}
        for i in range(r.randint(1, 6)):
            listen = [p for p in (self.port(used) for _ in range(r.randint(1, 3))) if p]
            if not listen:
                continue
            service = {"listen": listen, "allow": self.sources(names, 0.25)}
            if r.random() < 0.4:
                service["deny"] = self.sources(names, 0)
            if r.random() < 0.2:
                service["trusted_proxies"] = self.sources(names, 0)
            if r.random() < 0.2:
                service["log"] = r.choice(["denied", "all"])
            if r.random() < 0.25:
                service["open"] = r.random() < 0.5
                # Of today's days, open all day or on another day only: no edge is near.
                today = time.gmtime().tm_wday
                days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
                near = {(today + d) % 7 for d in (-1, 0, 1)}
                service["schedule"] = {"days": [d for n, d in enumerate(days) if (n in near) == service["open"]]}
            services[f"s{i}"] = service
        management_ports = [p for p in (self.port(used), self.port(used)) if p] or ["tcp/22"]
        return {
            "version": 1, "protect": r.choice(["host", "host+published"]),
            "mode": r.choice(["enforce", "enforce", "audit"]), "groups": groups,
            "management": {"from": self.sources(names, 0), "to": management_ports},
            "deny": self.sources(names, 0) if r.random() < 0.7 else [], "services": services,
        }

    def port(self, used):
        r = self.random
        first = r.choice([22, 53, 80, 443, 5432, 1, 65535, 65530, r.randrange(1, 65000)])
        last = min(65535, first + r.choice([0, 0, 0, 1, 10]))
        transport = r.choice(["tcp", "udp"])
        span = {(transport, n) for n in range(first, last + 1)}
        if span & used:
            return None
        used |= span
        return f"{transport}/{first}" + (f"-{last}" if last > first else "")

    def packets(self, policy, count):
        r = self.random
        edges = [22, 80, 443]
        for ports in [policy["management"]["to"]] + [s["listen"] for s in policy["services"].values()]:
            for port in ports:
                first, _, last = port.partition("/")[2].partition("-")
                edges += [int(first) - 1, int(first), int(last or first), int(last or first) + 1]
        edges = [e for e in edges if 1 <= e <= 65535]
        addresses = []
        def collect(x):
            if isinstance(x, dict):
                for v in x.values(): collect(v)
            elif isinstance(x, list):
                for v in x: collect(v)
            elif not isinstance(x, str):
                if hasattr(x, "network_address"): collect(str(x))
            elif "." in x or "::" in x or x.count(":") > 1:
                try: network = ipaddress.ip_network(x)
                except ValueError: return
                low, high = int(network.network_address), int(network.broadcast_address)
                addresses.extend((network.version, a) for a in (low - 1, low, high, high + 1, r.randint(low, high)))
        collect(policy)
        packets = []
        while len(packets) < count:
            if r.random() < 0.85 and addresses:
                version, number = r.choice(addresses)
            else:
                version = r.choice([4, 6])
                number = r.randrange(1 << 32) if version == 4 else (0x2000 << 112) | r.randrange(1 << 112)
            if not 0 <= number < 1 << (32 if version == 4 else 128):
                continue
            address = (ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address)(number)
            kind = r.choices(["tcp", "udp", "icmp", "other"], [55, 30, 10, 5])[0]
            hop_limit = r.choice([64, 255, 1])
            if kind in ("tcp", "udp"):
                to = f"{kind}/{r.choice(edges) if r.random() < 0.9 else r.randrange(1, 65536)}"
            elif kind == "other":
                to = f"ip/{r.choice([47, 50, 89, 200])}"
            elif version == 4:
                to = f"icmp/{r.choice([0, 3, 4, 5, 9, 11, 12, 13, 17, 30])}"
            else:
                to = f"icmpv6/{r.choice([1, 2, 3, 4, 130, 131, 132, 133, 134, 135, 136, 137, 143, 200])}"
                if r.random() < 0.4:
                    address = ipaddress.IPv6Address((0xfe80 << 112) | r.randrange(1, 1 << 64))
            if not self.sendable(address):
                continue
            fragment = "yes" if kind in ("tcp", "udp") and r.random() < 0.15 else ""
            packets.append({"from": str(address), "to": to, "hop_limit": hop_limit, "fragment": fragment})
        return packets

    @staticmethod
    def sendable(a):
        """What the kernel itself takes for no one's address never meets a rule."""
        if a.version == 4:
            return not (a.is_loopback or a.is_multicast or a.is_unspecified or int(a) >> 24 in (0, 10) or int(a) >= 240 << 24)
        return not (a.is_loopback or a.is_multicast or a.is_unspecified or a.ipv4_mapped or int(a) >> 96 == 0)


def written(policy):
    """As YAML: JSON is YAML, too."""
    copy = json.loads(json.dumps(policy, default=lambda n: None))
    for group in copy["groups"].values():
        if isinstance(group, dict): group.pop("networks", None)
    for service in copy["services"].values(): service.pop("open", None)
    return json.dumps(copy)


def run(gatehouse, seed, count, folder):
    generator = Generator(seed, folder)
    policy = generator.policy()
    packets = generator.packets(policy, count)
    with open(f"{folder}/policy.yaml", "w") as file: file.write(written(policy))
    with open(f"{folder}/packets.csv", "w") as file:
        file.write("from,to,hop_limit,fragment\n")
        for p in packets: file.write(f"{p['from']},{p['to']},{p['hop_limit']},{p['fragment']}\n")
    result = subprocess.run(
        [gatehouse, "policy", "simulate", f"{folder}/policy.yaml", "--file", f"{folder}/packets.csv", "--real",
         "--json", "--state", f"{folder}/state"], capture_output=True, text=True, timeout=120)
    try: rows = json.loads(result.stdout)
    except json.JSONDecodeError:
        # A policy that the checks refuse (an allow that is empty by now, say) is not one to judge packets by.
        return None, result.stdout + result.stderr
    if isinstance(rows, dict): return None, "\n".join(rows["errors"])
    reference = Reference(policy)
    wrong = []
    for packet, row in zip(packets, rows, strict=True):
        expected = reference.verdict(packet)
        if not (expected == row["verdict"] == row["kernel"]):
            wrong.append(f"{packet}: reference {expected}, predicted {row['verdict']} ({row['rule']}), kernel {row['kernel']}")
    allowed = sum(row["verdict"] == "allow" for row in rows)
    return (len(rows), allowed), wrong


def main():
    gatehouse, first, wanted, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    seed, policies, packets, allowed, failures, refused = first, 0, 0, 0, 0, 0
    while policies < wanted:
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = run(gatehouse, seed, count, folder)
            if counts is None:
                refused += 1
                if refused > 3 * wanted: sys.exit(f"too many policies were refused; the last: {wrong}")
            else:
                policies += 1
                packets += counts[0]
                allowed += counts[1]
                if wrong:
                    failures += len(wrong)
                    print(f"seed {seed}: {len(wrong)} disagreements", *wrong[:10], sep="\n  ")
                    print(open(f"{folder}/policy.yaml").read()[:4000])
        seed += 1
    print(f"{policies} policies, {packets} packets, {allowed} allowed, {failures} disagreements ({refused} policies refused)")
    if not 0.05 * packets < allowed < 0.95 * packets: sys.exit("nearly all packets ended the same way: that proves little")
    sys.exit(1 if failures else 0)


main()
