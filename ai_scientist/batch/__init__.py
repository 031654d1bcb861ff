"""Many ideas at once: who may use which device when, and one process a study."""
