"""How dates and times are written in each language, also in the admin (FORMAT_MODULE_PATH)."""
