"""What the tests run on: browser, lab, cage, hosts, copies, a learner, and nbval made strict."""
