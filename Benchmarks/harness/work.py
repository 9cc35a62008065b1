"""The work items: what the load does, and the goals it is held to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Work:
    """One row of the results: a load, and the most Gatehouse may cost beside each peer."""

    name: str
    title: str
    load: list = field(default_factory=list)
    connections: int = 64
    # CPU per request (memory: bytes per connection) as a share of the peer's.
    goals: dict = field(default_factory=dict)

    @property
    def is_memory(self):
        return self.name == "memory"

    @property
    def is_handshake(self):
        """A new connection each time."""
        return self.is_full or self.is_resumed

    @property
    def is_full(self):
        return self.name.removesuffix("-12") in ("full", "handshake-full")

    @property
    def is_resumed(self):
        return self.name.removesuffix("-12") in ("resumed", "handshake-resumed")

    @property
    def has_request(self):
        return "--no-request" not in self.load

    @property
    def tls(self):
        return "1.2" if self.name.endswith("-12") else "1.3"


ITEMS = [
    Work(
        "small",
        "200 bytes, keep-alive",
        ["--mode", "get", "--path", "/small", "--body", "200"],
        64,
        {"haproxy": 0.68, "nginx": 0.75},
    ),
    Work(
        "16k",
        "16 KiB down",
        ["--mode", "get", "--path", "/16k", "--body", str(16 << 10)],
        64,
        {"haproxy": 0.58},
    ),
    Work(
        "1m",
        "1 MiB down",
        ["--mode", "get", "--path", "/1m", "--body", str(1 << 20)],
        16,
        {"haproxy": 0.76},
    ),
    Work(
        "upload",
        "1 MiB up (POST)",
        ["--mode", "post", "--path", "/upload", "--body", "3", "--upload", str(1 << 20)],
        16,
        {"haproxy": 0.95},
    ),
    Work(
        "full",
        "new connection, full handshake",
        ["--mode", "connect", "--path", "/small", "--body", "200"],
        32,
        {"haproxy": 0.85},
    ),
    Work(
        "resumed",
        "new connection, resumed",
        ["--mode", "resume", "--path", "/small", "--body", "200"],
        32,
    ),
    Work(
        "memory",
        "memory per idle TLS connection",
        ["--mode", "hold", "--path", "/small", "--body", "200"],
        9000,
        {"haproxy": 0.95},
    ),
]

# p99 may be no worse than a peer's, for every item that has a latency.
P99_GOAL = 1.00


def _handshakes():
    """The two items of new connections in four kinds: each without a request, each in TLS 1.2."""
    for item in ITEMS:
        if not item.is_handshake:
            continue
        for suffix, load in (("", item.load), ("-12", [*item.load, "--tls", "1.2"])):
            kind = f"{item.name}, TLS {'1.2' if suffix else '1.3'}"
            yield Work(f"handshake-{item.name}{suffix}", kind, [*load, "--no-request"], 32)
            yield Work(f"{item.name}{suffix}", f"{kind}, one request", load, 32)


# What `--tls` measures.
HANDSHAKES = sorted(_handshakes(), key=lambda item: (item.tls == "1.2", item.has_request))


def choose(known, names):
    """The items named, in the order of the table; raises ValueError for an unknown name."""
    unknown = [name for name in names if name not in [item.name for item in known]]
    if unknown:
        raise ValueError(
            f"unknown work {unknown[0]!r}; known: {', '.join(item.name for item in known)}"
        )
    return [item for item in known if item.name in names]
