"""The session's one deployment of all examples."""

from __future__ import annotations

import pytest
from catalogue_kit import Catalogue

from pipeline import local


@pytest.fixture(scope="session")
def catalogue(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Catalogue:  # noqa: ARG001
    return Catalogue.released(tmp_path_factory.mktemp("catalogue"), "catalogue")
