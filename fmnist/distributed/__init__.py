"""A study on several machines: who coordinates, who works, what they have to agree on."""
