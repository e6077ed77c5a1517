"""How the parts behind the site are, and who is told: readiness, heartbeats, health, alerts."""
