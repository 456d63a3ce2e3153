"""The house keeps its own rules: sizes, names, words, papers, links, locks and the set-up script."""
