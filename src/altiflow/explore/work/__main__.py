"""``python -m altiflow.explore.work FOLDER PARENT``."""

import sys

from altiflow.explore.work.process import main

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
