"""A database as the meeting point of many workers: start one, open it, send workers to it."""

from helpers.fleet.fleet import Fleet
from helpers.fleet.postgres import Database, start_postgres
from helpers.fleet.storage import hide, open_storage

__all__ = ["Database", "Fleet", "hide", "open_storage", "start_postgres"]
