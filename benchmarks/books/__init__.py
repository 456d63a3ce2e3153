"""Books: everybody to a post, beside a flow of least cost over all of them."""
