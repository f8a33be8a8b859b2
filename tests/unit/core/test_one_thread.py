"""One thread for linear algebra: the variables are set before NumPy loads, and a user's own ones stay."""

from __future__ import annotations

import os
import subprocess
import sys

from komorebi_qc.core.one_thread import ONE_THREAD, use_one_thread


def test_a_users_own_number_stays() -> None:
    """Only variables that aren't set get a value."""
    environ = {"OPENBLAS_NUM_THREADS": "3"}
    use_one_thread(environ)
    assert environ == {**ONE_THREAD, "OPENBLAS_NUM_THREADS": "3"}


def test_the_command_line_sets_them_before_numpy_loads() -> None:
    """A program that starts as the command does has one thread after a product that OpenBLAS would divide."""
    code = (
        "import sys, os; sys.argv = ['komorebi-qc', '--version']\n"
        "from komorebi_qc.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'numpy' not in sys.modules\n"
        "import numpy as np\n"
        "big = np.ones((600, 600)); big @ big\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    environ = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "1"
