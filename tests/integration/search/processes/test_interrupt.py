import os
import signal
import subprocess
import sys

import pytest

from search.processes.interrupt import EXIT_CODE, Interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_raised_when_asked(number):
    before = signal.getsignal(number)
    said = []
    with Interrupt() as interrupt:
        interrupt.notice = said.append
        interrupt.check()
        os.kill(os.getpid(), number)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
    assert signal.getsignal(number) is before
    assert said == ["stopping, with an interim report; once more stops at once"]


def test_the_second_signal_ends_the_process_at_once():
    code = (
        "import os, signal\nfrom search.processes.interrupt import Interrupt\n"
        "with Interrupt():\n"
        "    os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (EXIT_CODE, "")


GONE = """
import os, pty, signal, sys, time
from search.processes.interrupt import Interrupt
pid, terminal = pty.fork()
if pid == 0:
    with Interrupt() as interrupt:
        print("begun", flush=True)
        time.sleep(0.2)
        while os.isatty(1):
            time.sleep(0.02)
        print("unseen", flush=True)
        os.write(2, b"unseen too")
        os._exit(7 if not interrupt.requested else 8)
os.read(terminal, 100)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_lost_terminal_ends_nothing():
    done = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "7", done.stderr
