"""What services cost: one table of prices, a model of the bill, and what of it CloudWatch can measure.

In: a service's size and its traffic, measured or assumed. Out: a `Bill` of named lines, each with its formula, and in
words what is not part of it. `prices` reads the table, `model` and `changes` are pure, `measured` reads AWS.
"""
