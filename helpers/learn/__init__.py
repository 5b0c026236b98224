"""The devices of the course: the seed, claims, predictions and exercises."""

from helpers.learn.claims import ClaimFailed, claim
from helpers.learn.exercises import check, show_solution
from helpers.learn.predictions import predict
from helpers.learn.seed import course_seed

__all__ = ["ClaimFailed", "check", "claim", "course_seed", "predict", "show_solution"]
