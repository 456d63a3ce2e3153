"""Uplift in the night: what campaigns with control groups taught is kept as numbers, applied to everybody
alike on every engine, and decides what the plan chooses; harm is never sold as a gain."""
