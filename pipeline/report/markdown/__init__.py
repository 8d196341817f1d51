"""What happened, as Markdown for where people of a team look: job summary, pull request, issue. Pure.

Foreign text goes through `text` and nothing else, whole documents through `blocks`, which keeps them under GitHub's
limits: 65,536 characters of a comment or an issue, 1 MiB (bytes) of a step's summary.
"""
