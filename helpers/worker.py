"""The door to helpers/fleet/worker.py, under the name that learners type: `python -m helpers.worker`."""

from helpers.fleet.worker import leave, main

if __name__ == "__main__":
    leave(main())
