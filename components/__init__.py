"""Component resources: each wires rendered manifests into the engine, and does no more."""
