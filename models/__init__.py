"""The domain model: its training code, its evaluation, and the files that the router ships."""
