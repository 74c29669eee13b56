"""`make bench`: what metering costs, measured against a relay that does nothing but pass calls on."""
