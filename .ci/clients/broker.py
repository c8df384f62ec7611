"""The program stomp-testbroker, and scenarios to run against it."""

import os
import subprocess
import sys
import time

PATIENCE = 10  # seconds until something that has to happen counts as missing


class Broker:
    """A broker of its own process, on a free port, for one `with` block."""

    def __init__(self, *options, port=0):
        program = [os.environ["STOMP_TESTBROKER"], "--listen", f"127.0.0.1:{port}", *options]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), f"the broker said {line!r}"
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        status = self.process.wait(PATIENCE)
        assert status == 0, f"the broker ended with {status}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.stop()


scenarios = []


def scenario(*cases):
    """Registers a function as a scenario: once, or once for each of the cases."""

    def register(function):
        for arguments in [(case,) for case in cases] or [()]:
            name = " ".join([function.__name__.replace("_", " "), *map(str, arguments)])
            scenarios.append((name, function, arguments))
        return function

    return register


def main(client):
    failed = 0
    for name, function, arguments in scenarios:
        began = time.monotonic()
        try:
            function(*arguments)
        except Exception as error:  # whatever it was, the next scenario has a broker of its own
            failed += 1
            print(f"FAIL {client}: {name}: {type(error).__name__}: {error}", flush=True)
        else:
            print(f"pass {client}: {name} ({time.monotonic() - began:.2f} s)", flush=True)
    print(f"{client}: {len(scenarios) - failed} passed, {failed} failed", flush=True)
    os._exit(1 if failed else 0)  # a client's threads may outlive a failed scenario


def same(what, expected, got):
    assert expected == got, f"{what}: expected {expected!r}, got {got!r}"
