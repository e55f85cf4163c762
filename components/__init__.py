"""Component resources, which only wire rendered manifests into the engine."""
