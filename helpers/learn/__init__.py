"""The devices of the course: the seed, claims, predictions, exercises and the quiz."""

from helpers.learn.claims import ClaimFailed, claim
from helpers.learn.exercises import check, show_solution
from helpers.learn.predictions import Prediction as predict
from helpers.learn.quiz import Question, Quiz, QuizBefore
from helpers.learn.seed import course_seed

__all__ = ["ClaimFailed", "Question", "Quiz", "QuizBefore", "check", "claim", "course_seed", "predict", "show_solution"]
