"""What every app may import. Imports no app, and only `bulq.logs` from the rest."""
