"""The drain: ends the connections that clients keep to the old colour."""
