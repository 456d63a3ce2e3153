"""Proves that control groups are fixed by a hash and by nothing else, are balanced and never spoiled by
another campaign, and that the effect of a campaign is what its numbers say."""
