"""One sample: a proxy started afresh, warmed up, measured, stopped."""

import json
import subprocess
import time

import machine


class Bench:
    """What the samples share: the programs, the cores, how long to measure."""

    def __init__(self, load, cores, seconds, warmup, connections_held):
        self.load = load
        self.proxy_core, self.load_core = cores
        self.seconds = seconds
        self.warmup = warmup
        self.connections_held = connections_held

    def sample(self, work, proxy):
        """Measures one item through one proxy; a dictionary of results.

        A proxy that fails costs its own figure, never the others'.
        """
        try:
            if proxy.is_floor:
                return proxy.measure(work, self)
            proxy.start(self.proxy_core)
            return self._memory(work, proxy) if work.is_memory else self._speed(work, proxy)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            return {"errors": 1, "first_error": " ".join(str(error).split())}
        finally:
            proxy.stop()

    def _command(self, work, proxy, *more):
        return [str(self.load), "--target", f"127.0.0.1:{proxy.port}", *work.load, *map(str, more)]

    def _popen(self, command):
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=machine.pinned(self.load_core),
        )

    def _speed(self, work, proxy):
        pids = proxy.pids()
        command = self._command(
            work,
            proxy,
            *("--connections", work.connections),
            *("--seconds", self.seconds),
            *("--warmup", self.warmup),
            *("--cpu-of", ",".join(map(str, pids))),
        )
        busy, own, begun = self._core(pids)
        process = self._popen(command)
        try:
            out, _ = process.communicate(timeout=self.seconds + self.warmup + 30)
        finally:
            process.kill()
        busy_after, own_after, ended = self._core(pids)
        result = parse(out, command)
        others = (busy_after - busy) - (own_after - own)
        result["others_share"] = max(0.0, others / (ended - begun))
        if proxy.process.poll() is not None:
            result["errors"] += 1
            result["first_error"] = f"{proxy.name} ended while measured: {proxy.last_words()}"
        if work.is_handshake and result["requests"]:
            result["handshakes_per_cpu_s"] = 1e6 / result["cpu_us_per_request"]
        if machine.tree(proxy.process.pid) != pids:
            result["note"] = "the process tree changed: CPU time is incomplete"
        return result

    def _core(self, pids):
        own = machine.cpu_seconds(pids)
        return machine.core_busy_seconds(self.proxy_core), own, time.monotonic()

    def _memory(self, work, proxy):
        # A short burst first: what is allocated once, at the first request, is not per connection.
        warm = self._command(work, proxy, "--connections", 64, "--seconds", 30)
        subprocess.run(
            warm,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=machine.pinned(self.load_core),
            timeout=60,
        )
        time.sleep(1)
        before = machine.memory_kb(proxy.pids())

        held = self.connections_held
        command = self._command(work, proxy, "--connections", held, "--seconds", 120)
        process = self._popen(command)
        try:
            result = parse(process.stdout.readline(), command)
            time.sleep(2)
            after = machine.memory_kb(proxy.pids())
            out, _ = process.communicate(timeout=30)  # closes its stdin: let go
            result["errors"] += parse(out, command)["dropped"]
        finally:
            process.kill()
        for kind in before:
            result[f"{kind}_before_kb"] = before[kind]
            result[f"{kind}_after_kb"] = after[kind]
            result[f"{kind}_kb"] = (after[kind] - before[kind]) / max(result["held"], 1)
        return result


def parse(line, command):
    """The line of JSON that a C program prints at its end."""
    try:
        return json.loads(line)
    except ValueError:
        raise RuntimeError(f"no result was printed: {' '.join(command)}") from None
