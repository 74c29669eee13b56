"""Months of made-up usage that looks like somebody's: for demonstrations, screenshots and measurements."""
