"""What the kernel knows: CPU time, memory, cores, ports."""

import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path


def tree(pid):
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                children = Path(f"/proc/{parent}/task/{thread}/children").read_text()
                found += [int(child) for child in children.split()]
        except OSError:
            continue
    return found


def cpu_seconds(pids):
    """CPU time of all threads of the processes."""
    total = 0
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def memory_kb(pids):
    """Rss, Pss and private memory of the processes, in kB."""
    sums = {"rss": 0, "pss": 0, "private": 0}
    names = {"Rss": "rss", "Pss": "pss", "Private_Clean": "private", "Private_Dirty": "private"}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            key, _, rest = line.partition(":")
            if key in names:
                sums[names[key]] += int(rest.split()[0])
    return sums


def core_busy_seconds(core):
    """Time the core was not idle, stolen time included."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


def two_cores():
    """The core for the proxy and the core for the load and the servers."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise RuntimeError("two cores are needed: one for the proxy, one for load and servers")
    return cores[0], cores[1]


def raise_descriptor_limit():
    """Lifts the soft limit to the hard one and returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port(taken):
    """A loopback port below the ephemeral range, so that no outgoing connection sits on it."""
    for port in range(20000, 30000):
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            taken.add(port)
            return port
    raise RuntimeError("no free port between 20000 and 29999")


def pinned(core):
    """For Popen's preexec_fn: own process group, one core, and death with the parent."""
    libc = ctypes.CDLL(None)

    def prepare():
        os.setsid()
        os.sched_setaffinity(0, {core})
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    return prepare


def description():
    """One line about the machine, for the head of a report."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    return (
        f"{model.group(1) if model else 'unknown CPU'}, {os.cpu_count()} cores, "
        f"kernel {os.uname().release.split('-')[0]}, {system.group(1) if system else 'Linux'}"
    )


def openssl_version():
    """Of the library, as the program says."""
    said = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()
    return said[1] if len(said) > 1 else "unknown version"
