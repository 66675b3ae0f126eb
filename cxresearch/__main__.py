"""``python -m cxresearch``: the command line where no script stands on the path."""

import sys

from cxresearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
