"""Laws that hold for whatever a random generator finds, between engines and between text and tree."""
