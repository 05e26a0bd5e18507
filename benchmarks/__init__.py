"""How long things take, as ratios between programs that were run in turn on one machine."""
