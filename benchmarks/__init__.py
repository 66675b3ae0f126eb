"""Speed beside peers: each module times its subject and its peer in the same run and prints the ratio."""
