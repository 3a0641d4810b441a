"""Text: encoders, tokens and near-duplicates, and the cache of what is costly."""
