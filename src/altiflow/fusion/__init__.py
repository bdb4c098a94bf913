"""To be handed on."""
