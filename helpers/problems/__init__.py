"""What is searched: recorded trainings, functions with a known optimum, two objectives, the capstone."""
