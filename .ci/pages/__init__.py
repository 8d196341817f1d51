"""What of the documentation is made from the repository: pages, pictures, links. See `.ci/documentation.py`."""

RENEW = ".venv/bin/python .ci/documentation.py renew"
