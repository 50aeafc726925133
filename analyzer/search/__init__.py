"""Finding controls by words: folding that keeps offsets, an index over every text of a control, ranking, excerpts."""
