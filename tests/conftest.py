"""For all tests."""

import signal

# Where tests are started in the background of a shell, SIGINT is ignored, and whatever they start would inherit that:
# no test of Ctrl-C could end anything.
signal.signal(signal.SIGINT, signal.default_int_handler)
