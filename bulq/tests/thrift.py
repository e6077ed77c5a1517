"""Work that every test would repeat with the same result, done once."""

from whitenoise.middleware import WhiteNoiseMiddleware


def look_for_static_files_once():
    """Every test client creates its own middleware, which would scan all static files: 50 ms."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def add_files_from_finders(self):
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    WhiteNoiseMiddleware.add_files_from_finders = add_files_from_finders
