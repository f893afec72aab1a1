//! Nothing but tests: the built programs on a local AWS. See `tests/it`.
