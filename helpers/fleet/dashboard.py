"""Puts Optuna Dashboard in JupyterLab behind Jupyter's token: jupyterlab-optuna 0.3 opens a storage for who has it, and
then answers every account of the machine. `make lab` loads this as an extension of Jupyter's server."""

from __future__ import annotations

from inspect import isawaitable

import jupyterlab_optuna.handlers
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import FallbackHandler, HTTPError


class Guarded(FallbackHandler, JupyterHandler):
    """Answers at Jupyter's own host name, and to who is logged in."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuses all others with 403."""
        user = self.identity_provider.get_user(self)
        self.current_user = await user if isawaitable(user) else user
        if not self.check_host() or not self.current_user:
            raise HTTPError(403)
        FallbackHandler.prepare(self)


def _load_jupyter_server_extension(app: object) -> None:
    """All is done on import, which comes before jupyterlab_optuna makes its handlers: Jupyter goes by the alphabet."""
    jupyterlab_optuna.handlers.FallbackHandler = Guarded
