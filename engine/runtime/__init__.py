"""What runs the actors: the partition's loop and what it stands on."""
