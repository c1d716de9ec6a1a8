"""`python -m moo`: the command line."""

import sys

from moo.cli import main

if __name__ == "__main__":
    sys.exit(main())
