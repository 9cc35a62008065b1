"""OpenSSL's own floor as a contender: it takes its turn in each round, as the proxies do."""

import subprocess

import machine
import measure


class Floor:
    """Handshakes in memory with so many tickets, on the proxy's core, by floor.c."""

    is_floor = True

    def __init__(self, name, tickets, program, certificate, version):
        self.name = name
        self.tickets = tickets
        self.program = program
        self.certificate = certificate
        self.version = version

    def takes(self, work):
        """It answers no requests, and without a ticket there is nothing to resume."""
        return not work.has_request and (self.tickets > 0 or work.is_full)

    def measure(self, work, bench):
        """One sample. A twin keeps the other core as busy as the load does beside a proxy."""
        command = [str(self.program), "--certificate", str(self.certificate), "--tls", work.tls]
        command += ["--kind", "full" if work.is_full else "resumed"]
        command += ["--tickets", str(self.tickets), "--warmup", str(bench.warmup)]
        own, twin = [], None
        try:
            for core, more in ((bench.load_core, 1), (bench.proxy_core, 0)):
                own = [*command, "--seconds", str(bench.seconds + more)]
                process = subprocess.Popen(
                    own, stdout=subprocess.PIPE, text=True, preexec_fn=machine.pinned(core)
                )
                twin = twin or process
            out, _ = process.communicate(timeout=bench.seconds + bench.warmup + 30)
        finally:
            for started in {twin, process}:
                started.kill()
                started.wait()
        result = measure.parse(out, own)
        result |= {"errors": 0, "seconds": bench.seconds}
        result["cpu_us_per_request"] = result.pop("cpu_us_per_handshake")
        result["handshakes_per_cpu_s"] = 1e6 / result["cpu_us_per_request"]
        return result

    def stop(self):
        """Nothing runs between samples."""


def make(program, certificate):
    """With the one ticket that Gatehouse sends, and with none."""
    known = f"OpenSSL {machine.openssl_version()}"
    return [
        Floor("floor", 1, program, certificate, known),
        Floor("floor-0", 0, program, certificate, known),
    ]
