"""The nightly run, and the ways to read what it published."""

from __future__ import annotations

from quanke.night.catalogue import catalogue_of, standard_catalogue
from quanke.night.run import Outcome, night
from quanke.night.session import Bank, open_home, parse_day

__all__ = ["Bank", "Outcome", "catalogue_of", "night", "open_home", "parse_day", "standard_catalogue"]
