"""Solutions of notebook 09. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 09.1
def divergence(shares_all, shares_best):
    return float(np.sum(shares_all * (shares_best / shares_all - 1) ** 2))


# Exercise 09.2
def importances_for_slow(study):
    return get_param_importances(study, target=lambda trial: -trial.user_attrs["seconds"])


# Exercise 09.3
def above_noise(shares):
    noise = shares["dummy"].quantile(0.95)
    return [name for name in shares.columns.drop("dummy") if shares[name].quantile(0.05) > noise]
