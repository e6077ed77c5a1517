"""The real site in a real Chromium: reachable for everybody, saved whatever the network does, usable without script."""
