import os
import signal
import subprocess
import sys

import pytest

from fmnist.interrupt import EXIT_CODE, Interrupt


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
        "import os, signal\nfrom fmnist.interrupt import Interrupt\n"
        "with Interrupt():\n"
        "    os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (EXIT_CODE, "")
