"""Events as they come are decided once, in their order, and leave the tags that a night would compute."""
