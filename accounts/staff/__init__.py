"""What every page of our own staff stands on: who may come in, what is written down, how a page looks."""
