"""Reading the books: one file for each thing that is looked at. Nothing here writes."""
