"""How real circuits differ from ideal ones: one frozen dataclass for each effect, to be listed in any combination."""
