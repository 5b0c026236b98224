"""The course as pages that need no kernel: `make site`."""
