"""The state of each component, and who is alerted: readiness, heartbeats, health, alerts."""
