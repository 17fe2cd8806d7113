"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# CI says whether a change is sound, so there the searches take the same way each time; a person's runs look
# for something new.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
