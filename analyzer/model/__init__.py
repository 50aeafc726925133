"""The things Sansho speaks of, as plain immutable records. Nothing here reads files or decides anything."""
