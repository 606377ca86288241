"""The settings of a shop without pages: its models and commands are all there is."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only-for-this-example"  # noqa: S105 - nothing is signed with it
INSTALLED_APPS = ["shop"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE_PATH", BASE_DIR / "shop.sqlite3"),
        "OPTIONS": {"timeout": 1},  # seconds that it waits for a lock
    }
}
