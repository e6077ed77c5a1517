"""The real site in a real Chromium: accessible to everyone, usable without JavaScript, safe on a bad network."""
