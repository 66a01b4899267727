"""The last third of the kinds, written when the rules were done and before anybody looked at what they do with them."""

from planted_kinds import Kind

KINDS: dict[str, Kind] = {}
