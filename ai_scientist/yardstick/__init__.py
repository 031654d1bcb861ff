"""The yardstick: what measures a run may not be changed by who is measured, and what looks odd is said."""
