"""Demo data: a catalogue, people, and runs in every state, made through the same actions as the real thing."""
