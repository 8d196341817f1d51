"""What crabwalk says at GitHub: one comment an environment on a pull request, one issue an environment and matter.

In: Markdown, and where it belongs. `api` speaks HTTP, with the standard library alone; `text` (pure) knows the marker
by which a later run finds what an earlier one wrote, and GitHub's limit; `sticky` creates, updates and closes.
"""
