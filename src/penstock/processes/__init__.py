"""How do several processes serve as one? One owner has what there is once; the API processes ask it."""
