"""How much memory a service should have: measured at several sizes, priced, chosen by a strategy, written on request.

In: a released service and events that may be sent many times. Out: a `Tuning`. `measuring` publishes a version of each
size behind an alias of its own, calls it, and puts everything back; `model` is pure: it prices and chooses, and
simulates other sizes for the embedded AWS, where memory changes nothing. The alias `live` is never touched.
"""
