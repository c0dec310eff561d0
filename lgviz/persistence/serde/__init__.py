"""The default serializer: exact, or it refuses."""
