"""A database as the meeting point of many workers: start one, open it, send workers to it."""

from helpers.fleet.database import Database, start_postgres
from helpers.fleet.fleet import Fleet
from helpers.fleet.storage import hide, open_storage

__all__ = ["Database", "Fleet", "hide", "open_storage", "start_postgres"]
