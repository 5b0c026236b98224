"""The one error of the course: a sentence that says what to do."""


class BadInput(ValueError):
    """Something the learner can mend; in a notebook only the sentence is shown, not the traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints for this error (IPython documentation, 'Custom traceback rendering')."""
        return [f"{type(self).__name__}: {self}"]


def one_of(what: str, value: object, allowed: tuple[object, ...]) -> None:
    """Raises BadInput unless `value` is one of `allowed`."""
    if value not in allowed:
        raise BadInput(f"Unknown {what} {value!r}: choose one of {', '.join(map(repr, allowed))}.")
