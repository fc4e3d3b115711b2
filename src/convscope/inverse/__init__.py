"""Which kernel made this picture from that one? `descend` learns it by gradient descent."""
