"""What the scenarios are made of: a scripted model server, a raw client, the real binary, graph files."""
