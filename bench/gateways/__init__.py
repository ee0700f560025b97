"""What does a gateway cost in front of an engine, and what do others cost? bench/README.md says how it is measured."""
