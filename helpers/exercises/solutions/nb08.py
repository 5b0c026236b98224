"""Solutions of notebook 08. Each stands in the place of the dots; `check` is called by the notebook."""

# Exercise 08.1
values = np.array([trial.value for trial in down.trials])
lowest_before = np.minimum.accumulate([np.inf, *values])[:-1]
history.choose({int(number) for number in np.flatnonzero(values < lowest_before)})
incumbents = history.answer


# Exercise 08.2
def hours_by_state(frame):
    return frame.groupby("state")["duration"].sum() / pd.Timedelta(hours=1)


# Exercise 08.3
what_it_tells = {
    "plot_optimization_history": "useful",
    "plot_timeline": "useful",
    "plot_contour": "useful",
    "plot_edf": "hollow",
}
