"""Pages of usage, one file for each thing that is looked at."""
