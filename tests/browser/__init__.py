"""The notebooks and explorables in JupyterLab, in a real browser."""
