"""Benchmarks/run: Gatehouse beside HAProxy and nginx, the same work, taken in turns."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import floor
import handshakes
import machine
import proxies
import report
import work as works
from measure import Bench

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="two short rounds: does it work? never a result")
    add("--only", metavar="A,B", help="some items, by name")
    add("--tls", action="store_true", help="handshakes only, beside OpenSSL alone")
    add("--rounds", type=int, metavar="N", help="rounds of each item (default 5)")
    add("--seconds", type=float, metavar="S", help="measured time of a sample (default 5)")
    add("--gatehouse", metavar="PATH", default=ROOT / ".build/release/gatehouse", type=Path)
    add("--proxies", metavar="A,B", default="gatehouse,haproxy,nginx", help="which to measure")
    add("--bare-peers", action="store_true", help="HAProxy and nginx set no X-Forwarded-*")
    add("--held", type=int, default=9000, metavar="N", help="idle connections (default 9000)")
    add("--keep", action="store_true", help="keep the folder of configurations and logs")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1.5 if options.quick else 5)
    options.warmup = 0.3 if options.quick else 1
    options.proxies = options.proxies.split(",")
    for name in options.proxies:
        if name not in proxies.NAMES:
            parser.error(f"unknown proxy {name!r}; known: {', '.join(proxies.NAMES)}")
    known = works.HANDSHAKES if options.tls else works.ITEMS
    try:
        options.items = works.choose(known, options.only.split(",")) if options.only else known
    except ValueError as error:
        parser.error(str(error))
    if "gatehouse" in options.proxies and not os.access(options.gatehouse, os.X_OK):
        parser.error(
            f"no program at {options.gatehouse}: build it (swift build -c release), name it "
            "(--gatehouse PATH), or measure the peers alone (--proxies haproxy,nginx)"
        )
    options.gatehouse = options.gatehouse.resolve()
    return options


def build():
    """The C programs, compiled when their source is newer."""
    folder = HERE / "build"
    folder.mkdir(exist_ok=True)
    openssl = ["-lssl", "-lcrypto"]
    for name, libraries in (("load", openssl), ("floor", openssl), ("origin", [])):
        source, program = HERE / f"{name}.c", folder / name
        if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
            continue
        say(f"compiling {name}.c")
        flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["cc", *flags, "-o", program, source, *libraries], check=True)
    return folder


def start_origins(program, ports, core):
    started = []
    for port in ports:
        started.append(subprocess.Popen([program, str(port)], preexec_fn=machine.pinned(core)))
    for port in ports:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        else:
            raise RuntimeError(f"no server on port {port}")
    return started


def say(what):
    print(what, file=sys.stderr, flush=True)


def measure(options, bench, contenders, samples):
    """Every item, round by round: A B C, C B A, A B C ...; adds to samples."""
    # Memory does not drift with the host as time does: two rounds tell the same as five.
    rounds = {
        item.name: min(options.rounds, 2) if item.is_memory else options.rounds
        for item in options.items
    }
    takers = {item.name: [c for c in contenders if c.takes(item)] for item in options.items}
    total = sum(rounds[name] * len(found) for name, found in takers.items())
    done, begun = 0, time.monotonic()
    told = handshakes if options.tls else report
    for item in options.items:
        found = takers[item.name]
        for number in range(1, rounds[item.name] + 1):
            for proxy in found if number % 2 else reversed(found):
                sample = bench.sample(item, proxy)
                sample |= {"work": item.name, "round": number, "proxy": proxy.name}
                sample |= {"version": proxy.version, "date": options.date}
                samples.append(sample)
                done += 1
                left = (time.monotonic() - begun) / done * (total - done)
                say(f"[{done:3}/{total}] {progress(item, sample)}   {left / 60:.0f} min left")
        told.print_work(item, samples, [proxy.name for proxy in found])
        sys.stdout.flush()


def progress(item, sample):
    who = f"{item.name:8} round {sample['round']}  {sample['proxy']:9}"
    if "handshakes_per_cpu_s" in sample:
        return f"{who} {sample['handshakes_per_cpu_s']:9,.0f} handshakes per CPU second"
    if "seconds" not in sample:
        return f"{who} failed: {sample['first_error'][:200]}"
    if item.is_memory:
        return f"{who} {sample['pss_kb']:9.1f} kB each"
    return f"{who} {sample['rps']:9,.0f}/s {sample['cpu_us_per_request']:9.1f} us"


def keep(options, samples):
    """Writes what was measured, also when the run was cut short."""
    if not samples:
        return
    flags = {"-tls": options.tls, "-bare": options.bare_peers, "-quick": options.quick}
    suffix = "".join(name for name, is_set in flags.items() if is_set)
    file = HERE / "results" / f"{options.date}{suffix}.csv"
    report.write_csv(file, samples)
    print(f"\n{file.relative_to(ROOT)}")


def held_connections(wanted):
    """As many as the descriptor limit allows: HAProxy counts two for each connection."""
    limit = machine.raise_descriptor_limit()
    possible = min(wanted, limit // 2 - 1000, 9500)
    if possible < wanted:
        say(f"holding {possible} connections, not {wanted}: `ulimit -n` is {limit}")
    return possible


def main():
    options = arguments()
    options.date = time.strftime("%Y-%m-%d-%H%M%S")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = machine.two_cores()
    held = held_connections(options.held)
    programs = build()
    os.sched_setaffinity(0, {cores[1]})

    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    origins, contenders, samples = [], [], []
    try:
        proxies.make_certificate(folder)
        taken = set()
        ports = [machine.free_port(taken), machine.free_port(taken)]
        origins = start_origins(programs / "origin", ports, cores[1])
        for name in options.proxies:
            port = machine.free_port(taken)
            settings = (folder, ports, port, options.gatehouse, options.bare_peers)
            contenders.append(proxies.make(name, *settings))
        if options.tls:
            contenders += floor.make(programs / "floor", folder / "bench.pem")
        bare = ", the peers without X-Forwarded-*" if options.bare_peers else ""
        versions = ", ".join(f"{report.NAMES[p.name]} {p.version}" for p in contenders)
        print(f"{machine.description()}\n{versions}")
        print(f"the proxy on core {cores[0]}, all else on core {cores[1]}{bare}")
        print(f"{options.rounds} rounds of {options.seconds:g} s, each after {options.warmup:g} s")
        bench = Bench(programs / "load", cores, options.seconds, options.warmup, held)
        measure(options, bench, contenders, samples)
        told = handshakes if options.tls else report
        told.print_summary(options.items, samples, options.proxies)
    finally:
        keep(options, samples)
        for proxy in contenders:
            proxy.stop()
        for origin in origins:
            proxies.stop(origin)
        if options.keep:
            say(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if any(sample["errors"] for sample in samples) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
        say(f"Benchmarks/run: {error}")
        sys.exit(2)
