"""Solutions of notebook 04. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 04.1
def good_group(values):
    size = min(int(np.ceil(0.1 * len(values))), 25)
    return np.argsort(values)[:size].tolist()


# Exercise 04.2
def expected_improvement(mean, sigma, best):
    z = (best - mean) / sigma
    return sigma * (z * norm.cdf(z) + norm.pdf(z))


# Exercise 04.3
def next_mean(points, values):
    weights = np.log(3.5) - np.log([1, 2, 3])
    best_three = points[np.argsort(values)[:3]]
    return weights @ best_three / weights.sum()


# Exercise 04.4
answer = "b"
