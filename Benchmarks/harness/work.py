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


def choose(names):
    """The items named, in the order of the table; raises ValueError for an unknown name."""
    known = {item.name: item for item in ITEMS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown work {unknown[0]!r}; known: {', '.join(known)}")
    return [item for item in ITEMS if item.name in names]
