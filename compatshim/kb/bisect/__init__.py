"""The exact bad region over a lattice of versions, from few runs: the search, what it claims, and how it is run."""
