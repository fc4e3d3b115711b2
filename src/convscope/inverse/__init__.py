"""Which kernel made this picture from that one: `recover` solves for it, `descend` learns it step by step."""
