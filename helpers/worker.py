"""The door to helpers/fleet/worker.py, under the name that learners type: `python -m helpers.worker`."""

import sys

from helpers.fleet.worker import main

if __name__ == "__main__":
    sys.exit(main())
