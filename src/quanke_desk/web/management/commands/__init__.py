"""Each file is one command of `quanke-desk`."""
